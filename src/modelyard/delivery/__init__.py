"""Which version serves whom: deployments, routes, the gateway, snapshots, rollbacks. See docs/architecture.md."""
