"""Webhooks: a message as JSON, signed like modelyard's other webhooks where the channel names a secret."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from modelyard.domain.webhooks import signed_headers
from modelyard.domain.wire import Channel
from modelyard.watch.channels.message import Message, Outside, Result, result_of, variable

TYPE = "alerts.changed"
_encode = msgspec.json.Encoder(order="deterministic").encode


def send(outside: Outside, channel: Channel, message: Message, environ: Mapping[str, str]) -> Result:
    """Post a message; see `Sender`."""
    url = channel.url or variable(environ, channel.url_env)
    secret = variable(environ, channel.secret_env)
    body = body_of(message)
    headers = signed_headers([secret], message.id, int(time.time()), body) if secret else {"webhook-id": message.id}
    return result_of(outside.post(url, body, headers))


def body_of(message: Message) -> bytes:
    """What is posted: `{"type": "alerts.changed", "timestamp": …, "data": {"channel", "group", "alerts"}}`."""
    data = {"channel": message.channel, "group": message.group, "alerts": list(message.notices)}
    return _encode({"type": TYPE, "timestamp": message.at, "data": data})
