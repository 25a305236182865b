"""The tables of delivery: who serves what, since when, and how it went.

Rules
- An endpoint has one live deployment at most: `live` is the endpoint's id while the deployment lives, NULL afterwards,
  and unique. NULLs do not conflict in any dialect.
- Rows of `routes` and `deployment_history` are never changed.
- Who controls holds the lease `controller`; its fence grows with each owner, and every controller's write checks it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from modelyard.metadata.tables.registry import DIGEST, DOCUMENT, IDENTIFIER, MOMENT, SEQUENCE, metadata, workspace

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", IDENTIFIER, primary_key=True),
    workspace(),
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("epoch", Integer, nullable=False),
    # The route of the newest epoch, and the configuration, as JSON of `wire.Route` and `wire.EndpointConfiguration`.
    Column("route", DOCUMENT, nullable=False),
    Column("configuration", DOCUMENT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    UniqueConstraint("model_id", "environment", name="uq_endpoints_environment"),
)

routes = Table(
    "routes",
    metadata,
    Column("endpoint_id", IDENTIFIER, ForeignKey("endpoints.id"), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("document", DOCUMENT, nullable=False),
    Column("deployment_id", IDENTIFIER, nullable=True),
    Column("cause", String(64), nullable=False),
    Column("at", MOMENT, nullable=False),
)

deployments = Table(
    "deployments",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", IDENTIFIER, nullable=False),
    workspace(),
    Column("endpoint_id", IDENTIFIER, ForeignKey("endpoints.id"), nullable=False),
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), nullable=False),
    Column("version_id", IDENTIFIER, ForeignKey("versions.id"), nullable=False),
    Column("base_id", IDENTIFIER, nullable=True),
    Column("strategy", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("live", IDENTIFIER, nullable=True),
    Column("step", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("snapshot_id", IDENTIFIER, nullable=False),
    # The plan, the options, the progress and the last verdict, as JSON of `wire.DeploymentDocument`.
    Column("document", DOCUMENT, nullable=False),
    Column("due_at", MOMENT, nullable=True),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Column("finished_at", MOMENT, nullable=True),
    UniqueConstraint("id", name="uq_deployments_id"),
    UniqueConstraint("live", name="uq_deployments_live"),
    Index("ix_deployments_model", "model_id", "seq"),
    Index("ix_deployments_endpoint", "endpoint_id", "seq"),
    Index("ix_deployments_state", "workspace", "state", "seq"),
    Index("ix_deployments_version", "version_id"),
)

deployment_history = Table(
    "deployment_history",
    metadata,
    Column("deployment_id", IDENTIFIER, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("event", String(64), nullable=False),
    Column("from_state", String(20), nullable=False),
    Column("to_state", String(20), nullable=False),
    Column("step", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("actor", String(250), nullable=False),
    Column("reason", DOCUMENT, nullable=False),
    # The evidence, as JSON.
    Column("document", DOCUMENT, nullable=False),
    Column("at", MOMENT, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", IDENTIFIER, nullable=False),
    workspace(),
    Column("endpoint_id", IDENTIFIER, ForeignKey("endpoints.id"), nullable=False),
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    # Place in the model's chain of events that it shows the state of.
    Column("position", Integer, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("healthy", Integer, nullable=False),
    Column("reason", DOCUMENT, nullable=False),
    Column("document", DOCUMENT, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("id", name="uq_snapshots_id"),
    Index("ix_snapshots_endpoint", "endpoint_id", "seq"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", IDENTIFIER, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
)
