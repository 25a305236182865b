"""Alerts in tests: real use cases, a real evaluation and a real database, in a time that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from components.receiver import Receiver
from components.rollouts import MODEL, Rollouts
from modelyard.config import Settings, load
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
from modelyard.operations import (
    END_SILENCE,
    GET_CHANNEL,
    LIST_ALERTS,
    LIST_NOTIFICATIONS,
    SET_ALERT_RULE,
    SET_CHANNEL,
    SILENCE_ALERTS,
    ListAlerts,
    ListNotifications,
    NamedChannel,
    NamedSilence,
    SetAlertRule,
    SetChannel,
    Silence,
)
from modelyard.outside.outbound import outside_of
from modelyard.registry.context import Yard
from modelyard.watch.evaluating import Evaluation
from modelyard.watch.sending import Notifier

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
QUICK: dict[str, Any] = {
    "allow_private": True,
    "first_retry_s": 0.02,
    "longest_retry_s": 0.05,
    "timeout_s": 5.0,
    "lease_s": 20.0,
    "give_up_after_s": 60.0,
    "threads": 4,
}


def quick(**changed: Any) -> Settings:
    """Settings of a sender that does not wait long."""
    given = {f"alerts.{name}": value for name, value in (QUICK | changed).items()}
    return load(environ={}, working_folder=Path("/nowhere"), overrides=given)


@contextmanager
def sender(yard: Yard, environ: Mapping[str, str] | None = None, **changed: Any) -> Iterator[Notifier]:
    """What sends the messages of a registry; it works when it is told to."""
    settings = quick(**changed)
    with closing(outside_of(settings)) as outside, Notifier(yard, settings, outside, environ=environ or {}) as made:
        yield made


def send_once(yard: Yard, environ: Mapping[str, str] | None = None, **changed: Any) -> Notifier:
    """Try once what is due."""
    with sender(yard, environ, **changed) as made:
        made.drain()
    return made


class Alarms:
    """A registry in which something may be wrong.

    Args:
        rollouts: the registry, whose versions are deployed and observed.
    """

    def __init__(self, rollouts: Rollouts) -> None:
        self.rollouts, self.yard, self.clock = rollouts, rollouts.yard, rollouts.clock
        self.call = rollouts.call
        self.evaluation = Evaluation(self.yard)

    def rule(self, name: str = "errors", **fields: Any) -> AlertRuleRecord:
        """Make a rule; without more said, of more than 5 % errors, that fires and resolves at once."""
        usual = {"kind": "threshold", "keep_firing_s": 0.0}
        if fields.get("kind", "threshold") == "threshold":
            usual |= {"above": 0.05}
        return self.call(SET_ALERT_RULE, SetAlertRule(name=name, rule=AlertRule(**{**usual, **fields})))

    def channel(self, name: str = "team", receiver: Receiver | None = None, **fields: Any) -> ChannelRecord:
        """Make a channel; without more said, a webhook that waits for nothing."""
        usual: dict[str, Any] = {"kind": "webhook", "group_wait_s": 0.0}
        usual |= (
            {"url": receiver.url if receiver is not None else "https://example.com"} if "kind" not in fields else {}
        )
        return self.call(SET_CHANNEL, SetChannel(name=name, channel=Channel(**{**usual, **fields})))

    def silence(self, duration: str = "1h", **match: str) -> SilenceRecord:
        """Silence some alerts."""
        return self.call(SILENCE_ALERTS, Silence(match=AlertMatch(**match), duration=duration))

    def end(self, silence: SilenceRecord) -> None:
        """End a silence."""
        self.call(END_SILENCE, NamedSilence(id=silence.id))

    def look(self, seconds: float = 0.0) -> list[tuple[str, str]]:
        """Let time pass, evaluate, and return the rule and the state of all alerts, the oldest first."""
        self.clock.move(seconds)
        with self.yard.database.read() as tx:
            wanted = self.evaluation.wanted(tx)
        if wanted:
            self.evaluation.run(self.rollouts.driver.transaction)
        return [(one.rule, one.state) for one in self.alerts()]

    def alerts(self, **wanted: Any) -> list[AlertRecord]:
        """The alerts, the oldest first."""
        return self.call(LIST_ALERTS, ListAlerts(**wanted)).alerts[::-1]

    def fails(self, version: str = "1.0.0", *, requests: int = 100, errors: int = 10, **more: Any) -> None:
        """Let a version answer requests, some of them with errors."""
        self.rollouts.observe(version, requests, errors=errors, **more)

    def messages(self, channel: str = "team", **wanted: Any) -> list[NotificationRecord]:
        """The messages of a channel, the oldest first."""
        return self.call(LIST_NOTIFICATIONS, ListNotifications(name=channel, **wanted)).notifications[::-1]

    def told(self, channel: str = "team") -> list[tuple[str, str]]:
        """What a channel's messages say: event and rule, the oldest first."""
        return [(one.event, one.rule) for message in self.messages(channel) for one in message.alerts]

    def standing(self, channel: str = "team") -> ChannelRecord:
        """A channel as it stands."""
        return self.call(GET_CHANNEL, NamedChannel(name=channel))


__all__ = ["MODEL", "QUICK", "SECRET", "Alarms", "quick", "send_once", "sender"]
