"""The tables of models, versions and the people around them; how they hang together is drawn in the package."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

DEFAULT_WORKSPACE = "default"
REGISTRY = "md_registry"
"""The row among the models that carries the registry's own chain of events. It is a tombstone from birth: no name
finds it, and no list or count has it."""

metadata = MetaData()

# SQLite only counts up by itself in a column of exactly this type.
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
# Precedence keys must sort byte by byte, whatever the locale of the database.
ORDERED = String(500).with_variant(String(500, collation="C"), "postgresql")
# So must names that are searched by their beginning.
SEARCHED = String(250).with_variant(String(250, collation="C"), "postgresql")
# MySQL takes the smallest of its text types that holds this many bytes, which is LONGTEXT.
DOCUMENT = Text().with_variant(Text(2**32 - 1), "mysql")
IDENTIFIER = String(40)
DIGEST = String(64)
MOMENT = String(27)


def workspace() -> Column[str]:
    """Return the column that the main tables share."""
    return Column("workspace", String(64), nullable=False, default=DEFAULT_WORKSPACE, server_default=DEFAULT_WORKSPACE)


models = Table(
    "models",
    metadata,
    Column("id", IDENTIFIER, primary_key=True),
    workspace(),
    Column("name", String(250), nullable=False),
    Column("live_name", String(250), nullable=True),
    Column("description", DOCUMENT, nullable=False),
    Column("owner", String(250), nullable=False),
    Column("team", String(250), nullable=False),
    Column("tags", DOCUMENT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("last_number", Integer, nullable=False),
    Column("live_versions", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("last_event_hash", DIGEST, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    # When its name, its description, or which versions it has and where they stand changed: what MLflow's clients see.
    Column("edited_at", MOMENT, nullable=False, default="", server_default=text("''")),
    Column("deleted_at", MOMENT, nullable=True),
    UniqueConstraint("workspace", "live_name", name="uq_models_live_name"),
    Index("ix_models_owner", "owner", "live_name"),
    Index("ix_models_team", "team", "live_name"),
)

versions = Table(
    "versions",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", IDENTIFIER, nullable=False),
    workspace(),
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("version", String(250), nullable=False),
    Column("precedence", ORDERED, nullable=False),
    Column("label", String(20), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("parent_id", IDENTIFIER, nullable=True),
    Column("digest", DIGEST, nullable=False),
    Column("model_hash", DIGEST, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("framework", String(100), nullable=False),
    Column("signature", DIGEST, nullable=True),
    Column("deprecation", DOCUMENT, nullable=True),
    Column("document", DOCUMENT, nullable=False),
    # Copies of the document's fields, to search by.
    Column("source", DOCUMENT, nullable=True),
    Column("run_id", SEARCHED, nullable=False, default="", server_default=text("''")),
    Column("owner", SEARCHED, nullable=False, default="", server_default=text("''")),
    Column("team", SEARCHED, nullable=False, default="", server_default=text("''")),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    # When its description or its stage changed last: what MLflow's clients see.
    Column("edited_at", MOMENT, nullable=False, default="", server_default=text("''")),
    Column("deleted_at", MOMENT, nullable=True),
    UniqueConstraint("id", name="uq_versions_id"),
    UniqueConstraint("model_id", "number", name="uq_versions_number"),
    UniqueConstraint("model_id", "version", name="uq_versions_version"),
    Index("ix_versions_precedence", "model_id", "precedence", "number"),
    Index("ix_versions_workspace", "workspace", "seq"),
    Index("ix_versions_stage", "workspace", "stage", "seq"),
    Index("ix_versions_model_seq", "model_id", "seq"),
    Index("ix_versions_model_stage", "model_id", "stage", "precedence", "number"),
    Index("ix_versions_parent", "parent_id"),
    Index("ix_versions_digest", "digest"),
    Index("ix_versions_newest", "model_id", "stage", "number"),
    Index("ix_versions_edited", "workspace", "edited_at"),
    Index("ix_versions_run", "run_id"),
    Index("ix_versions_owner", "owner", "seq"),
    Index("ix_versions_team", "team", "seq"),
    Index("ix_versions_model_hash", "model_hash"),
)

version_metrics = Table(
    "version_metrics",
    metadata,
    Column("version_seq", SEQUENCE, ForeignKey("versions.seq"), primary_key=True, autoincrement=False),
    Column("metric", String(250), primary_key=True),
    Column("model_id", IDENTIFIER, nullable=False),
    Column("value", Float(53), nullable=False),
    Index("ix_version_metrics_value", "model_id", "metric", "value"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), primary_key=True),
    Column("alias", String(255), primary_key=True),
    Column("version_id", IDENTIFIER, ForeignKey("versions.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_aliases_version", "version_id"),
)

manifests = Table(
    "manifests",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("body", DOCUMENT, nullable=False),
)

manifest_blobs = Table(
    "manifest_blobs",
    metadata,
    Column("manifest", DIGEST, ForeignKey("manifests.digest"), primary_key=True),
    Column("blob", DIGEST, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Index("ix_manifest_blobs_blob", "blob"),
)

events = Table(
    "events",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    workspace(),
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), nullable=False),
    Column("model", String(250), nullable=False),
    Column("position", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("actor", String(250), nullable=False),
    Column("version_id", IDENTIFIER, nullable=True),
    Column("data", DOCUMENT, nullable=False),
    Column("previous", DIGEST, nullable=False),
    Column("hash", DIGEST, nullable=False),
    # The transaction that wrote it, on PostgreSQL; there, events become visible in another order than they are numbered
    # in. No part of the fact, and not hashed.
    Column("txid", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("model_id", "position", name="uq_events_position"),
    Index("ix_events_model", "model_id", "seq"),
    Index("ix_events_version", "version_id", "seq"),
    Index("ix_events_feed", "txid", "seq"),
    Index("ix_events_actor", "actor", "txid", "seq"),
    Index("ix_events_at", "at", "txid", "seq"),
    # By which name a model was known before.
    Index(
        "ix_events_renamed",
        "model",
        sqlite_where=text("type = 'model.renamed'"),
        postgresql_where=text("type = 'model.renamed'"),
    ),
)

audit_marks = Table(
    "audit_marks",
    metadata,
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), primary_key=True),
    Column("position", Integer, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("actor", String(250), primary_key=True),
    Column("workspace", String(64), nullable=False, default=DEFAULT_WORKSPACE, server_default=DEFAULT_WORKSPACE),
    Column("operation", String(64), nullable=False),
    Column("fingerprint", DIGEST, nullable=False),
    Column("response", DOCUMENT, nullable=False),
    Column("at", MOMENT, nullable=False),
    Index("ix_idempotency_at", "at"),
)

pending_views = Table(
    "pending_views",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("version_id", IDENTIFIER, nullable=False),
    Column("model", String(250), nullable=False),
    Column("version", String(250), nullable=False),
    # A note's id must not come back while another process still holds it.
    sqlite_autoincrement=True,
)

stage_graphs = Table(
    "stage_graphs",
    metadata,
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), primary_key=True),
    Column("document", DOCUMENT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

placements = Table(
    "placements",
    metadata,
    Column("version_seq", SEQUENCE, ForeignKey("versions.seq"), primary_key=True, autoincrement=False),
    Column("environment", String(64), primary_key=True),
    Column("model_id", IDENTIFIER, nullable=False),
    Column("stage", String(64), nullable=False),
    Column("entered_at", MOMENT, nullable=False),
    Index("ix_placements_stage", "model_id", "stage"),
)

promotions = Table(
    "promotions",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", IDENTIFIER, nullable=False),
    workspace(),
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), nullable=False),
    Column("version_id", IDENTIFIER, ForeignKey("versions.id"), nullable=False),
    Column("target_stage", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("requester", String(250), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("document", DOCUMENT, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=True),
    Column("updated_at", MOMENT, nullable=False),
    UniqueConstraint("id", name="uq_promotions_id"),
    Index("ix_promotions_state", "workspace", "state", "seq"),
    Index("ix_promotions_model", "model_id", "seq"),
    Index("ix_promotions_version", "version_id"),
)

lineage_refs = Table(
    "lineage_refs",
    metadata,
    Column("version_seq", SEQUENCE, ForeignKey("versions.seq"), primary_key=True, autoincrement=False),
    Column("kind", String(20), primary_key=True),
    Column("name", SEARCHED, primary_key=True),
    Column("model_id", IDENTIFIER, nullable=False),
    Index("ix_lineage_refs_name", "kind", "name", "version_seq"),
)

principals = Table(
    "principals",
    metadata,
    Column("name", String(250), primary_key=True),
    workspace(),
    Column("kind", String(20), nullable=False),
    Column("grants", DOCUMENT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Column("disabled_at", MOMENT, nullable=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", IDENTIFIER, primary_key=True),
    workspace(),
    Column("principal", String(250), ForeignKey("principals.name"), nullable=False),
    Column("hash", DIGEST, nullable=False),
    # What the token may do of what its principal may; NULL: all of it.
    Column("grants", DOCUMENT, nullable=True),
    Column("description", DOCUMENT, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("expires_at", MOMENT, nullable=True),
    Column("revoked_at", MOMENT, nullable=True),
    Column("last_used_at", MOMENT, nullable=True),
    Index("ix_tokens_principal", "principal"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", IDENTIFIER, primary_key=True),
    workspace(),
    # `modelyard`, or `mlflow` for what speaks as MLflow's webhooks do.
    Column("format", String(20), nullable=False, default="modelyard", server_default="modelyard"),
    Column("url", Text, nullable=False),
    # Sealed JSON; see `modelyard.metadata.vault`.
    Column("secret", Text, nullable=False),
    # Which events of which models, as JSON lists of patterns, and what people say about it.
    Column("document", DOCUMENT, nullable=False),
    Column("active", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    # A tombstone: a transaction that began before may still queue an event for it.
    Column("deleted_at", MOMENT, nullable=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    workspace(),
    Column("webhook_id", IDENTIFIER, ForeignKey("webhooks.id"), nullable=False),
    Column("model_id", IDENTIFIER, nullable=False),
    Column("event_seq", SEQUENCE, ForeignKey("events.seq"), nullable=False),
    # Which of the messages that the event stands for; and the message, where it is not the event itself.
    Column("part", Integer, nullable=False, default=0, server_default="0"),
    Column("message", DOCUMENT, nullable=True),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    Column("claimed_until", MOMENT, nullable=True),
    Column("last_status", Integer, nullable=True),
    Column("last_error", Text, nullable=True),
    Column("created_at", MOMENT, nullable=False),
    Column("finished_at", MOMENT, nullable=True),
    UniqueConstraint("webhook_id", "event_seq", "part", name="uq_deliveries_event"),
    Index("ix_deliveries_line", "state", "webhook_id", "model_id", "event_seq", "part"),
    Index("ix_deliveries_finished", "state", "finished_at"),
    Index("ix_deliveries_event", "event_seq"),
)
