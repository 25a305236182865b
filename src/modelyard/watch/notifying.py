"""Messages to channels: which one is sent next, and what becomes of an attempt.

Rules
1. Before an attempt a message is claimed for as long as the lease; nobody else sends it meanwhile. A sender that dies
   leaves the claim, which runs out, and the message is sent again with the same id: at least once.
2. An attempt is not begun when more than half of the lease is over: the outcome could come too late.
3. What was not taken is tried again, with a pause that doubles from the first one on up to the longest, or as long as
   the receiver asks for, up to an hour. After `give_up_after` seconds it is given up, which its channel shows; they
   begin anew when the channel is changed. What waits for a channel that is switched off is not tried.
4. Nothing is held open while a receiver is waited for: no transaction, no lock.
5. No error that is kept holds the value of a variable that the channel names.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from modelyard.domain.durations import later, parsed
from modelyard.domain.webhooks import Patience
from modelyard.domain.wire import Channel
from modelyard.errors import ModelyardError
from modelyard.metadata import channels
from modelyard.registry.context import Yard
from modelyard.watch.channels import SENDERS
from modelyard.watch.channels.message import Message, Outside, Result

LONGEST_ERROR = 500
SHORTEST_SECRET = 8
"""Characters of a part of an address that may be a secret by itself."""
LONGEST_WISH_S = 3_600.0
"""The longest that a receiver may ask to be left alone."""

_log = logging.getLogger("modelyard.alerts")


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One attempt: what is sent, and through what."""

    message: Message
    channel: Channel
    attempts: int
    since: str
    """From when on it is tried: since it was made, or its channel was changed."""
    claimed_until: str


@dataclass(frozen=True, kw_only=True)
class Due:
    """The messages that may be claimed now, and when the next one may be."""

    ready: tuple[Row[Any], ...]
    next_at: str | None


def look(yard: Yard) -> Due:
    """See what is to be done."""
    now = yard.clock()
    with yard.database.read() as tx:
        rows = channels.heads(tx)
    moments = [(row, max(row.due_at, row.claimed_until or "", row.next_at)) for row in rows]
    coming = [at for _, at in moments if at > now]
    return Due(ready=tuple(row for row, at in moments if at <= now), next_at=min(coming, default=None))


def take(yard: Yard, row: Row[Any], lease: float) -> Parcel | None:
    """Claim a message; None where another sender was faster, or its channel has to wait."""
    now = yard.clock()
    until = later(now, lease)
    with yard.database.write() as tx:
        claimed = channels.claim(tx, row, now=now, until=until)
    if claimed is None:
        return None
    found, channel = claimed
    # Who mends a channel or switches it on again has the whole time before what waited is given up.
    since = max(found.created_at, channel.updated_at)
    message = Message(
        id=found.id, channel=found.name, group=found.group_key, at=now, notices=channels.notices_of(found)
    )
    return Parcel(
        message=message,
        channel=channels.channel_of(channel),
        attempts=found.attempts,
        since=since,
        claimed_until=until,
    )


def attempt(outside: Outside, parcel: Parcel, environ: Mapping[str, str]) -> Result:
    """Send a parcel once; what goes wrong stands in the result."""
    try:
        return SENDERS[parcel.channel.kind](outside, parcel.channel, parcel.message, environ)
    except LookupError as error:
        return Result(error=str(error.args[0]))
    except ModelyardError as error:
        return Result(error=error.message)
    except Exception as error:  # noqa: BLE001 - whatever one channel meets, it is tried again and given up like all
        _log.exception("the channel %s met something that nobody foresaw", parcel.message.channel)
        return Result(error=f"{type(error).__name__}: {error}")


def settle(
    yard: Yard, parcel: Parcel, result: Result, *, patience: Patience, chance: float, environ: Mapping[str, str]
) -> bool:
    """Record what came of an attempt; False where the claim has passed to somebody else.

    Args:
        yard: where to record it.
        parcel: what was sent.
        result: what came of it.
        patience: how long it is tried.
        chance: a random number from 0 up to 1.
        environ: the variables whose values are kept out of the record.
    """
    now = yard.clock()
    state, due = channels.SENT, now
    if not result.sent:
        waited = (parsed(now) - parsed(parcel.since)).total_seconds()
        state = channels.GIVEN_UP if waited >= patience.give_up_after else channels.WAITING
        pause = max(patience.pause(parcel.attempts, chance), min(result.retry_after, LONGEST_WISH_S))
        due = later(now, pause)
    error = without_secrets(parcel.channel, result.error, environ)[:LONGEST_ERROR]
    if state == channels.GIVEN_UP:
        _log.error("the channel %s did not take %s: %s", parcel.message.channel, parcel.message.id, error)
    with yard.database.write() as tx:
        return channels.finish(
            tx, parcel.message.id, until=parcel.claimed_until, state=state, due_at=due, error=error, at=now
        )


def in_time(yard: Yard, parcel: Parcel, lease: float) -> bool:
    """Whether there is time to send a parcel before somebody else may."""
    return (parsed(parcel.claimed_until) - parsed(yard.clock())).total_seconds() >= lease / 2


def without_secrets(channel: Channel, text: str, environ: Mapping[str, str]) -> str:
    """A text in which the values of the variables that a channel names are left out.

    Of an address, what stands behind its host is left out by itself too: receivers repeat that in their answers.
    """
    names = (channel.url_env, channel.secret_env, channel.routing_key_env, channel.password_env)
    values = [environ.get(name, "").strip() for name in names if name]
    address = environ.get(channel.url_env, "").strip() if channel.url_env else ""
    path = address.partition("://")[2].partition("/")[2]
    secrets = [*values, f"/{path}", path, *(part for part in re.split(r"[/?&=]", path) if len(part) >= SHORTEST_SECRET)]
    for secret in secrets:
        text = text.replace(secret, "***") if len(secret) > 1 else text
    return text
