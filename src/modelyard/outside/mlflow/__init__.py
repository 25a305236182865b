"""MLflow servers, by their REST API: what they have registered, what they have tracked, and the files.

The package `mlflow` is not needed, which takes longer to import than a registry takes to move.
"""
