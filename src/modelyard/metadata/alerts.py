"""Rows of alerts, of their rules and of silences.

Rules
- A rule is replaced or deleted under the lock of the registry's own chain, which gets the event; so names stay unique.
- An alert changes only from the revision that the caller saw, and a subject has one that is not resolved: the column
  `live` is unique and NULL afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, insert, select, update

from modelyard.domain.alerts import FIRING, PENDING, RESOLVED, SEVERITIES, Standing, Subject, live_key
from modelyard.domain.wire import AlertMatch, AlertRecord, AlertRule, AlertRuleRecord, SilenceRecord
from modelyard.metadata.database import Transaction
from modelyard.metadata.scopes import EVERY_MODEL, limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, alert_rules, alerts, silences

_RULES = select(alert_rules).where(alert_rules.c.workspace == DEFAULT_WORKSPACE).order_by(alert_rules.c.name)
_RULE = _RULES.where(alert_rules.c.name == bindparam("name"))
_ANY_RULE = select(alert_rules.c.id).limit(1)
_ADD_RULE = insert(alert_rules)
_CHANGE_RULE = (
    update(alert_rules)
    .where(alert_rules.c.name == bindparam("key"))
    .values(document=bindparam("document"), revision=alert_rules.c.revision + 1, updated_at=bindparam("at"))
)
_DELETE_RULE = delete(alert_rules).where(alert_rules.c.name == bindparam("key"))

_ALERTS = select(alerts).where(alerts.c.workspace == DEFAULT_WORKSPACE)
_ALERT = _ALERTS.where(alerts.c.id == bindparam("id"))
_LIVE = _ALERTS.where(alerts.c.live.is_not(None)).order_by(alerts.c.seq)
_ANY_LIVE = select(alerts.c.id).where(alerts.c.live.is_not(None)).limit(1)
_ADD_ALERT = insert(alerts)
_CHANGE_ALERT = (
    update(alerts)
    .where(alerts.c.id == bindparam("key"), alerts.c.revision == bindparam("seen"))
    .values(
        live=bindparam("live"),
        state=bindparam("state"),
        severity=bindparam("severity"),
        document=bindparam("document"),
        revision=alerts.c.revision + 1,
        updated_at=bindparam("updated_at"),
        resolved_at=bindparam("resolved_at"),
    )
)
_DROP_ALERT = delete(alerts).where(alerts.c.id == bindparam("key"), alerts.c.revision == bindparam("seen"))
_OLD = (alerts.c.state == RESOLVED) & (alerts.c.resolved_at < bindparam("before"))
_ANY_OLD = select(alerts.c.id).where(_OLD).limit(1)
_FORGET = delete(alerts).where(_OLD)

_SILENCES = (
    select(silences)
    .where(silences.c.workspace == DEFAULT_WORKSPACE, silences.c.until > bindparam("now"))
    .order_by(silences.c.until, silences.c.id)
)
_SILENCE = select(silences).where(silences.c.id == bindparam("id"), silences.c.workspace == DEFAULT_WORKSPACE)
_ADD_SILENCE = insert(silences)
_END_SILENCE = update(silences).where(silences.c.id == bindparam("key")).values(until=bindparam("now"))

_rules = msgspec.json.Decoder(AlertRule)
_standings = msgspec.json.Decoder(Standing)
_encode = msgspec.json.Encoder(order="sorted").encode


# ---- rules


def any_rule(tx: Transaction) -> bool:
    """Whether there is any rule."""
    return tx.first(_ANY_RULE) is not None


def rules(tx: Transaction) -> Sequence[Row[Any]]:
    """Return all rules by name."""
    return tx.all(_RULES)


def rule(tx: Transaction, name: str) -> Row[Any] | None:
    """Find a rule by its name."""
    return tx.first(_RULE, {"name": name})


def put_rule(tx: Transaction, name: str, given: AlertRule, *, new_id: str, by: str, at: str) -> None:
    """Insert a rule, or replace the one of that name."""
    document = _document(given)
    if tx.run(_CHANGE_RULE, {"key": name, "document": document, "at": at}).rowcount:
        return
    row = {"id": new_id, "name": name, "document": document, "revision": 1}
    tx.run(_ADD_RULE, {**row, "created_by": by, "created_at": at, "updated_at": at})


def delete_rule(tx: Transaction, name: str) -> None:
    """Delete a rule."""
    tx.run(_DELETE_RULE, {"key": name})


def rule_of(row: Row[Any]) -> AlertRule:
    """Return what a rule's row says."""
    return _rules.decode(row.document)


