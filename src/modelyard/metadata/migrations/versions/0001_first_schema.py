"""The first schema: models, versions, aliases, manifests, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERED = sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")
DOCUMENT = sa.Text().with_variant(sa.Text(2**32 - 1), "mysql")

SEARCH = {
    "sqlite": ("CREATE VIRTUAL TABLE versions_search USING fts5(body, prefix='2 3 4 5 6 7 8')",),
    "postgresql": (
        "CREATE TABLE versions_search (seq BIGINT PRIMARY KEY REFERENCES versions(seq), body TSVECTOR NOT NULL)",
        # Without fastupdate, no search has to read through words that still wait to be put in their place.
        "CREATE INDEX ix_versions_search_body ON versions_search USING gin (body) WITH (fastupdate = off)",
    ),
}


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=250), nullable=False),
        sa.Column("workspace", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("response", DOCUMENT, nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("key", "actor"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"], unique=False)
    op.create_table(
        "manifests",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("live_name", sa.String(length=250), nullable=True),
        sa.Column("description", DOCUMENT, nullable=False),
        sa.Column("owner", sa.String(length=250), nullable=False),
        sa.Column("team", sa.String(length=250), nullable=False),
        sa.Column("tags", DOCUMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("live_versions", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("last_event_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("updated_at", sa.String(length=27), nullable=False),
        sa.Column("deleted_at", sa.String(length=27), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace", "live_name", name="uq_models_live_name"),
    )
    op.create_table(
        "pending_views",
        sa.Column("id", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=250), nullable=False),
        sa.Column("version", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "events",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("workspace", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("model_id", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=250), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=250), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=True),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("model_id", "position", name="uq_events_position"),
    )
    op.create_index("ix_events_model", "events", ["model_id", "seq"], unique=False)
    op.create_index("ix_events_version", "events", ["version_id", "seq"], unique=False)
    op.create_table(
        "manifest_blobs",
        sa.Column("manifest", sa.String(length=64), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest"],
            ["manifests.digest"],
        ),
        sa.PrimaryKeyConstraint("manifest", "blob"),
    )
    op.create_index("ix_manifest_blobs_blob", "manifest_blobs", ["blob"], unique=False)
    op.create_table(
        "versions",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("model_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=250), nullable=False),
        sa.Column("precedence", ORDERED, nullable=False),
        sa.Column("label", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(length=40), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("model_hash", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("framework", sa.String(length=100), nullable=False),
        sa.Column("deprecation", DOCUMENT, nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("updated_at", sa.String(length=27), nullable=False),
        sa.Column("deleted_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id", name="uq_versions_id"),
        sa.UniqueConstraint("model_id", "number", name="uq_versions_number"),
        sa.UniqueConstraint("model_id", "version", name="uq_versions_version"),
    )
    op.create_index("ix_versions_digest", "versions", ["digest"], unique=False)
    op.create_index("ix_versions_model_hash", "versions", ["model_hash"], unique=False)
    op.create_index("ix_versions_model_seq", "versions", ["model_id", "seq"], unique=False)
    op.create_index("ix_versions_model_stage", "versions", ["model_id", "stage", "precedence", "number"], unique=False)
    op.create_index("ix_versions_parent", "versions", ["parent_id"], unique=False)
    op.create_index("ix_versions_workspace", "versions", ["workspace", "seq"], unique=False)
    op.create_index("ix_versions_precedence", "versions", ["model_id", "precedence", "number"], unique=False)
    op.create_index("ix_versions_stage", "versions", ["workspace", "stage", "seq"], unique=False)
    op.create_table(
        "aliases",
        sa.Column("model_id", sa.String(length=40), nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["versions.id"],
        ),
        sa.PrimaryKeyConstraint("model_id", "alias"),
    )
    op.create_index("ix_aliases_version", "aliases", ["version_id"], unique=False)
    op.create_table(
        "version_metrics",
        sa.Column("version_seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("metric", sa.String(length=250), nullable=False),
        sa.Column("model_id", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_seq"],
            ["versions.seq"],
        ),
        sa.PrimaryKeyConstraint("version_seq", "metric"),
    )
    op.create_index("ix_version_metrics_value", "version_metrics", ["model_id", "metric", "value"], unique=False)
    for statement in SEARCH[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Drop all tables."""
    for table in (
        "versions_search",
        "pending_views",
        "idempotency",
        "events",
        "manifest_blobs",
        "aliases",
        "version_metrics",
        "versions",
        "manifests",
        "models",
    ):
        op.drop_table(table)
