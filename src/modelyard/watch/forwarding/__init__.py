"""Sends versions on to tracking systems: MLflow, and Weights & Biases."""
