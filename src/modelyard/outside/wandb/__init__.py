"""Weights & Biases, by its own SDK, which runs in processes of its own."""
