"""Tables of telemetry: what predictions did, the judge's log, feedback, profiles of inputs, and alerts.

Numbers of predictions are rows of their own for each process that wrote them, so that they add up without locks.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table, UniqueConstraint
from sqlalchemy.dialects.mysql import LONGBLOB

from modelyard.metadata.tables.registry import DOCUMENT, IDENTIFIER, MOMENT, SEQUENCE, metadata, workspace

BYTES = LargeBinary().with_variant(LONGBLOB(), "mysql")

observations = Table(
    "observations",
    metadata,
    Column("version_id", IDENTIFIER, primary_key=True),
    # Empty, with epoch 0 and role `tracked`, where the application predicts elsewhere and tells us.
    Column("endpoint_id", IDENTIFIER, primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    # `live`, `shadow` for copies whose answers were thrown away, or `tracked`.
    Column("role", String(20), primary_key=True),
    # `minute`, `hour` or `day`, and when it began.
    Column("span", String(10), primary_key=True),
    Column("start", MOMENT, primary_key=True),
    # Each recording process writes rows of its own, so that they add up without locks.
    Column("writer", IDENTIFIER, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    # Errors by their code, as JSON.
    Column("codes", DOCUMENT, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    # In billionths of the currency: whole numbers add up exactly.
    Column("cost_nano", BigInteger, nullable=False),
    Column("latency_ns", BigInteger, nullable=False),
    # Latencies in seconds, and tokens of those answers that have any, as JSON of mergeable sketches.
    Column("latency", DOCUMENT, nullable=False),
    Column("sizes", DOCUMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_observations_start", "span", "start"),
    Index("ix_observations_endpoint", "endpoint_id", "start"),
)

recorders = Table(
    "recorders",
    metadata,
    Column("writer", IDENTIFIER, primary_key=True),
    # Of what it has written last: a repeat is known by it.
    Column("number", BigInteger, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_recorders_updated", "updated_at"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("deployment_id", IDENTIFIER, primary_key=True),
    Column("writer", IDENTIFIER, primary_key=True),
    # The writer's own count, from 1.
    Column("number", Integer, primary_key=True, autoincrement=False),
    # Its place in the order in which the judge took it in; empty until then.
    Column("position", Integer, nullable=True),
    Column("units", Integer, nullable=False),
    # Requests that this row leaves out, because there were too many.
    Column("dropped", Integer, nullable=False),
    # The units, in the order in which they ended; see `domain.units`.
    Column("document", BYTES, nullable=False),
    Column("at", MOMENT, nullable=False),
    Index("ix_evidence_position", "deployment_id", "position"),
    Index("ix_evidence_at", "at"),
)

judgements = Table(
    "judgements",
    metadata,
    Column("deployment_id", IDENTIFIER, primary_key=True),
    # Of the last row of evidence that was taken in.
    Column("position", Integer, nullable=False),
    # What the judge goes by, fixed when the deployment begins: JSON of `wire.Terms`.
    Column("terms", DOCUMENT, nullable=False),
    # The judge's whole state at an earlier position, to go on from there after a restart.
    Column("checkpoint_position", Integer, nullable=False),
    Column("checkpoint", BYTES, nullable=False),
    # What the judge said last: JSON of `wire.Judgement`.
    Column("document", DOCUMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    # The order in which it came; what counts in one test came under the lock of its model, so it is the same for all.
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("prediction_id", String(200), nullable=False),
    Column("metric", String(100), nullable=False),
    Column("endpoint_id", IDENTIFIER, nullable=False),
    # The test that it counts in; empty where no lots were drawn for the prediction, or the test had ended.
    Column("deployment_id", IDENTIFIER, nullable=False),
    Column("version_id", IDENTIFIER, nullable=False),
    Column("epoch", Integer, nullable=False),
    # Hash of the key that brought the request to its version, in hexadecimal; all zeros where it had none.
    Column("key_hash", String(16), nullable=False),
    Column("value", Float(53), nullable=False),
    # When it happened, as the application says, and when it came here.
    Column("at", MOMENT, nullable=False),
    Column("recorded_at", MOMENT, nullable=False),
    UniqueConstraint("prediction_id", "metric", name="uq_feedback_prediction"),
    Index("ix_feedback_deployment", "deployment_id", "metric", "seq"),
    Index("ix_feedback_version", "version_id", "metric", "at"),
)

ab_tests = Table(
    "ab_tests",
    metadata,
    Column("deployment_id", IDENTIFIER, primary_key=True),
    # How far evidence, or feedback, was taken in.
    Column("position", BigInteger, nullable=False),
    # The state of the test there; see `domain.abtest`.
    Column("checkpoint", BYTES, nullable=False),
    # How the test stands there: JSON of `wire.AbStanding`.
    Column("document", DOCUMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    # What it is for, such as `predictions`.
    Column("name", String(40), primary_key=True),
    # In hexadecimal; made by the migration, so that all processes have one.
    Column("value", String(200), nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("version_id", IDENTIFIER, primary_key=True),
    # `reference`, or `live`.
    Column("role", String(20), primary_key=True),
    # Empty of a reference.
    Column("endpoint_id", IDENTIFIER, primary_key=True),
    # The hour that it begins at; empty of a reference.
    Column("start", MOMENT, primary_key=True),
    Column("writer", IDENTIFIER, primary_key=True),
    Column("count", BigInteger, nullable=False),
    # Feature → how its values are spread, as JSON; no value of an input is kept as such beyond short categories.
    Column("document", DOCUMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_profiles_start", "start"),
)

exports = Table(
    "exports",
    metadata,
    # A process that counts for `/metrics`; empty of those that have ended.
    Column("writer", IDENTIFIER, primary_key=True),
    # MessagePack of `telemetry.totals.Totals`.
    Column("document", BYTES, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("id", IDENTIFIER, primary_key=True),
    workspace(),
    Column("name", String(100), nullable=False),
    Column("document", DOCUMENT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    UniqueConstraint("name", name="uq_alert_rules_name"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", IDENTIFIER, nullable=False),
    workspace(),
    Column("rule", String(100), nullable=False),
    # What it is about; the environment is empty where the application predicts elsewhere, the version where it is about
    # the endpoint as a whole.
    Column("model", String(250), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("version", String(250), nullable=False),
    # Rule and subject hashed while it is not resolved, so that there is one at a time.
    Column("live", IDENTIFIER, nullable=True),
    # `pending`, `firing` or `resolved`.
    Column("state", String(20), nullable=False),
    Column("severity", String(20), nullable=False),
    # JSON of `domain.alerts.Standing`.
    Column("document", DOCUMENT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("started_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Column("resolved_at", MOMENT, nullable=True),
    UniqueConstraint("id", name="uq_alerts_id"),
    UniqueConstraint("live", name="uq_alerts_live"),
    Index("ix_alerts_state", "workspace", "state", "seq"),
)

silences = Table(
    "silences",
    metadata,
    Column("id", IDENTIFIER, primary_key=True),
    workspace(),
    Column("document", DOCUMENT, nullable=False),
    Column("until", MOMENT, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("created_at", MOMENT, nullable=False),
)

channels = Table(
    "channels",
    metadata,
    Column("id", IDENTIFIER, primary_key=True),
    workspace(),
    Column("name", String(100), nullable=False),
    # `webhook`, `slack`, `pagerduty` or `email`.
    Column("kind", String(20), nullable=False),
    Column("document", DOCUMENT, nullable=False),
    # When the next message may be sent.
    Column("next_at", MOMENT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    UniqueConstraint("name", name="uq_channels_name"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", IDENTIFIER, nullable=False),
    Column("channel_id", IDENTIFIER, nullable=False),
    # Alerts of one group go out in one message.
    Column("group_key", String(200), nullable=False),
    # `waiting`, `sent` or `given_up`.
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    # Until when the sender that has it in hand keeps others from sending it too.
    Column("claimed_until", MOMENT, nullable=True),
    Column("document", DOCUMENT, nullable=False),
    Column("error", DOCUMENT, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    UniqueConstraint("id", name="uq_notifications_id"),
    Index("ix_notifications_due", "state", "due_at"),
    Index("ix_notifications_line", "channel_id", "state", "seq"),
)
