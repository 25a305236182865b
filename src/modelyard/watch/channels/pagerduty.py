"""PagerDuty: each alert is an event of the Events API v2, which opens an incident and closes it again.

The id of the alert is the `dedup_key`: a repeated event opens nothing twice, and `resolve` finds the incident. A
message of several alerts is several events; where one is not taken, all are sent again later, which does no harm.
https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from modelyard.domain.alerts import RESOLVES, TEST
from modelyard.domain.wire import AlertNotice, Channel
from modelyard.watch.channels.message import Message, Outside, Result, about, line_of, result_of, variable

ADDRESS = "https://events.pagerduty.com/v2/enqueue"
_LONGEST_SUMMARY = 1_024


def send(outside: Outside, channel: Channel, message: Message, environ: Mapping[str, str]) -> Result:
    """Send the events of a message; see `Sender`."""
    key = variable(environ, channel.routing_key_env)
    for event in events_of(message, key):
        result = result_of(outside.post(channel.url or ADDRESS, msgspec.json.encode(event), {}))
        if not result.sent:
            return result
    return Result(sent=True)


def events_of(message: Message, key: str) -> list[dict[str, Any]]:
    """The events of a message; a test opens an incident of the lowest severity and closes it at once."""
    found: list[dict[str, Any]] = []
    for notice in message.notices:
        if notice.event != RESOLVES:
            found.append(_trigger(notice, key))
        if notice.event in {RESOLVES, TEST}:
            found.append({"routing_key": key, "event_action": "resolve", "dedup_key": notice.alert})
    return found


def _trigger(notice: AlertNotice, key: str) -> dict[str, Any]:
    summary = f"{line_of(notice)}: {notice.summary}" if notice.event != TEST else line_of(notice)
    details = {
        "rule": notice.rule,
        "model": notice.model,
        "environment": notice.environment,
        "version": notice.version,
        "value": notice.value,
        "limit": notice.limit,
        "since": notice.started_at,
    }
    return {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": notice.alert,
        "client": "modelyard",
        "payload": {
            "summary": summary[:_LONGEST_SUMMARY],
            "source": about(notice) or "modelyard",
            "severity": notice.severity,
            "timestamp": notice.started_at or notice.at,
            "component": notice.model,
            "group": notice.environment,
            "class": notice.rule,
            "custom_details": {name: value for name, value in details.items() if value not in {None, ""}},
        },
    }
