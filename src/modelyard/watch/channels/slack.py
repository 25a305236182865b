"""Slack: a message through an incoming webhook, whose address is the secret.

The text is what notifications on a phone show; the blocks are what the channel shows. Slack's limits: 50 blocks, 3,000
characters in each (https://api.slack.com/reference/block-kit/blocks).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from modelyard.domain.alerts import RESOLVES, TEST
from modelyard.domain.wire import AlertNotice, Channel
from modelyard.watch.channels.message import Message, Outside, Result, about, headline, result_of, shown, variable

_LONGEST = 2_900
_LONGEST_HEAD = 150
_SIGNS = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":large_blue_circle:"}


def send(outside: Outside, channel: Channel, message: Message, environ: Mapping[str, str]) -> Result:
    """Post a message; see `Sender`."""
    body = msgspec.json.encode(payload(message))
    return result_of(outside.post(variable(environ, channel.url_env), body, {}))


def payload(message: Message) -> dict[str, Any]:
    """What is posted."""
    notices, rest = shown(message)
    title = headline(message)
    head = {"type": "header", "text": {"type": "plain_text", "text": title[:_LONGEST_HEAD], "emoji": False}}
    parts = [_section(_text(one)) for one in notices] + ([_section(rest)] if rest else [])
    return {"text": _escaped(title)[:_LONGEST], "blocks": [head, *parts]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_LONGEST]}}


def _text(notice: AlertNotice) -> str:
    if notice.event == TEST:
        return _escaped(notice.summary)
    sign = ":white_check_mark:" if notice.event == RESOLVES else _SIGNS[notice.severity]
    word = "resolved" if notice.event == RESOLVES else notice.severity
    return f"{sign} *{_escaped(notice.rule)}* ({word}): {_escaped(about(notice))}\n{_escaped(notice.summary)}"


def _escaped(text: str) -> str:
    """Text in which nothing is a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