def rule_record(row: Row[Any]) -> AlertRuleRecord:
    """Return the record of a rule's row."""
    return AlertRuleRecord(
        name=row.name,
        rule=rule_of(row),
        revision=row.revision,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


# ---- alerts


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which alerts a list has: of states, one model, environment or rule, and from a severity on."""

    states: Sequence[str] = ()
    model: str = ""
    environment: str = ""
    rule: str = ""
    severity: str = ""
    patterns: Sequence[str] = EVERY_MODEL


def page(tx: Transaction, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> Sequence[Row[Any]]:
    """Return alerts, the newest first, from before a sequence number on."""
    query = limited(_ALERTS, alerts.c.model, wanted.patterns).order_by(alerts.c.seq.desc()).limit(limit)
    for name in ("model", "environment", "rule"):
        if getattr(wanted, name):
            query = query.where(alerts.c[name] == getattr(wanted, name))
    if wanted.states:
        query = query.where(alerts.c.state.in_(wanted.states))
    if wanted.severity:
        query = query.where(alerts.c.severity.in_(SEVERITIES[SEVERITIES.index(wanted.severity) :]))
    return tx.all(query if before is None else query.where(alerts.c.seq < before))


def by_id(tx: Transaction, alert_id: str) -> Row[Any] | None:
    """Find an alert."""
    return tx.first(_ALERT, {"id": alert_id})


def live(tx: Transaction) -> Sequence[Row[Any]]:
    """Return all alerts that are not resolved, the oldest first."""
    return tx.all(_LIVE)


def any_live(tx: Transaction) -> bool:
    """Whether any alert is not resolved."""
    return tx.first(_ANY_LIVE) is not None


def add(tx: Transaction, alert_id: str, rule_name: str, subject: Subject, standing: Standing) -> None:
    """Insert an alert that begins."""
    row = {"id": alert_id, "rule": rule_name, **asdict(subject), "revision": 1, "started_at": standing.started_at}
    tx.run(_ADD_ALERT, {**row, **_columns(rule_name, subject, standing)})


def change(tx: Transaction, row: Row[Any], standing: Standing) -> bool:
    """Write what an alert has become; False if it is not any more what the caller saw."""
    values = {"key": row.id, "seen": row.revision, **_columns(row.rule, subject_of(row), standing)}
    return tx.run(_CHANGE_ALERT, values).rowcount == 1


def drop(tx: Transaction, row: Row[Any]) -> bool:
    """Forget an alert that never fired; False if it is not any more what the caller saw."""
    return tx.run(_DROP_ALERT, {"key": row.id, "seen": row.revision}).rowcount == 1


def any_before(tx: Transaction, before: str) -> bool:
    """Whether any alert has resolved before a moment."""
    return tx.first(_ANY_OLD, {"before": before}) is not None


def forget(tx: Transaction, before: str) -> None:
    """Delete the alerts that have resolved before a moment."""
    tx.run(_FORGET, {"before": before})


def subject_of(row: Row[Any]) -> Subject:
    """Return what an alert is about."""
    return Subject(model=row.model, environment=row.environment, version=row.version)


def standing_of(row: Row[Any]) -> Standing:
    """Return how an alert stands."""
    return _standings.decode(row.document)


def record(row: Row[Any], *, silenced: bool) -> AlertRecord:
    """Return the record of an alert's row."""
    standing = standing_of(row)
    return AlertRecord(
        id=row.id,
        rule=row.rule,
        state=standing.state,
        severity=standing.severity,
        **asdict(subject_of(row)),
        summary=standing.summary,
        value=standing.value,
        limit=standing.limit,
        requests=standing.requests,
        details=standing.details,
        silenced=silenced,
        started_at=standing.started_at,
        fired_at=standing.fired_at,
        updated_at=standing.updated_at,
        resolved_at=standing.resolved_at,
        reason=standing.reason,
    )


def _columns(rule_name: str, subject: Subject, standing: Standing) -> dict[str, Any]:
    lives = standing.state in {PENDING, FIRING}
    return {
        "live": live_key(rule_name, subject) if lives else None,
        "state": standing.state,
        "severity": standing.severity,
        "document": _document(standing),
        "updated_at": standing.updated_at,
        "resolved_at": standing.resolved_at,
    }


# ---- silences


def add_silence(tx: Transaction, given: SilenceRecord) -> None:
    """Insert a silence."""
    document = msgspec.json.encode({"match": asdict(given.match), "reason": given.reason}).decode()
    values = {"id": given.id, "document": document, "until": given.until}
    tx.run(_ADD_SILENCE, {**values, "created_by": given.created_by, "created_at": given.created_at})


def silences_at(tx: Transaction, now: str) -> list[SilenceRecord]:
    """Return the silences that hold at a moment, the one that ends first at the top."""
    return [silence_record(row) for row in tx.all(_SILENCES, {"now": now})]


def silence(tx: Transaction, silence_id: str) -> Row[Any] | None:
    """Find a silence."""
    return tx.first(_SILENCE, {"id": silence_id})


def end_silence(tx: Transaction, silence_id: str, now: str) -> None:
    """Let a silence end at a moment."""
    tx.run(_END_SILENCE, {"key": silence_id, "now": now})


def silence_record(row: Row[Any]) -> SilenceRecord:
    """Return the record of a silence's row."""
    document = msgspec.json.decode(row.document)
    return SilenceRecord(
        id=row.id,
        match=msgspec.convert(document["match"], AlertMatch),
        until=row.until,
        reason=document["reason"],
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _document(given: AlertRule | Standing) -> str:
    # A record that msgspec has decoded does not hold the defaults that its text left out, and would not write them.
    return _encode(asdict(given)).decode()
