"""Rows of channels, and the messages on their way: a queue that any number of senders works off.

Rules
1. The messages of one channel and group are a line, in the order in which they were made. Only the first waiting one of
   a line may be sent: what is over is never told before that it began.
2. A sender claims a message before it sends it, until a moment. Who dies leaves the claim, which runs out; so a message
   is sent at least once. An outcome counts only for the claim that it belongs to.
3. Between two messages of a channel its interval passes, whoever sends them: the claim and the channel's next moment
   are written together, under the lock of the channel's row.
4. What is waiting and in nobody's hands takes up further alerts of its group.
5. A channel that is switched off is left alone: its messages wait, are not tried and not given up.
6. Of each channel a few messages are looked at, those that may be sent first: no channel with many lines keeps the
   messages of another one from being seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Row, Select, bindparam, delete, exists, func, insert, literal, or_, select, update

from modelyard.domain.durations import later
from modelyard.domain.wire import AlertNotice, Channel, ChannelRecord, NotificationRecord
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, channels, notifications

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given_up"
STATES = (WAITING, SENT, GIVEN_UP)
MOST_LINES = 5
"""Messages of one channel that are looked at in one go."""

_CHANNELS = select(channels).where(channels.c.workspace == DEFAULT_WORKSPACE).order_by(channels.c.name)
_CHANNEL = _CHANNELS.where(channels.c.name == bindparam("name"))
_LOCK = select(channels).where(channels.c.id == bindparam("id")).with_for_update()
_ADD = insert(channels)
_CHANGE = (
    update(channels)
    .where(channels.c.name == bindparam("key"))
    .values(
        kind=bindparam("kind"),
        document=bindparam("document"),
        revision=channels.c.revision + 1,
        updated_at=bindparam("at"),
    )
)
_DELETE = delete(channels).where(channels.c.id == bindparam("key"))
_DELETE_MESSAGES = delete(notifications).where(notifications.c.channel_id == bindparam("key"))
_NEXT = update(channels).where(channels.c.id == bindparam("key")).values(next_at=bindparam("next"))
_COUNTS = (
    select(notifications.c.channel_id, notifications.c.state, func.count().label("number"))
    .where(notifications.c.state.in_((WAITING, GIVEN_UP)))
    .group_by(notifications.c.channel_id, notifications.c.state)
)
_LAST_ERROR = (
    select(notifications.c.error)
    .where(notifications.c.channel_id == bindparam("key"), notifications.c.error != "")
    .order_by(notifications.c.updated_at.desc(), notifications.c.seq.desc())
    .limit(1)
)

_waiting = notifications.c.state == WAITING


def _first_of_line() -> Any:
    """The condition that no earlier message of the same line waits."""
    earlier = notifications.alias("earlier")
    return ~exists(
        select(literal(1)).where(
            earlier.c.state == WAITING,
            earlier.c.channel_id == notifications.c.channel_id,
            earlier.c.group_key == notifications.c.group_key,
            earlier.c.seq < notifications.c.seq,
        )
    )


_moment = func.coalesce(notifications.c.claimed_until, notifications.c.due_at)
_RANKED = (
    select(
        notifications.c.seq,
        func.row_number()
        .over(partition_by=notifications.c.channel_id, order_by=(_moment, notifications.c.seq))
        .label("place"),
    )
    .where(_waiting, _first_of_line())
    .subquery("ranked")
)
_HEADS: Select[Any] = (
    select(notifications, channels.c.next_at, channels.c.document.label("channel"))
    .join(_RANKED, _RANKED.c.seq == notifications.c.seq)
    .join(channels, channels.c.id == notifications.c.channel_id)
    .where(_RANKED.c.place <= MOST_LINES)
    .order_by(notifications.c.due_at, notifications.c.seq)
)
_free = or_(notifications.c.claimed_until.is_(None), notifications.c.claimed_until <= bindparam("now"))
_CLAIM = (
    update(notifications)
    .where(notifications.c.id == bindparam("key"), _waiting, notifications.c.due_at <= bindparam("now"), _free)
    .where(_first_of_line())
    .values(claimed_until=bindparam("until"), attempts=notifications.c.attempts + 1, updated_at=bindparam("now"))
)
_OPEN = (
    select(notifications)
    .where(
        _waiting,
        notifications.c.channel_id == bindparam("channel"),
        notifications.c.group_key == bindparam("group"),
        notifications.c.claimed_until.is_(None),
    )
    .order_by(notifications.c.seq.desc())
    .limit(1)
)
_TAKE_UP = (
    update(notifications)
    .where(notifications.c.id == bindparam("key"), _waiting, notifications.c.claimed_until.is_(None))
    .values(document=bindparam("document"), updated_at=bindparam("at"))
)
_INSERT = insert(notifications)
_FINISH = (
    update(notifications)
    .where(notifications.c.id == bindparam("key"), _waiting, notifications.c.claimed_until == bindparam("until"))
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("due"),
        claimed_until=None,
        error=bindparam("error"),
        updated_at=bindparam("at"),
    )
)
_ONE = select(notifications, channels.c.name).join(channels, channels.c.id == notifications.c.channel_id)
_BY_ID = _ONE.where(notifications.c.id == bindparam("id"))
_PAGE = (
    _ONE.where(notifications.c.channel_id == bindparam("channel"), notifications.c.seq < bindparam("before"))
    .order_by(notifications.c.seq.desc())
    .limit(bindparam("limit"))
)
_PAGE_OF_STATE = _PAGE.where(notifications.c.state == bindparam("wanted"))
_OLD = (notifications.c.state != WAITING) & (notifications.c.updated_at < bindparam("before"))
_ANY_OLD = select(notifications.c.id).where(_OLD).limit(1)
_FORGET = delete(notifications).where(_OLD)

_channels = msgspec.json.Decoder(Channel)
_notices = msgspec.json.Decoder(list[AlertNotice])
_encode = msgspec.json.Encoder(order="sorted").encode


# ---- channels


def every(tx: Transaction) -> Sequence[Row[Any]]:
    """Return all channels by name."""
    return tx.all(_CHANNELS)


def by_name(tx: Transaction, name: str) -> Row[Any] | None:
    """Find a channel by its name."""
    return tx.first(_CHANNEL, {"name": name})


def put(tx: Transaction, name: str, given: Channel, *, new_id: str, by: str, at: str) -> None:
    """Insert a channel, or replace what the one of that name says."""
    values = {"kind": given.kind, "document": _encode(asdict(given)).decode()}
    if tx.run(_CHANGE, {**values, "key": name, "at": at}).rowcount:
        return
    row = {"id": new_id, "name": name, "next_at": at, "revision": 1, "created_by": by}
    tx.run(_ADD, {**values, **row, "created_at": at, "updated_at": at})


def delete_channel(tx: Transaction, channel_id: str) -> None:
    """Delete a channel with all its messages."""
    tx.first(_LOCK, {"id": channel_id})
    tx.run(_DELETE_MESSAGES, {"key": channel_id})
    tx.run(_DELETE, {"key": channel_id})


def channel_of(row: Row[Any]) -> Channel:
    """Return what a channel's row says."""
    return _channels.decode(row.document)


