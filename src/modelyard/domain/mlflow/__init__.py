"""The rules of MLflow's registry protocol, pure: names, filters, orders, stages, webhooks."""
