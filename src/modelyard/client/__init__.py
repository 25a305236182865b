"""The SDK's half of HTTP: the operations table turned into requests, files sent and fetched whole and verified."""
