"""Governance: graphs of stages, promotions, principals, webhooks, lineage, and the registry's own chain of events."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import op

from modelyard.domain.inputs import inputs_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SEARCHED = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")
DOCUMENT = sa.Text().with_variant(sa.Text(2**32 - 1), "mysql")
REGISTRY = "md_registry"
BEGINNING = "1970-01-01T00:00:00.000000Z"


def upgrade() -> None:
    """Make the tables, and the row that carries the registry's own events."""
    _extend_events()
    # NULL for the versions that are there: whoever needs it reads their documents instead.
    op.add_column("versions", sa.Column("signature", sa.String(length=64), nullable=True))
    op.create_table(
        "audit_marks",
        _text("model_id", 40, primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
    )
    _make_lifecycle()
    _make_principals()
    _make_webhooks()
    models = sa.table("models", *(sa.column(name) for name in _REGISTRY_ROW))
    op.bulk_insert(models, [_REGISTRY_ROW])
    _index_lineage()


_REGISTRY_ROW = {
    "id": REGISTRY,
    "name": "",
    "live_name": None,
    "description": "",
    "owner": "",
    "team": "",
    "tags": "{}",
    "revision": 1,
    "last_number": 0,
    "live_versions": 0,
    "events": 0,
    "last_event_hash": "",
    "created_at": BEGINNING,
    "updated_at": BEGINNING,
    "deleted_at": BEGINNING,
}


def _text(name: str, length: int, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), **{"nullable": False, **more})  # type: ignore[arg-type]


def _workspace() -> sa.Column[str]:
    return _text("workspace", 64, server_default="default")


def _extend_events() -> None:
    op.add_column("events", sa.Column("txid", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_events_feed", "events", ["txid", "seq"])


def _make_lifecycle() -> None:
    op.create_table(
        "stage_graphs",
        sa.Column("model_id", sa.String(length=40), sa.ForeignKey("models.id"), primary_key=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _text("updated_at", 27),
    )
    op.create_table(
        "placements",
        sa.Column("version_seq", SEQUENCE, sa.ForeignKey("versions.seq"), primary_key=True, autoincrement=False),
        _text("environment", 64, primary_key=True),
        _text("model_id", 40),
        _text("stage", 64),
        _text("entered_at", 27),
    )
    op.create_index("ix_placements_stage", "placements", ["model_id", "stage"])
    op.create_table(
        "promotions",
        sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
        _text("id", 40),
        _workspace(),
        sa.Column("model_id", sa.String(length=40), sa.ForeignKey("models.id"), nullable=False),
        sa.Column("version_id", sa.String(length=40), sa.ForeignKey("versions.id"), nullable=False),
        _text("target_stage", 64),
        _text("state", 20),
        _text("requester", 250),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", DOCUMENT, nullable=False),
        _text("created_at", 27),
        _text("expires_at", 27, nullable=True),
        _text("updated_at", 27),
        sa.UniqueConstraint("id", name="uq_promotions_id"),
    )
    op.create_index("ix_promotions_state", "promotions", ["workspace", "state", "seq"])
    op.create_index("ix_promotions_model", "promotions", ["model_id", "seq"])
    op.create_index("ix_promotions_version", "promotions", ["version_id"])
    op.create_table(
        "lineage_refs",
        sa.Column("version_seq", SEQUENCE, sa.ForeignKey("versions.seq"), primary_key=True, autoincrement=False),
        _text("kind", 20, primary_key=True),
        sa.Column("name", SEARCHED, primary_key=True),
        _text("model_id", 40),
    )
    op.create_index("ix_lineage_refs_name", "lineage_refs", ["kind", "name", "version_seq"])


def _index_lineage() -> None:
    """Write what the versions that are there name as inputs, some hundred versions at a time."""
    seq: sa.ColumnClause[int] = sa.column("seq", sa.BigInteger())
    model_id, document = sa.column("model_id", sa.String()), sa.column("document", sa.Text())
    versions = sa.table("versions", seq, model_id, document)
    refs = sa.table("lineage_refs", *(sa.column(name) for name in ("version_seq", "kind", "name", "model_id")))
    batch = sa.select(seq, model_id, document).select_from(versions).order_by(seq).limit(500)
    last = -1
    while rows := op.get_bind().execute(batch.where(seq > last)).fetchall():
        found = [
            {"version_seq": row.seq, "kind": kind, "name": name, "model_id": row.model_id}
            for row in rows
            for kind, name in inputs_of(msgspec.json.decode(row.document)).found
        ]
        if found:
            op.bulk_insert(refs, found)
        last = rows[-1].seq


def _make_principals() -> None:
    op.create_table(
        "principals",
        _text("name", 250, primary_key=True),
        _workspace(),
        _text("kind", 20),
        sa.Column("grants", DOCUMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _text("created_at", 27),
        _text("updated_at", 27),
        _text("disabled_at", 27, nullable=True),
    )
    op.create_table(
        "tokens",
        _text("id", 40, primary_key=True),
        _workspace(),
        sa.Column("principal", sa.String(length=250), sa.ForeignKey("principals.name"), nullable=False),
        _text("hash", 64),
        sa.Column("grants", DOCUMENT, nullable=True),
        sa.Column("description", DOCUMENT, nullable=False),
        _text("created_at", 27),
        _text("created_by", 250),
        _text("expires_at", 27, nullable=True),
        _text("revoked_at", 27, nullable=True),
        _text("last_used_at", 27, nullable=True),
    )
    op.create_index("ix_tokens_principal", "tokens", ["principal"])


def _make_webhooks() -> None:
    op.create_table(
        "webhooks",
        _text("id", 40, primary_key=True),
        _workspace(),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _text("created_at", 27),
        _text("updated_at", 27),
        _text("deleted_at", 27, nullable=True),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", SEQUENCE, primary_key=True, autoincrement=True),
        _workspace(),
        sa.Column("webhook_id", sa.String(length=40), sa.ForeignKey("webhooks.id"), nullable=False),
        _text("model_id", 40),
        sa.Column("event_seq", SEQUENCE, sa.ForeignKey("events.seq"), nullable=False),
        _text("state", 20),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _text("due_at", 27),
        _text("claimed_until", 27, nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        _text("created_at", 27),
        _text("finished_at", 27, nullable=True),
        sa.UniqueConstraint("webhook_id", "event_seq", name="uq_deliveries_event"),
    )
    op.create_index("ix_deliveries_line", "deliveries", ["state", "webhook_id", "model_id", "event_seq"])
    op.create_index("ix_deliveries_finished", "deliveries", ["state", "finished_at"])
    op.create_index("ix_deliveries_event", "deliveries", ["event_seq"])


def downgrade() -> None:
    """Drop what this migration made; the registry's own events go with it."""
    for name in (
        "audit_marks", "deliveries", "webhooks", "tokens", "principals", "lineage_refs", "promotions", "placements",
        "stage_graphs",
    ):  # fmt: skip
        op.drop_table(name)
    op.execute(f"DELETE FROM events WHERE model_id = '{REGISTRY}'")  # noqa: S608 - a constant
    op.execute(f"DELETE FROM models WHERE id = '{REGISTRY}'")  # noqa: S608 - a constant
    op.drop_index("ix_events_feed", "events")
    op.drop_column("events", "txid")
    op.drop_column("versions", "signature")
