"""Rows of webhooks, and the outbox: what an event leaves to be sent is written in the event's own transaction.

So an event that was rolled back is never sent, and one that was committed is never forgotten. Which webhooks are there
is asked once for each transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from modelyard.domain.webhooks import DEAD, PENDING, wants
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, deliveries, webhooks

_NOTE = "webhooks"

_INSERT = insert(webhooks)
_ONE = select(webhooks).where(webhooks.c.id == bindparam("key"), webhooks.c.deleted_at.is_(None))
# The lock for a row whose key stays: it does not wait for writers of events, which refer to the row.
_LOCK = _ONE.with_for_update(key_share=True)
_PAGE = (
    select(webhooks)
    .where(
        webhooks.c.workspace == DEFAULT_WORKSPACE, webhooks.c.deleted_at.is_(None), webhooks.c.id > bindparam("after")
    )
    .order_by(webhooks.c.id)
    .limit(bindparam("limit"))
)
_ACTIVE = (
    select(webhooks.c.id, webhooks.c.document)
    .where(webhooks.c.workspace == DEFAULT_WORKSPACE, webhooks.c.active == 1)
    .order_by(webhooks.c.id)
)
_CHANGE = (
    update(webhooks)
    .where(webhooks.c.id == bindparam("key"))
    .values(
        url=bindparam("url"),
        secret=bindparam("secret"),
        document=bindparam("document"),
        active=bindparam("active"),
        revision=webhooks.c.revision + 1,
        updated_at=bindparam("at"),
    )
)
_BURY = (
    update(webhooks)
    .where(webhooks.c.id == bindparam("key"))
    .values({"active": 0, "secret": "[]", "deleted_at": bindparam("at")})
)
_DELETE_DELIVERIES = delete(deliveries).where(deliveries.c.webhook_id == bindparam("key"))
# A sender holds the first of a line and takes the next one; whoever deletes them locks them in the same order.
_LOCK_LINES = (
    select(deliveries.c.id)
    .where(deliveries.c.webhook_id == bindparam("key"), deliveries.c.state == PENDING)
    .order_by(deliveries.c.model_id, deliveries.c.event_seq)
    .with_for_update()
)
_COUNTS = (
    select(deliveries.c.webhook_id, deliveries.c.state, func.count().label("number"))
    .where(deliveries.c.state.in_((PENDING, DEAD)), deliveries.c.webhook_id.in_(bindparam("keys", expanding=True)))
    .group_by(deliveries.c.webhook_id, deliveries.c.state)
)
_QUEUE = insert(deliveries)


class Choice(msgspec.Struct, frozen=True):
    """The document of a webhook: what it wants, and what people say about it."""

    events: list[str]
    models: list[str]
    description: str = ""


class Key(msgspec.Struct, frozen=True):
    """A secret, and until when it signs; without an end it is the present one."""

    secret: str
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class Happened:
    """An event that was just appended."""

    sequence: int
    model_id: str
    model: str
    kind: str


_choice = msgspec.json.Decoder(Choice)
_keys = msgspec.json.Decoder(list[Key])


def enqueue(tx: Transaction, event: Happened, at: str) -> None:
    """Queue an event for every active webhook that wants it."""
    chosen = [key for key, choice in _active(tx) if wants(choice.events, choice.models, event.kind, event.model)]
    queue(tx, chosen, event, at)


def queue(tx: Transaction, webhook_ids: Sequence[str], event: Happened, at: str) -> None:
    """Queue an event for these webhooks."""
    rows = [
        {
            "webhook_id": key,
            "model_id": event.model_id,
            "event_seq": event.sequence,
            "state": PENDING,
            "attempts": 0,
            "due_at": at,
            "created_at": at,
        }
        for key in webhook_ids
    ]
    if rows:
        tx.run(_QUEUE, rows)


def _active(tx: Transaction) -> list[tuple[str, Choice]]:
    if _NOTE not in tx.notes:
        tx.notes[_NOTE] = [(row.id, choice_of(row)) for row in tx.all(_ACTIVE)]
    found: list[tuple[str, Choice]] = tx.notes[_NOTE]
    return found


def add(
    tx: Transaction, *, webhook_id: str, url: str, keys: Sequence[Key], choice: Choice, active: bool, at: str
) -> None:
    """Insert a webhook."""
    tx.notes.pop(_NOTE, None)
    row = {"id": webhook_id, "revision": 1, "created_at": at, "updated_at": at}
    tx.run(_INSERT, {**row, **_columns(url, keys, choice, active=active)})


def change(
    tx: Transaction, webhook_id: str, *, url: str, keys: Sequence[Key], choice: Choice, active: bool, at: str
) -> None:
    """Replace what a webhook says."""
    tx.notes.pop(_NOTE, None)
    tx.run(_CHANGE, {"key": webhook_id, "at": at, **_columns(url, keys, choice, active=active)})


def bury(tx: Transaction, webhook_id: str, at: str) -> None:
    """Delete a webhook's secrets and its deliveries, sent or not; its row stays as a tombstone."""
    tx.notes.pop(_NOTE, None)
    tx.run(_BURY, {"key": webhook_id, "at": at})
    tx.run(_LOCK_LINES, {"key": webhook_id})
    tx.run(_DELETE_DELIVERIES, {"key": webhook_id})


def one(tx: Transaction, webhook_id: str, *, lock: bool = False) -> Row[Any] | None:
    """Find a webhook by its id."""
    return tx.first(_LOCK if lock else _ONE, {"key": webhook_id})


def page(tx: Transaction, *, after: str, limit: int) -> Sequence[Row[Any]]:
    """Return webhooks in the order of their ids, which is that of their making, from behind an id on."""
    return tx.all(_PAGE, {"after": after, "limit": limit})


def counts(tx: Transaction, webhook_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return how many deliveries of each webhook are pending and dead, by webhook and state."""
    return {(row.webhook_id, row.state): row.number for row in tx.all(_COUNTS, {"keys": list(webhook_ids)})}


def choice_of(row: Row[Any]) -> Choice:
    """Return what a webhook wants."""
    return _choice.decode(row.document)


def keys_of(row: Row[Any]) -> list[Key]:
    """Return the secrets of a webhook, the present one first."""
    return _keys.decode(row.secret)


def _columns(url: str, keys: Sequence[Key], choice: Choice, *, active: bool) -> dict[str, Any]:
    return {
        "url": url,
        "secret": msgspec.json.encode(list(keys)).decode(),
        "document": msgspec.json.encode(choice).decode(),
        "active": int(active),
    }
