"""Alerts: rules, what is firing, silences, and the channels that people are told through."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain import wire
from modelyard.domain.contract import Operation
from modelyard.domain.wire.alerts import AlertMatch, AlertRule, Channel


@dataclass(frozen=True, kw_only=True)
class ListAlerts:
    """A page of alerts: in one state, of one model, environment, rule or severity, where these are given."""

    state: str = ""
    """`pending`, `firing`, `resolved`, or `live` for the first two."""
    model: str = ""
    environment: str = ""
    rule: str = ""
    severity: str = ""
    """This severity or a higher one."""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedAlert:
    """An alert, by its id."""

    id: str


@dataclass(frozen=True, kw_only=True)
class ListAlertRules:
    """All rules."""


@dataclass(frozen=True, kw_only=True)
class NamedAlertRule:
    """A rule, by its name."""

    name: str


@dataclass(frozen=True, kw_only=True)
class SetAlertRule(NamedAlertRule):
    """A rule as it shall be from now on; one of this name is replaced."""

    rule: AlertRule
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteAlertRule(NamedAlertRule):
    """A rule that is not wanted any more; its alerts resolve."""

    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class SetDefaultAlertRules:
    """The rules that are there for everybody, for the models of a pattern; a prefix keeps several sets apart.

    Rules of these names that are there already stay as they are.
    """

    model: str = "*"
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Alerts that nobody shall be told about for some time."""

    match: AlertMatch
    duration: str = ""
    """A length of time such as `2h`; or `until` is given."""
    until: str = ""
    """An ISO 8601 moment."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ListSilences:
    """All silences that hold now."""


@dataclass(frozen=True, kw_only=True)
class NamedSilence:
    """A silence, by its id."""

    id: str


@dataclass(frozen=True, kw_only=True)
class ListChannels:
    """All channels."""


@dataclass(frozen=True, kw_only=True)
class NamedChannel:
    """A channel, by its name."""

    name: str


@dataclass(frozen=True, kw_only=True)
class SetChannel(NamedChannel):
    """A channel as it shall be from now on; one of this name is replaced."""

    channel: Channel
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteChannel(NamedChannel):
    """A channel that is not wanted any more, with what was still to be sent."""

    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class ListNotifications(NamedChannel):
    """A page of a channel's messages, in one state if given: `waiting`, `sent` or `given_up`."""

    state: str = ""
    limit: int = 100
    page_token: str = ""


_READ, _MANAGE, _CHANNELS = "alert.read", "alert.manage", "channel.manage"
_RULE = "/api/alerts/rules/{name}"
_CHANNEL = "/api/alerts/channels/{name}"

LIST_ALERTS = Operation(
    "list_alerts", "GET", "/api/alerts", _READ, ListAlerts, wire.AlertPage, "List alerts, the newest first"
)
GET_ALERT = Operation(
    "get_alert", "GET", "/api/alerts/{id}", _READ, NamedAlert, wire.AlertRecord, "Show one alert"
)  # fmt: skip
LIST_ALERT_RULES = Operation(
    "list_alert_rules", "GET", "/api/alerts/rules", _READ, ListAlertRules, wire.AlertRuleList, "List the rules"
)
GET_ALERT_RULE = Operation(
    "get_alert_rule", "GET", _RULE, _READ, NamedAlertRule, wire.AlertRuleRecord, "Show one rule"
)  # fmt: skip
SET_ALERT_RULE = Operation(
    "set_alert_rule", "PUT", _RULE, _MANAGE, SetAlertRule, wire.AlertRuleRecord, "Make or replace a rule",
    example={"rule": {"kind": "threshold", "metric": "error_rate", "above": 0.05, "for_s": 60.0}},
)  # fmt: skip
DELETE_ALERT_RULE = Operation(
    "delete_alert_rule", "DELETE", _RULE, _MANAGE, DeleteAlertRule, wire.AlertRuleRecord,
    "Delete a rule; its alerts resolve",
)  # fmt: skip
SET_DEFAULT_ALERT_RULES = Operation(
    "set_default_alert_rules", "POST", "/api/alerts/defaults", _MANAGE, SetDefaultAlertRules, wire.AlertRuleList,
    "Switch on the rules that are there for everybody", example={"model": "fraud"},
)  # fmt: skip
SILENCE_ALERTS = Operation(
    "silence_alerts", "POST", "/api/alerts/silences", _MANAGE, Silence, wire.SilenceRecord,
    "Keep people from being told of some alerts for some time", 201,
    {"match": {"model": "fraud"}, "duration": "2h", "reason": "the feature store is moved"},
)  # fmt: skip
LIST_SILENCES = Operation(
    "list_silences", "GET", "/api/alerts/silences", _READ, ListSilences, wire.SilenceList,
    "List the silences that hold now",
)  # fmt: skip
END_SILENCE = Operation(
    "end_silence", "DELETE", "/api/alerts/silences/{id}", _MANAGE, NamedSilence, wire.SilenceRecord, "End a silence"
)
LIST_CHANNELS = Operation(
    "list_channels", "GET", "/api/alerts/channels", _CHANNELS, ListChannels, wire.ChannelList, "List the channels"
)
GET_CHANNEL = Operation(
    "get_channel", "GET", _CHANNEL, _CHANNELS, NamedChannel, wire.ChannelRecord, "Show one channel"
)  # fmt: skip
SET_CHANNEL = Operation(
    "set_channel", "PUT", _CHANNEL, _CHANNELS, SetChannel, wire.ChannelRecord, "Make or replace a channel",
    example={"channel": {"kind": "slack", "url_env": "SLACK_WEBHOOK_URL"}},
)  # fmt: skip
DELETE_CHANNEL = Operation(
    "delete_channel", "DELETE", _CHANNEL, _CHANNELS, DeleteChannel, wire.ChannelRecord,
    "Delete a channel with what was still to be sent",
)  # fmt: skip
TEST_CHANNEL = Operation(
    "test_channel", "POST", _CHANNEL + "/test", _CHANNELS, NamedChannel, wire.NotificationRecord,
    "Send a test message through a channel",
)  # fmt: skip
LIST_NOTIFICATIONS = Operation(
    "list_notifications", "GET", _CHANNEL + "/notifications", _CHANNELS, ListNotifications, wire.NotificationPage,
    "List what was sent through a channel and what still will be, the newest first",
)  # fmt: skip
