"""Delivery: endpoints, their routes, deployments, snapshots, what predictions did, and who controls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.Text().with_variant(sa.Text(2**32 - 1), "mysql")


def _text(name: str, size: int, *, null: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=size), nullable=null, primary_key=primary_key)


def _id(name: str, *, null: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return _text(name, 40, null=null, primary_key=primary_key)


def _moment(name: str, *, null: bool = False) -> sa.Column[str]:
    return _text(name, 27, null=null)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _document(name: str) -> sa.Column[str]:
    return sa.Column(name, DOCUMENT, nullable=False)


def _workspace() -> sa.Column[str]:
    return sa.Column("workspace", sa.String(length=64), nullable=False, server_default="default")


def _sequence() -> sa.Column[int]:
    return sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Make the tables."""
    _make_endpoints()
    _make_deployments()
    _make_snapshots()
    op.create_table(
        "observations",
        _id("endpoint_id", primary_key=True),
        sa.Column("epoch", sa.Integer(), primary_key=True, autoincrement=False),
        _id("version_id", primary_key=True),
        _text("role", 20, primary_key=True),
        _text("minute", 27, primary_key=True),
        _id("writer", primary_key=True),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        _document("latency"),
        _moment("updated_at"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
    )
    op.create_index("ix_observations_minute", "observations", ["minute"])
    op.create_table(
        "leases",
        _text("name", 64, primary_key=True),
        _id("owner"),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        _moment("expires_at"),
    )


def downgrade() -> None:
    """Remove the tables."""
    for table in ("leases", "observations", "snapshots", "deployment_history", "deployments", "routes", "endpoints"):
        op.drop_table(table)


def _make_endpoints() -> None:
    op.create_table(
        "endpoints",
        _id("id", primary_key=True),
        _workspace(),
        _id("model_id"),
        _text("environment", 64),
        _text("kind", 20),
        _number("epoch"),
        _document("route"),
        _document("configuration"),
        _number("revision"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.UniqueConstraint("model_id", "environment", name="uq_endpoints_environment"),
    )
    op.create_table(
        "routes",
        _id("endpoint_id", primary_key=True),
        sa.Column("epoch", sa.Integer(), primary_key=True, autoincrement=False),
        _document("document"),
        _id("deployment_id", null=True),
        _text("cause", 64),
        _moment("at"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
    )


def _make_deployments() -> None:
    op.create_table(
        "deployments",
        _sequence(),
        _id("id"),
        _workspace(),
        _id("endpoint_id"),
        _id("model_id"),
        _id("version_id"),
        _id("base_id", null=True),
        _text("strategy", 64),
        _text("state", 20),
        _id("live", null=True),
        _number("step"),
        _number("revision"),
        _id("snapshot_id"),
        _document("document"),
        _moment("due_at", null=True),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("finished_at", null=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.UniqueConstraint("id", name="uq_deployments_id"),
        sa.UniqueConstraint("live", name="uq_deployments_live"),
    )
    op.create_index("ix_deployments_model", "deployments", ["model_id", "seq"])
    op.create_index("ix_deployments_endpoint", "deployments", ["endpoint_id", "seq"])
    op.create_index("ix_deployments_state", "deployments", ["workspace", "state", "seq"])
    op.create_index("ix_deployments_version", "deployments", ["version_id"])
    op.create_table(
        "deployment_history",
        _id("deployment_id", primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        _text("event", 64),
        _text("from_state", 20),
        _text("to_state", 20),
        _number("step"),
        _number("epoch"),
        _text("actor", 250),
        _document("reason"),
        _document("document"),
        _moment("at"),
    )


def _make_snapshots() -> None:
    op.create_table(
        "snapshots",
        _sequence(),
        _id("id"),
        _workspace(),
        _id("endpoint_id"),
        _id("model_id"),
        _number("epoch"),
        _number("position"),
        _text("digest", 64),
        _number("healthy"),
        _document("reason"),
        _document("document"),
        _text("created_by", 250),
        _moment("created_at"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.UniqueConstraint("id", name="uq_snapshots_id"),
    )
    op.create_index("ix_snapshots_endpoint", "snapshots", ["endpoint_id", "seq"])
