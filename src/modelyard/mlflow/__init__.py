"""MLflow's registry protocol, spoken over our use cases; without any web framework."""
