"""Alerts: what is wrong, the rules that say so, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from modelyard.domain.wire import (
    AlertMatch,
    AlertRecord,
    AlertRule,
    AlertRuleRecord,
    Channel,
    ChannelRecord,
    NotificationRecord,
    SilenceRecord,
)
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import build, moment_of
from modelyard.facade.base import Base
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
)


class Alerts(Base):
    """The methods of `ModelRegistry` about alerts. A server looks for what is wrong, and sends the messages."""

    def list_alerts(
        self,
        model: str | None = None,
        *,
        state: str | None = None,
        environment: str | None = None,
        rule: str | None = None,
        severity: str | None = None,
        limit: int | None = 100,
    ) -> list[AlertRecord]:
        """Return alerts, the newest first.

        Args:
            model: only those of this model.
            state: "pending", "firing", "resolved", or "live" for those that are not resolved.
            environment: only those of this environment.
            rule: only those of this rule.
            severity: only those of this severity, "info", "warning" or "critical", or a higher one.
            limit: the most to return; None for all.
        """
        given = {"model": model, "state": state, "environment": environment, "rule": rule, "severity": severity}
        return self._all(LIST_ALERTS, lambda page: page.alerts, limit=limit, **given)

    def get_alert(self, alert: str | AlertRecord) -> AlertRecord:
        """Return one alert."""
        return self._call(GET_ALERT, id=_id_of(alert))

    def set_alert_rule(
        self, name: str, kind: str | None = None, *, if_match: int | None = None, **fields: Any
    ) -> AlertRuleRecord:
        """Make a rule, or replace the one of that name.

            registry.set_alert_rule("slow", "threshold", model="fraud", metric="p95", above=0.3, for_s=120)

        Args:
            name: what the rule is called.
            kind: "threshold", "degradation", "burn_rate", "no_data" or "drift".
            if_match: the revision that the rule must still have.
            fields: the other members of `AlertRule`; or the whole of one as `rule`.
        """
        whole = fields.pop("rule", None)
        rule = whole if isinstance(whole, AlertRule) else build(AlertRule, {"kind": kind, **_known(AlertRule, fields)})
        return self._call(SET_ALERT_RULE, name=name, rule=rule, if_match=if_match)

    def set_default_alert_rules(self, model: str = "*", *, prefix: str = "") -> list[AlertRuleRecord]:
        """Switch on the rules that are there for everybody, for a model or a pattern such as "fraud-*".

        Args:
            model: which models they are about.
            prefix: what the names of the rules begin with, where there are several sets of them.

        Returns:
            The rules; those of these names that were there already stay as they are.
        """
        return self._call(SET_DEFAULT_ALERT_RULES, model=model, prefix=prefix).rules

    def list_alert_rules(self) -> list[AlertRuleRecord]:
        """Return the rules, by name."""
        return self._call(LIST_ALERT_RULES).rules

    def get_alert_rule(self, name: str) -> AlertRuleRecord:
        """Return one rule."""
        return self._call(GET_ALERT_RULE, name=_id_of(name))

    def delete_alert_rule(self, name: str, *, if_match: int | None = None) -> AlertRuleRecord:
        """Delete a rule, and return what it was; its alerts resolve."""
        return self._call(DELETE_ALERT_RULE, name=_id_of(name), if_match=if_match)

    def silence_alerts(
        self, *, duration: str | None = None, until: str | date | None = None, reason: str = "", **match: str
    ) -> SilenceRecord:
        """Keep people from being told of some alerts; they are recorded all the same.

        Args:
            duration: for how long, such as "2h"; or `until` is given.
            until: until when.
            reason: why.
            match: patterns of `rule`, `model`, `environment`, `version` and `severity`; at least one.
        """
        pattern = build(AlertMatch, _known(AlertMatch, match))
        end = moment_of("until", until)
        return self._call(SILENCE_ALERTS, match=pattern, duration=duration, until=end, reason=reason)

    def list_silences(self) -> list[SilenceRecord]:
        """Return the silences that hold now, the one that ends first at the top."""
        return self._call(LIST_SILENCES).silences

    def end_silence(self, silence: str | SilenceRecord) -> SilenceRecord:
        """End a silence now."""
        return self._call(END_SILENCE, id=_id_of(silence))

    def set_channel(
        self, name: str, kind: str | None = None, *, if_match: int | None = None, **fields: Any
    ) -> ChannelRecord:
        """Make a channel, or replace the one of that name.

            registry.set_channel("team", "slack", url_env="SLACK_WEBHOOK_URL", severity="warning")

        Secrets are never passed: members that end in `_env` name variables of the server's environment.

        Args:
            name: what the channel is called.
            kind: "webhook", "slack", "pagerduty" or "email".
            if_match: the revision that the channel must still have.
            fields: the other members of `Channel`; or the whole of one as `channel`.
        """
        whole = fields.pop("channel", None)
        given = whole if isinstance(whole, Channel) else build(Channel, {"kind": kind, **_known(Channel, fields)})
        return self._call(SET_CHANNEL, name=name, channel=given, if_match=if_match)

    def list_channels(self) -> list[ChannelRecord]:
        """Return the channels, by name, with how much is still to be sent."""
        return self._call(LIST_CHANNELS).channels

    def get_channel(self, name: str) -> ChannelRecord:
        """Return one channel."""
        return self._call(GET_CHANNEL, name=_id_of(name))

    def delete_channel(self, name: str, *, if_match: int | None = None) -> ChannelRecord:
        """Delete a channel with what was still to be sent, and return what it was."""
        return self._call(DELETE_CHANNEL, name=_id_of(name), if_match=if_match)

    def test_channel(self, name: str) -> NotificationRecord:
        """Queue a test message; `list_notifications` tells what came of it."""
        return self._call(TEST_CHANNEL, name=_id_of(name))

    def list_notifications(
        self, channel: str, *, state: str | None = None, limit: int | None = 100
    ) -> list[NotificationRecord]:
        """Return what was sent through a channel and what still will be, the newest first.

        Args:
            channel: the channel's name.
            state: only those that are "waiting", "sent" or "given_up".
            limit: the most to return; None for all.
        """
        name = _id_of(channel)
        return self._all(LIST_NOTIFICATIONS, lambda page: page.notifications, limit=limit, name=name, state=state)


def _id_of(thing: object) -> str:
    value = thing.id if isinstance(thing, AlertRecord | SilenceRecord) else thing
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"a name or an id is expected, and this is {value!r}")
    return value


def _known(kind: type[Any], given: dict[str, Any]) -> dict[str, Any]:
    """The members of a record among some arguments; sequences become lists."""
    members = kind.__dataclass_fields__
    for name in given:
        if name not in members:
            raise InvalidRequest(f"{kind.__name__} has no {name!r}", hint=f"it has {', '.join(members)}")
    return {key: list(value) if _is_sequence(value) else value for key, value in given.items()}


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
