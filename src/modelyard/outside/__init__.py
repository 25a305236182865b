"""Other people's servers, spoken to by ourselves: what asks MLflow, and what every such conversation needs.

The room lies low, so that the server and the importing commands may both use it. It knows no registry.
"""