def records(tx: Transaction, rows: Sequence[Row[Any]]) -> list[ChannelRecord]:
    """Return the records of channels' rows, with how they stand."""
    counts = {(row.channel_id, row.state): row.number for row in tx.all(_COUNTS)}
    return [
        ChannelRecord(
            name=row.name,
            channel=channel_of(row),
            revision=row.revision,
            created_by=row.created_by,
            created_at=row.created_at,
            updated_at=row.updated_at,
            waiting=counts.get((row.id, WAITING), 0),
            given_up=counts.get((row.id, GIVEN_UP), 0),
            last_error=str(tx.scalar(_LAST_ERROR, {"key": row.id}) or ""),
        )
        for row in rows
    ]


# ---- messages


def open_message(tx: Transaction, channel_id: str, group: str) -> Row[Any] | None:
    """Return the message of a group that still takes up alerts, if there is one."""
    return tx.first(_OPEN, {"channel": channel_id, "group": group})


def take_up(tx: Transaction, message_id: str, notices: Sequence[AlertNotice], at: str) -> bool:
    """Write what a waiting message says now; False if a sender has it in hand by now."""
    return tx.run(_TAKE_UP, {"key": message_id, "document": _document(notices), "at": at}).rowcount == 1


def queue(
    tx: Transaction,
    message_id: str,
    channel_id: str,
    group: str,
    notices: Sequence[AlertNotice],
    *,
    due_at: str,
    at: str,
) -> None:
    """Put a message at the end of its line."""
    row = {"id": message_id, "channel_id": channel_id, "group_key": group, "state": WAITING, "attempts": 0, "error": ""}
    tx.run(_INSERT, {**row, "due_at": due_at, "document": _document(notices), "created_at": at, "updated_at": at})


