"""What every kind of channel works with: a message, what came of sending it, and the way out of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelyard.domain.alerts import RESOLVES, TEST, Subject, subject_text
from modelyard.domain.posting import Reply
from modelyard.domain.wire import AlertNotice, Channel

MOST_SHOWN = 20
"""Alerts that a message for people shows one by one."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to one channel; its `id` is the same at every attempt."""

    id: str
    channel: str
    group: str
    at: str
    notices: Sequence[AlertNotice]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of an attempt: sent or not, what was wrong, and for how long the receiver asks to be left alone."""

    sent: bool = False
    error: str = ""
    retry_after: float = 0.0


class Outside(Protocol):
    """The way out of this machine, which knows what may be reached; `modelyard.outside.outbound` has the real one."""

    timeout: float
    """Seconds for an attempt as a whole."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post JSON and wait for the answer; never raises for what happens on the way."""

    def places(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be reached.

        Raises:
            OSError: there are none.
        """


class Sender(Protocol):
    """Sends messages through one kind of channel."""

    def __call__(self, outside: Outside, channel: Channel, message: Message, environ: Mapping[str, str]) -> Result:
        """Try once; never raises for what happens on the way.

        Raises:
            LookupError: a variable of the environment that the channel names is not set.
            ModelyardError: its value cannot be used.
        """


def variable(environ: Mapping[str, str], name: str) -> str:
    """The value of a variable that a channel names; the empty text where it names none.

    Raises:
        LookupError: it is not set.
    """
    if name and not environ.get(name, "").strip():
        raise LookupError(f"the variable {name} is not set in the server's environment")
    return environ[name].strip() if name else ""


def result_of(reply: Reply) -> Result:
    """What came of an attempt over HTTP."""
    if reply.status is not None and reply.status // 100 == 2:  # noqa: PLR2004 - 2xx is success
        return Result(sent=True)
    return Result(error=reply.error or f"status {reply.status}", retry_after=reply.retry_after)


def headline(message: Message) -> str:
    """A message in one line: how many fire and are over, and the group, or the alert where it is one."""
    if len(message.notices) == 1:
        return line_of(message.notices[0])
    over = sum(one.event == RESOLVES for one in message.notices)
    counts = [
        f"{count} {word}" for count, word in ((len(message.notices) - over, "firing"), (over, "resolved")) if count
    ]
    where = message.group or "all models"
    return f"{', '.join(counts)}: {where}"


def line_of(notice: AlertNotice) -> str:
    """An alert in one line."""
    if notice.event == TEST:
        return f"[TEST] {notice.summary}"
    word = "RESOLVED" if notice.event == RESOLVES else notice.severity.upper()
    return f"[{word}] {notice.rule}: {about(notice)}"


def about(notice: AlertNotice) -> str:
    """What a notice is about."""
    return subject_text(Subject(model=notice.model, environment=notice.environment, version=notice.version))


def shown(message: Message) -> tuple[Sequence[AlertNotice], str]:
    """The notices that people see one by one, the newest first, and a line about the rest."""
    newest = list(reversed(message.notices))
    rest = len(newest) - MOST_SHOWN
    return newest[:MOST_SHOWN], f"and {rest} more" if rest > 0 else ""
