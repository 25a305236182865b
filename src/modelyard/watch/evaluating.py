"""Looks whether anything is wrong: from windows and deployments to alerts, and from alerts to messages.

Rules
1. One process of all evaluates: this is a job of the controller. Everything that it goes by is in the database, so
   whoever has the lease next goes on where the last one was.
2. Gather, decide (`modelyard.domain.alerts`), write. All is read at one moment; each change is a transaction of its
   own, with its event and its messages, and is made only if the alert is still what it was.
3. What a rule says nothing of any more: an alert of a measured rule goes without data, one about something that is gone
   resolves, and so does one whose rule was deleted or switched off.
4. A rule that cannot be followed is logged; its alerts stay as they are, and all other rules go on.
5. Deployments that halted, could not decide, or were rolled back by themselves are alerts without any rule.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.controller import Job, Transactions
from modelyard.domain import alerts as rules
from modelyard.domain.alert_checks import NO_DATA
from modelyard.domain.alerts import Reading, Standing, Subject, Timing, Turn
from modelyard.domain.durations import later
from modelyard.domain.wire import AlertRule, Channel, SilenceRecord
from modelyard.errors import ModelyardError
from modelyard.metadata import alerts, channels, measures, models
from modelyard.metadata.database import Transaction
from modelyard.registry.context import Context, Yard
from modelyard.watch.queueing import tell
from modelyard.watch.readings import (
    EVALUATORS,
    TOLD_S,
    Drift,
    Kept,
    Scene,
    Stretch,
    Windows,
    all_served,
    read_deployments,
)

KEPT_S = 366 * 86_400.0
"""How long an alert is remembered after it resolved."""
MESSAGES_KEPT_S = 30 * 86_400.0

_log = logging.getLogger("modelyard.alerts")
_GONE = Reading(level=rules.GONE)
_SILENT = Reading(level=rules.UNKNOWN)
_OFF = Reading(level=rules.GONE, summary="the rule was deleted or switched off")
_DEPLOYMENTS = Timing()
_OVER = Reading(level=rules.GONE, summary="the deployment went on or ended, another one followed, or a day has passed")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be written of one alert, and which channels are told, by their ids."""

    name: str
    subject: Subject
    row: Row[Any] | None
    turn: Turn
    told: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Sight:
    """All that is there at one moment: rules that are switched on, alerts that are not resolved, who can be told."""

    now: str
    by_name: Mapping[str, AlertRule]
    live: Mapping[str, Mapping[Subject, Row[Any]]]
    """By rule."""
    silences: Sequence[SilenceRecord]
    channels: Sequence[tuple[Row[Any], Channel]]


class Evaluation:
    """Evaluates now and then.

    Args:
        yard: the registry.
    """

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._closed: dict[Stretch, Mapping[measures.Place, measures.Measured]] = {}
        self._kept: dict[Kept, Drift] = {}

    def wanted(self, tx: Transaction) -> bool:
        """Whether there is anything that could be wrong, or was."""
        since = later(self._yard.clock(), -TOLD_S)
        return alerts.any_rule(tx) or alerts.any_live(tx) or measures.any_deployment_since(tx, since)

    def run(self, transactions: Transactions) -> None:
        """Evaluate everything once, and write what follows."""
        now = self._yard.clock()
        with self._yard.database.read() as tx:
            changes = self.look(tx, now)
            is_old = alerts.any_before(tx, later(now, -KEPT_S)) or channels.any_before(tx, later(now, -MESSAGES_KEPT_S))
        for change in changes:
            with transactions() as context:
                apply(context, change)
        if is_old:
            with transactions() as context:
                alerts.forget(context.tx, later(now, -KEPT_S))
                channels.forget(context.tx, later(now, -MESSAGES_KEPT_S))

    def look(self, tx: Transaction, now: str) -> list[Change]:
        """Say what is to be written of which alert."""
        sight = sight_of(tx, now)
        windows = Windows(tx, now, self._closed)
        scene = Scene(tx=tx, now=now, windows=windows, serving=all_served(tx) if sight.by_name else (), kept=self._kept)
        changes: list[Change] = []
        for name, rule in sight.by_name.items():
            firing = frozenset(sight.live.get(name, ()))
            found = _read(name, rule, replace(scene, firing=firing))
            if found is None:
                continue
            missing = _GONE if rule.kind == NO_DATA else _SILENT
            changes += _changes(sight, (name, rule), rules.timing_of(rule), found, missing)
        always = (rules.DEPLOYMENT, None)
        changes += _changes(sight, always, _DEPLOYMENTS, read_deployments(scene), _OVER)
        for name in sorted(sight.live.keys() - {*sight.by_name, rules.DEPLOYMENT}):
            changes += _changes(sight, (name, None), Timing(), {}, _OFF)
        self._closed = windows.closed
        return changes


