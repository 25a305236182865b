"""Alerts, their rules, silences and channels: listed, made, changed and deleted.

Rules
- Who changes a rule or a silence may manage alerts on all models that its pattern can match, before and after.
- Rules and silences are shown to whoever may read alerts of some model that they can be about.
- Channels are the registry's own: what they send leaves the machine.
- Each change is an event of the registry's own chain. It holds no address: one may be a secret.
- Nobody changes an alert by hand. It follows from what is measured (`modelyard.watch.evaluating`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from modelyard.domain import alert_checks
from modelyard.domain.alerts import FIRING, PENDING, SEVERITIES, STATES, TEST, fits
from modelyard.domain.durations import later, seconds
from modelyard.domain.names import printable, shown
from modelyard.domain.paging import UNBOUNDED, check_limit, number_of, token_after
from modelyard.domain.permissions import Grant, covers, denial, lacking
from modelyard.domain.webhooks import check_text
from modelyard.domain.wire import (
    AlertNotice,
    AlertPage,
    AlertRecord,
    AlertRuleList,
    AlertRuleRecord,
    ChannelList,
    ChannelRecord,
    NotificationPage,
    NotificationRecord,
    SilenceList,
    SilenceRecord,
)
from modelyard.errors import AlertNotFound, Conflict, InvalidRequest
from modelyard.metadata import alerts, channels, models
from modelyard.metadata.database import known
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import (
    DELETE_ALERT_RULE,
    DELETE_CHANNEL,
    END_SILENCE,
    GET_ALERT,
    GET_ALERT_RULE,
    GET_CHANNEL,
    LIST_ALERT_RULES,
    LIST_ALERTS,
    LIST_CHANNELS,
    LIST_NOTIFICATIONS,
    LIST_SILENCES,
    SET_ALERT_RULE,
    SET_CHANNEL,
    SET_DEFAULT_ALERT_RULES,
    SILENCE_ALERTS,
    TEST_CHANNEL,
    DeleteAlertRule,
    DeleteChannel,
    ListAlertRules,
    ListAlerts,
    ListChannels,
    ListNotifications,
    ListSilences,
    NamedAlert,
    NamedAlertRule,
    NamedChannel,
    NamedSilence,
    SetAlertRule,
    SetChannel,
    SetDefaultAlertRules,
    Silence,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import check_revision

MANAGE = "alert.manage"
LIVE = "live"
LONGEST_SILENCE_S = 366 * 86_400.0


@serves(LIST_ALERTS)
def list_alerts(context: Context, request: ListAlerts) -> AlertPage:
    """Return a page of alerts, the newest first."""
    limit = check_limit(request.limit)
    if request.state not in {"", LIVE, *STATES}:
        raise InvalidRequest(
            f"alerts are in no state {shown(request.state)}", hint=f"the states are {', '.join(STATES)}, live"
        )
    if request.severity and request.severity not in SEVERITIES:
        raise InvalidRequest(f"severity is {shown(request.severity)}", hint=f"it is one of {', '.join(SEVERITIES)}")
    for name in ("model", "environment", "rule"):
        printable(getattr(request, name), f"the {name}")
    wanted = alerts.Wanted(
        states=(PENDING, FIRING) if request.state == LIVE else (request.state,) if request.state else (),
        model=request.model,
        environment=request.environment,
        rule=request.rule,
        severity=request.severity,
        patterns=context.models,
    )
    rows = alerts.page(context.tx, wanted, before=number_of(request.page_token), limit=limit + 1)
    token = token_after(rows[limit - 1].seq) if len(rows) > limit else ""
    return AlertPage(alerts=_records(context, rows[:limit]), next_page_token=token)


@serves(GET_ALERT)
def get_alert(context: Context, request: NamedAlert) -> AlertRecord:
    """Return one alert."""
    row = alerts.by_id(context.tx, request.id) if request.id.isprintable() else None
    if row is None or not context.principal.allows(context.permission, row.model):
        raise AlertNotFound(f"there is no alert {shown(request.id)}", hint="list them: modelyard alerts")
    return _records(context, [row])[0]


def _records(context: Context, rows: Sequence[Row[Any]]) -> list[AlertRecord]:
    silences = alerts.silences_at(context.tx, context.now)
    return [alerts.record(row, silenced=is_silenced(silences, row.rule, row, row.severity)) for row in rows]


def is_silenced(silences: Sequence[SilenceRecord], rule: str, row: Row[Any], severity: str) -> bool:
    """Whether some silence is about an alert."""
    return any(fits(one.match, rule, alerts.subject_of(row), severity) for one in silences)


# ---- rules


@serves(LIST_ALERT_RULES)
def list_alert_rules(context: Context, _request: ListAlertRules) -> AlertRuleList:
    """Return the rules that who asks may know of, by name."""
    rows = [row for row in alerts.rules(context.tx) if _shows(context, alerts.rule_of(row).model)]
    return AlertRuleList(rules=[alerts.rule_record(row) for row in rows])


@serves(GET_ALERT_RULE)
def get_alert_rule(context: Context, request: NamedAlertRule) -> AlertRuleRecord:
    """Return one rule."""
    return alerts.rule_record(_rule(context, request.name))


@serves(SET_ALERT_RULE)
def set_alert_rule(context: Context, request: SetAlertRule) -> AlertRuleRecord:
    """Make a rule, or replace the one of that name; where nothing would change, nothing does."""
    name = alert_checks.check_name(request.name, "a rule")
    rule = alert_checks.check_rule(request.rule)
    _require(context, rule.model)
    models.lock_by_id(context.tx, REGISTRY)
    before = alerts.rule(context.tx, name)
    if before is not None:
        if not _shows(context, alerts.rule_of(before).model):
            # To whom the rule is not shown, its models are not named either.
            raise Conflict(f"the rule {name} is there already, for other models", hint="choose another name")
        _require(context, alerts.rule_of(before).model)
    check_revision(before, request.if_match, f"the rule {name}")
    if before is None or asdict(alerts.rule_of(before)) != asdict(rule):
        new_id = context.yard.new_id("ar")
        alerts.put_rule(context.tx, name, rule, new_id=new_id, by=context.actor, at=context.now)
        context.tell(model_id=REGISTRY, kind="alert.rule_set", data={"rule": name, "to": asdict(rule)})
    return alerts.rule_record(known(alerts.rule(context.tx, name)))


@serves(DELETE_ALERT_RULE)
def delete_alert_rule(context: Context, request: DeleteAlertRule) -> AlertRuleRecord:
    """Delete a rule, and return what it was; its alerts resolve when they are looked at next."""
    models.lock_by_id(context.tx, REGISTRY)
    row = _rule(context, request.name)
    _require(context, alerts.rule_of(row).model)
    check_revision(row, request.if_match, f"the rule {row.name}")
    alerts.delete_rule(context.tx, row.name)
    context.tell(model_id=REGISTRY, kind="alert.rule_deleted", data={"rule": row.name})
    return alerts.rule_record(row)


@serves(SET_DEFAULT_ALERT_RULES)
def set_default_alert_rules(context: Context, request: SetDefaultAlertRules) -> AlertRuleList:
    """Make the rules that are there for everybody, and return them; rules of these names stay as they are."""
    _require(context, request.model)
    made: list[AlertRuleRecord] = []
    for name, rule in alert_checks.default_rules(request.model).items():
        alert_checks.check_rule(rule)
        full = alert_checks.check_name(f"{request.prefix}{name}", "a rule")
        present = alerts.rule(context.tx, full)
        if present is None:
            made.append(set_alert_rule(context, SetAlertRule(name=full, rule=rule)))
        elif _shows(context, alerts.rule_of(present).model):
            made.append(alerts.rule_record(present))
    return AlertRuleList(rules=made)


def _rule(context: Context, name: str) -> Row[Any]:
    row = alerts.rule(context.tx, name) if name.isprintable() else None
    if row is None or not _shows(context, alerts.rule_of(row).model):
        raise AlertNotFound(f"there is no rule {shown(name)}", hint="list them: modelyard alert rule list")
    return row


def _require(context: Context, pattern: str) -> None:
    """Refuse what reaches models on which who asks may not manage alerts."""
    beyond = lacking(context.principal, [Grant(allow=MANAGE, model=pattern)])
    if beyond is not None:
        raise denial(context.principal, beyond.allow, beyond.model)


def _shows(context: Context, pattern: str) -> bool:
    """Whether a pattern can be about a model that who asks may know of."""
    return any(covers(one, pattern) or covers(pattern, one) for one in context.models)


# ---- silences


@serves(SILENCE_ALERTS)
def silence_alerts(context: Context, request: Silence) -> SilenceRecord:
    """Keep people from being told of some alerts until a moment."""
    match = alert_checks.check_match(request.match)
    _require(context, match.model)
    until = _until(request, context.now)
    made = SilenceRecord(
        id=context.yard.new_id("si"),
        match=match,
        until=until,
        reason=check_text(request.reason, "the reason"),
        created_by=context.actor,
        created_at=context.now,
    )
    alerts.add_silence(context.tx, made)
    models.lock_by_id(context.tx, REGISTRY)
    facts = {"silence": made.id, "match": asdict(match), "until": until, "reason": made.reason}
    context.tell(model_id=REGISTRY, kind="alert.silenced", data=facts)
    return made


@serves(LIST_SILENCES)
def list_silences(context: Context, _request: ListSilences) -> SilenceList:
    """Return the silences that hold now."""
    found = alerts.silences_at(context.tx, context.now)
    return SilenceList(silences=[one for one in found if _shows(context, one.match.model)])


@serves(END_SILENCE)
def end_silence(context: Context, request: NamedSilence) -> SilenceRecord:
    """Let a silence end now; ending one that is over does no harm."""
    row = alerts.silence(context.tx, request.id) if request.id.isprintable() else None
    if row is None or not _shows(context, alerts.silence_record(row).match.model):
        raise AlertNotFound(f"there is no silence {shown(request.id)}", hint="list them: modelyard alert silence list")
    _require(context, alerts.silence_record(row).match.model)
    if row.until > context.now:
        alerts.end_silence(context.tx, row.id, context.now)
        models.lock_by_id(context.tx, REGISTRY)
        context.tell(model_id=REGISTRY, kind="alert.silence_ended", data={"silence": row.id})
    return alerts.silence_record(known(alerts.silence(context.tx, row.id)))


def _until(request: Silence, now: str) -> str:
    """The end of a silence, as moments are written.

    Raises:
        InvalidRequest: not exactly one of duration and until is given, or it lies in the past or too far ahead.
    """
    if bool(request.duration) == bool(request.until):
        raise InvalidRequest("a silence has an end", hint="give duration, such as 2h, or until, an ISO 8601 moment")
    if request.duration:
        until = later(now, min(seconds(request.duration, "the duration"), 2 * LONGEST_SILENCE_S))
    else:
        try:
            given = datetime.fromisoformat(request.until.strip())
            given = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
        except (ValueError, OverflowError):
            hint = "write 2026-03-01T12:00Z or an offset, +02:00"
            raise InvalidRequest(f"until: {shown(request.until)} is no moment", hint=hint) from None
        until = given.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if not now < until <= later(now, LONGEST_SILENCE_S):
        raise InvalidRequest(f"a silence until {until} cannot be: it is {now} now, and a year is the longest")
    return until


# ---- channels


@serves(LIST_CHANNELS)
def list_channels(context: Context, _request: ListChannels) -> ChannelList:
    """Return the channels, by name."""
    return ChannelList(channels=channels.records(context.tx, channels.every(context.tx)))


@serves(GET_CHANNEL)
def get_channel(context: Context, request: NamedChannel) -> ChannelRecord:
    """Return one channel, with how much is still to be sent."""
    return channels.records(context.tx, [_channel(context, request.name)])[0]


@serves(SET_CHANNEL)
def set_channel(context: Context, request: SetChannel) -> ChannelRecord:
    """Make a channel, or replace the one of that name; where nothing would change, nothing does."""
    name = alert_checks.check_name(request.name, "a channel")
    channel = alert_checks.check_channel(request.channel)
    models.lock_by_id(context.tx, REGISTRY)
    before = channels.by_name(context.tx, name)
    check_revision(before, request.if_match, f"the channel {name}")
    if before is None or asdict(channels.channel_of(before)) != asdict(channel):
        channels.put(context.tx, name, channel, new_id=context.yard.new_id("ch"), by=context.actor, at=context.now)
        facts = {"channel": name, "kind": channel.kind, "active": channel.active, "models": channel.models}
        context.tell(model_id=REGISTRY, kind="channel.set", data=facts)
    return channels.records(context.tx, [known(channels.by_name(context.tx, name))])[0]


@serves(DELETE_CHANNEL)
def delete_channel(context: Context, request: DeleteChannel) -> ChannelRecord:
    """Delete a channel, with what was still to be sent, and return what it was."""
    models.lock_by_id(context.tx, REGISTRY)
    row = _channel(context, request.name)
    check_revision(row, request.if_match, f"the channel {row.name}")
    record = channels.records(context.tx, [row])[0]
    channels.delete_channel(context.tx, row.id)
    context.tell(model_id=REGISTRY, kind="channel.deleted", data={"channel": row.name, "waiting": record.waiting})
    return record


@serves(TEST_CHANNEL)
def test_channel(context: Context, request: NamedChannel) -> NotificationRecord:
    """Queue a test message for a channel, in a line of its own.

    Raises:
        Conflict: it is not active, so nothing is sent through it.
    """
    row = _channel(context, request.name)
    if not channels.channel_of(row).active:
        raise Conflict(f"the channel {row.name} is not active", hint="switch it on before")
    message = context.yard.new_id("no")
    test = AlertNotice(
        alert=message,
        event=TEST,
        rule=TEST,
        severity="info",
        summary=f"a test message, asked for by {context.actor}",
        started_at=context.now,
        at=context.now,
    )
    channels.queue(context.tx, message, row.id, f"{TEST} {message}", [test], due_at=context.now, at=context.now)
    return channels.message_record(known(channels.by_id(context.tx, message)))


@serves(LIST_NOTIFICATIONS)
def list_notifications(context: Context, request: ListNotifications) -> NotificationPage:
    """Return a page of a channel's messages, the newest first."""
    limit = check_limit(request.limit)
    if request.state and request.state not in channels.STATES:
        raise InvalidRequest(
            f"messages are in no state {shown(request.state)}", hint=f"the states are {', '.join(channels.STATES)}"
        )
    row = _channel(context, request.name)
    before = number_of(request.page_token)
    rows = channels.page(
        context.tx, row.id, state=request.state, before=UNBOUNDED if before is None else before, limit=limit + 1
    )
    token = token_after(rows[limit - 1].seq) if len(rows) > limit else ""
    return NotificationPage(notifications=[channels.message_record(row) for row in rows[:limit]], next_page_token=token)


def _channel(context: Context, name: str) -> Row[Any]:
    row = channels.by_name(context.tx, name) if name.isprintable() else None
    if row is None:
        raise AlertNotFound(f"there is no channel {shown(name)}", hint="list them: modelyard alert channel list")
    return row
