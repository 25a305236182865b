"""Pure values and rules: no clock, no file, no SQL, no network, no randomness. Everything comes in as an argument."""