def _read(name: str, rule: AlertRule, scene: Scene) -> Mapping[Subject, Reading] | None:
    """What a rule finds; None where it cannot be followed, which keeps no other rule from being followed."""
    try:
        return EVALUATORS[rule.kind](rule, scene)
    except ModelyardError:
        raise
    except Exception:  # noqa: BLE001 - whatever one rule meets, its alerts stay as they are and the others go on
        _log.exception("the rule %s met something that nobody foresaw", name)
        return None


def sight_of(tx: Transaction, now: str) -> Sight:
    """Read what is there."""
    found = {row.name: alerts.rule_of(row) for row in alerts.rules(tx)}
    live: dict[str, dict[Subject, Row[Any]]] = {}
    for row in alerts.live(tx):
        live.setdefault(row.rule, {})[alerts.subject_of(row)] = row
    return Sight(
        now=now,
        by_name={name: rule for name, rule in found.items() if rule.enabled},
        live=live,
        silences=alerts.silences_at(tx, now),
        channels=[(row, channels.channel_of(row)) for row in channels.every(tx)],
    )


def _changes(
    sight: Sight,
    named: tuple[str, AlertRule | None],
    timing: Timing,
    found: Mapping[Subject, Reading],
    missing: Reading,
) -> list[Change]:
    """Say what becomes of all alerts of a rule; `missing` stands for what was not found of one that is not resolved."""
    name, rule = named
    own = sight.live.get(name, {})
    changes = []
    for subject in sorted({*found, *own}):
        row = own.get(subject)
        before = None if row is None else alerts.standing_of(row)
        turn = rules.follow(timing, before, found.get(subject, missing), sight.now)
        if turn is None and before is not None:
            # Nothing new; but who was not told yet may have to be, because a silence is over or a channel was made.
            turn = Turn(event=rules.CHANGED, standing=before)
        if turn is None:
            continue
        told = _told(sight, rule, Change(name=name, subject=subject, row=row, turn=turn), before)
        if told or turn.standing != before or turn.event == rules.DROPPED:
            changes.append(Change(name=name, subject=subject, row=row, turn=turn, told=told))
    return changes


def _told(sight: Sight, rule: AlertRule | None, change: Change, before: Standing | None) -> list[str]:
    """The ids of the channels that are told of a change."""
    standing, subject = change.turn.standing, change.subject
    wanting = [
        row.id
        for row, channel in sight.channels
        if rules.is_named(row.name, rule.channels if rule is not None else ())
        and rules.wants(channel, subject, standing.severity)
    ]
    # Also one that is switched off: what it was told stands there until it is on again.
    resolving = {row.id for row, channel in sight.channels if channel.send_resolved}
    silenced = any(rules.fits(one.match, change.name, subject, standing.severity) for one in sight.silences)
    return rules.hearers(change.turn, before, wanting, resolving, silenced=silenced)


def apply(context: Context, change: Change) -> bool:
    """Write a change with its event and its messages; False if the alert is not any more what it was."""
    event, standing = change.turn.event, change.turn.standing
    model = models.by_name(context.tx, change.subject.model) if event in {rules.FIRED, rules.RESOLVES} else None
    if model is not None:
        models.lock_by_id(context.tx, model.id)
    if event == rules.DROPPED:
        return change.row is not None and alerts.drop(context.tx, change.row)
    if event != rules.RESOLVES and change.told:
        standing = replace(standing, told=sorted({*standing.told, *change.told}))
    if change.row is None:
        alert_id = context.yard.new_id("al")
        alerts.add(context.tx, alert_id, change.name, change.subject, standing)
    elif alerts.change(context.tx, change.row, standing):
        alert_id = change.row.id
    else:
        return False
    told = Turn(event=rules.FIRED if event == rules.CHANGED else event, standing=standing)
    tell(context, change.told, rules.notice(alert_id, change.name, change.subject, told))
    if model is not None:
        _record(context, model.id, alert_id, change)
    return True


def _record(context: Context, model_id: str, alert_id: str, change: Change) -> None:
    subject, standing = change.subject, change.turn.standing
    facts: dict[str, Any] = {"alert": alert_id, "rule": change.name, "severity": standing.severity}
    facts |= {"environment": subject.environment, "version": subject.version}
    facts |= {"summary": standing.reason if change.turn.event == rules.RESOLVES else standing.summary}
    context.tell(model_id=model_id, kind=f"alert.{change.turn.event}", data=facts)


def evaluation_job(yard: Yard, every_s: float) -> Job:
    """The job that evaluates."""
    evaluation = Evaluation(yard)
    return Job(name="alerts", every_s=every_s, wanted=evaluation.wanted, run=evaluation.run)