def heads(tx: Transaction) -> Sequence[Row[Any]]:
    """Return messages that are the first of their line, with the channel's `next_at`; what is due longest comes first.

    Of each channel that is switched on, those `MOST_LINES` that may be sent first.
    """
    return [row for row in tx.all(_HEADS) if _channels.decode(row.channel).active]


def claim(tx: Transaction, row: Row[Any], *, now: str, until: str) -> tuple[Row[Any], Row[Any]] | None:
    """Claim a message that may be sent now, and return it and its channel.

    None where it may not be sent any more, or its channel has to wait or is switched off.
    """
    found = tx.first(_LOCK, {"id": row.channel_id})
    if found is None or found.next_at > now:
        return None
    channel = channel_of(found)
    if not channel.active:
        return None
    if tx.run(_CLAIM, {"key": row.id, "now": now, "until": until}).rowcount != 1:
        return None
    tx.run(_NEXT, {"key": found.id, "next": later(now, channel.min_interval_s or 0.0)})
    message = by_id(tx, row.id)
    return None if message is None else (message, found)


def finish(tx: Transaction, message_id: str, *, until: str, state: str, due_at: str, error: str, at: str) -> bool:
    """Record the outcome of an attempt; False where the claim has passed to somebody else."""
    values = {"key": message_id, "until": until, "new_state": state, "due": due_at, "error": error, "at": at}
    return tx.run(_FINISH, values).rowcount == 1


def by_id(tx: Transaction, message_id: str) -> Row[Any] | None:
    """Find a message, with its channel's `name`."""
    return tx.first(_BY_ID, {"id": message_id})


def page(tx: Transaction, channel_id: str, *, state: str, before: int, limit: int) -> Sequence[Row[Any]]:
    """Return a channel's messages, the newest first, from before a number on; of one state, if given."""
    values = {"channel": channel_id, "before": before, "limit": limit}
    return tx.all(_PAGE_OF_STATE, {**values, "wanted": state}) if state else tx.all(_PAGE, values)


def any_before(tx: Transaction, before: str) -> bool:
    """Whether any message was done with before a moment."""
    return tx.first(_ANY_OLD, {"before": before}) is not None


def forget(tx: Transaction, before: str) -> None:
    """Delete the messages that were done with before a moment."""
    tx.run(_FORGET, {"before": before})


def notices_of(row: Row[Any]) -> list[AlertNotice]:
    """Return what a message says."""
    return _notices.decode(row.document)


def message_record(row: Row[Any]) -> NotificationRecord:
    """Return the record of a message's row."""
    return NotificationRecord(
        id=row.id,
        channel=row.name,
        group=row.group_key,
        state=row.state,
        attempts=row.attempts,
        alerts=notices_of(row),
        error=row.error,
        due_at=row.due_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _document(notices: Sequence[AlertNotice]) -> str:
    return _encode([asdict(one) for one in notices]).decode()
