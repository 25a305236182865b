"""What the registry knows, in SQL: one implementation for every dialect."""
