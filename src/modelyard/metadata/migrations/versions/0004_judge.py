"""The judge: what predictions did by minute, hour and day, its log and state, feedback, profiles, and alerts."""

from __future__ import annotations

from secrets import token_hex

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGBLOB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.Text().with_variant(sa.Text(2**32 - 1), "mysql")
BYTES = sa.LargeBinary().with_variant(LONGBLOB(), "mysql")

COUNTS = ("requests", "errors", "tokens", "cost_nano", "latency_ns")
NEW_TABLES = (
    "notifications", "channels", "silences", "alerts", "alert_rules", "profiles", "secrets", "ab_tests", "feedback",
    "judgements", "evidence", "recorders", "exports",
)  # fmt: skip


def _text(name: str, size: int, *, null: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=size), nullable=null, primary_key=primary_key)


def _id(name: str, *, null: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return _text(name, 40, null=null, primary_key=primary_key)


def _moment(name: str, *, null: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return _text(name, 27, null=null, primary_key=primary_key)


def _number(name: str, *, null: bool = False, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null, primary_key=primary_key, autoincrement=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _document(name: str) -> sa.Column[str]:
    return sa.Column(name, DOCUMENT, nullable=False)


def _workspace() -> sa.Column[str]:
    return sa.Column("workspace", sa.String(length=64), nullable=False, server_default="default")


def _sequence() -> sa.Column[int]:
    return sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Make the tables; what was observed by the minute stays."""
    _rebuild_observations()
    _make_evidence()
    _make_feedback()
    _make_profiles()
    _make_exports()
    _make_alerts()


def downgrade() -> None:
    """Remove the tables; what is known by the minute stays, what was added up by hour and day goes."""
    for table in NEW_TABLES:
        op.drop_table(table)
    op.rename_table("observations", "observations_after")
    op.create_table(
        "observations",
        _id("endpoint_id", primary_key=True),
        _number("epoch", primary_key=True),
        _id("version_id", primary_key=True),
        _text("role", 20, primary_key=True),
        _moment("minute", primary_key=True),
        _id("writer", primary_key=True),
        _count("requests"),
        _count("errors"),
        _count("tokens"),
        _document("latency"),
        _moment("updated_at"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
    )
    op.execute(
        "INSERT INTO observations (endpoint_id, epoch, version_id, role, minute, writer, requests, errors, tokens,"
        " latency, updated_at) SELECT endpoint_id, epoch, version_id, role, start, writer, requests, errors, tokens,"
        " latency, updated_at FROM observations_after WHERE span = 'minute'"
        " AND endpoint_id IN (SELECT id FROM endpoints)"
    )
    op.drop_table("observations_after")
    op.create_index("ix_observations_minute", "observations", ["minute"])


def _rebuild_observations() -> None:
    op.rename_table("observations", "observations_before")
    op.create_table(
        "observations",
        _id("version_id", primary_key=True),
        _id("endpoint_id", primary_key=True),
        _number("epoch", primary_key=True),
        _text("role", 20, primary_key=True),
        _text("span", 10, primary_key=True),
        _moment("start", primary_key=True),
        _id("writer", primary_key=True),
        _count("requests"),
        _count("errors"),
        _document("codes"),
        _count("tokens"),
        _count("cost_nano"),
        _count("latency_ns"),
        _document("latency"),
        _document("sizes"),
        _moment("updated_at"),
    )
    op.execute(
        "INSERT INTO observations (version_id, endpoint_id, epoch, role, span, start, writer, requests, errors, codes,"
        " tokens, cost_nano, latency_ns, latency, sizes, updated_at) SELECT version_id, endpoint_id, epoch, role,"
        " 'minute', minute, writer, requests, errors, '{}', tokens, 0, 0, latency, '{}', updated_at"
        " FROM observations_before"
    )
    op.drop_table("observations_before")
    op.create_index("ix_observations_start", "observations", ["span", "start"])
    op.create_index("ix_observations_endpoint", "observations", ["endpoint_id", "start"])
    op.create_table(
        "recorders",
        _id("writer", primary_key=True),
        _count("number"),
        _moment("updated_at"),
    )
    op.create_index("ix_recorders_updated", "recorders", ["updated_at"])


def _make_evidence() -> None:
    op.create_table(
        "evidence",
        _id("deployment_id", primary_key=True),
        _id("writer", primary_key=True),
        _number("number", primary_key=True),
        _number("position", null=True),
        _number("units"),
        _number("dropped"),
        sa.Column("document", BYTES, nullable=False),
        _moment("at"),
    )
    op.create_index("ix_evidence_position", "evidence", ["deployment_id", "position"])
    op.create_index("ix_evidence_at", "evidence", ["at"])
    op.create_table(
        "judgements",
        _id("deployment_id", primary_key=True),
        _number("position"),
        _document("terms"),
        _number("checkpoint_position"),
        sa.Column("checkpoint", BYTES, nullable=False),
        _document("document"),
        _moment("updated_at"),
    )


def _make_feedback() -> None:
    op.create_table(
        "feedback",
        _sequence(),
        _text("prediction_id", 200),
        _text("metric", 100),
        _id("endpoint_id"),
        _id("deployment_id"),
        _id("version_id"),
        _number("epoch"),
        _text("key_hash", 16),
        sa.Column("value", sa.Float(53), nullable=False),
        _moment("at"),
        _moment("recorded_at"),
        sa.UniqueConstraint("prediction_id", "metric", name="uq_feedback_prediction"),
    )
    op.create_index("ix_feedback_deployment", "feedback", ["deployment_id", "metric", "seq"])
    op.create_index("ix_feedback_version", "feedback", ["version_id", "metric", "at"])
    op.create_table(
        "ab_tests",
        _id("deployment_id", primary_key=True),
        _count("position"),
        sa.Column("checkpoint", BYTES, nullable=False),
        _document("document"),
        _moment("updated_at"),
    )
    kept = op.create_table("secrets", _text("name", 40, primary_key=True), _text("value", 200))
    op.bulk_insert(kept, [{"name": "predictions", "value": token_hex(32)}])


def _make_profiles() -> None:
    op.create_table(
        "profiles",
        _id("version_id", primary_key=True),
        _text("role", 20, primary_key=True),
        _id("endpoint_id", primary_key=True),
        _moment("start", primary_key=True),
        _id("writer", primary_key=True),
        _count("count"),
        _document("document"),
        _moment("updated_at"),
    )
    op.create_index("ix_profiles_start", "profiles", ["start"])


def _make_exports() -> None:
    op.create_table(
        "exports",
        _id("writer", primary_key=True),
        sa.Column("document", BYTES, nullable=False),
        _moment("updated_at"),
    )


def _make_alerts() -> None:
    op.create_table(
        "alert_rules",
        _id("id", primary_key=True),
        _workspace(),
        _text("name", 100),
        _document("document"),
        _number("revision"),
        _text("created_by", 250),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("name", name="uq_alert_rules_name"),
    )
    op.create_table(
        "alerts",
        _sequence(),
        _id("id"),
        _workspace(),
        _text("rule", 100),
        _text("model", 250),
        _text("environment", 64),
        _text("version", 250),
        _id("live", null=True),
        _text("state", 20),
        _text("severity", 20),
        _document("document"),
        _number("revision"),
        _moment("started_at"),
        _moment("updated_at"),
        _moment("resolved_at", null=True),
        sa.UniqueConstraint("id", name="uq_alerts_id"),
        sa.UniqueConstraint("live", name="uq_alerts_live"),
    )
    op.create_index("ix_alerts_state", "alerts", ["workspace", "state", "seq"])
    op.create_table(
        "silences",
        _id("id", primary_key=True),
        _workspace(),
        _document("document"),
        _moment("until"),
        _text("created_by", 250),
        _moment("created_at"),
    )
    op.create_table(
        "channels",
        _id("id", primary_key=True),
        _workspace(),
        _text("name", 100),
        _text("kind", 20),
        _document("document"),
        _moment("next_at"),
        _number("revision"),
        _text("created_by", 250),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("name", name="uq_channels_name"),
    )
    op.create_table(
        "notifications",
        _sequence(),
        _id("id"),
        _id("channel_id"),
        _text("group_key", 200),
        _text("state", 20),
        _number("attempts"),
        _moment("due_at"),
        _moment("claimed_until", null=True),
        _document("document"),
        _document("error"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("id", name="uq_notifications_id"),
    )
    op.create_index("ix_notifications_due", "notifications", ["state", "due_at"])
    op.create_index("ix_notifications_line", "notifications", ["channel_id", "state", "seq"])
