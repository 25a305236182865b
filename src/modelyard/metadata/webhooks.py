"""Rows of webhooks, and the outbox: what an event leaves to be sent is written in the event's own transaction.

Rules
1. An event that was rolled back is never sent, and one that was committed is never forgotten. Which webhooks are there
   is asked once for each transaction.
2. A webhook in our own format is sent the event as it is recorded: one delivery, without a message. What one in
   MLflow's format is sent is written down with the delivery, one for each of the messages that the event stands for:
   what was a prompt then, need not be one when the delivery is due.
3. Secrets are sealed by a vault, bound to the webhook's id, and only opened where something is signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from modelyard.domain.mlflow import webhooks as mlflow
from modelyard.domain.posting import MODELYARD
from modelyard.domain.webhooks import DEAD, PENDING, matches, wants
from modelyard.errors import SecretsLocked
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, deliveries, models, versions, webhooks
from modelyard.metadata.vault import Vault, damaged

NO_SECRETS = "[]"
"""What is stored of a webhook without a secret."""

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
_PAGE_OF_FORMAT = _PAGE.where(webhooks.c.format == bindparam("wanted"))
_ACTIVE = (
    select(webhooks.c.id, webhooks.c.format, webhooks.c.document)
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
_RESEAL = update(webhooks).where(webhooks.c.id == bindparam("key")).values(secret=bindparam("secret"))
_BURY = (
    update(webhooks)
    .where(webhooks.c.id == bindparam("key"))
    .values({"active": 0, "secret": NO_SECRETS, "deleted_at": bindparam("at")})
)
_DELETE_DELIVERIES = delete(deliveries).where(deliveries.c.webhook_id == bindparam("key"))
# A sender holds the first of a line and takes the next one; whoever deletes them locks them in the same order.
_LOCK_LINES = (
    select(deliveries.c.id)
    .where(deliveries.c.webhook_id == bindparam("key"), deliveries.c.state == PENDING)
    .order_by(deliveries.c.model_id, deliveries.c.event_seq, deliveries.c.part)
    .with_for_update()
)
_COUNTS = (
    select(deliveries.c.webhook_id, deliveries.c.state, func.count().label("number"))
    .where(deliveries.c.state.in_((PENDING, DEAD)), deliveries.c.webhook_id.in_(bindparam("keys", expanding=True)))
    .group_by(deliveries.c.webhook_id, deliveries.c.state)
)
_QUEUE = insert(deliveries)
_TAGS = select(models.c.tags).where(models.c.id == bindparam("key"))
_NUMBER = select(versions.c.number).where(versions.c.id == bindparam("key"))


class Choice(msgspec.Struct, frozen=True):
    """The document of a webhook: what it wants, and what people say about it."""

    events: list[str]
    models: list[str]
    description: str = ""
    name: str = ""


class Key(msgspec.Struct, frozen=True):
    """A secret, and until when it signs; without an end it is the present one."""

    secret: str
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class Happened:
    """An event that was appended."""

    sequence: int
    model_id: str
    model: str
    kind: str
    at: str = ""
    version_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Said:
    """All that is stored of a webhook but its times and its revision.

    `secret` is the stored text, as `sealed` returns it.
    """

    format: str
    url: str
    secret: str
    choice: Choice
    active: bool


_choice = msgspec.json.Decoder(Choice)
_keys = msgspec.json.Decoder(list[Key])
_tags = msgspec.json.Decoder(dict[str, str])


def enqueue(tx: Transaction, event: Happened, at: str) -> None:
    """Queue an event for every active webhook that wants it."""
    active = _active(tx)
    ours = [(key, choice) for key, form, choice in active if form == MODELYARD]
    queue(tx, [key for key, choice in ours if wants(choice.events, choice.models, event.kind, event.model)], event, at)
    theirs = [(key, choice) for key, form, choice in active if form == mlflow.FORMAT]
    if theirs and event.kind in mlflow.KINDS:
        messages = mlflow.messages(happening(tx, event))
        for key, choice in theirs:
            queue_messages(tx, key, choice, event, messages, at)


def queue(tx: Transaction, webhook_ids: Sequence[str], event: Happened, at: str) -> None:
    """Queue an event for these webhooks."""
    rows = [_delivery(key, event, at) for key in webhook_ids]
    if rows:
        tx.run(_QUEUE, rows)


def queue_messages(
    tx: Transaction, webhook_id: str, choice: Choice, event: Happened, messages: Iterable[mlflow.Message], at: str
) -> int:
    """Queue those messages of an event that a webhook wants; return how many they are."""
    if not any(matches(pattern, event.model) for pattern in choice.models):
        return 0
    wanted = [message for message in messages if message.event in choice.events]
    rows = [
        {**_delivery(webhook_id, event, at), "part": part, "message": msgspec.json.encode(message.body).decode()}
        for part, message in enumerate(wanted)
    ]
    if rows:
        tx.run(_QUEUE, rows)
    return len(rows)


def happening(tx: Transaction, event: Happened) -> mlflow.Happening:
    """Return an event with what MLflow's events tell of its model and its version besides."""
    tags = event.data.get("tags", {}) if event.kind == "model.created" else None
    if tags is None:
        tags = _tags.decode(tx.scalar(_TAGS, {"key": event.model_id}) or "{}")
    number = event.data.get("number")
    if number is None and event.version_id is not None:
        number = tx.scalar(_NUMBER, {"key": event.version_id})
    return mlflow.Happening(
        kind=event.kind,
        model=event.model,
        at=event.at,
        data=event.data,
        number=number,
        is_prompt=mlflow.is_prompt(tags),
    )


def _delivery(webhook_id: str, event: Happened, at: str) -> dict[str, Any]:
    return {
        "webhook_id": webhook_id,
        "model_id": event.model_id,
        "event_seq": event.sequence,
        "state": PENDING,
        "attempts": 0,
        "due_at": at,
        "created_at": at,
    }


def _active(tx: Transaction) -> list[tuple[str, str, Choice]]:
    if _NOTE not in tx.notes:
        tx.notes[_NOTE] = [(row.id, row.format, choice_of(row)) for row in tx.all(_ACTIVE)]
    found: list[tuple[str, str, Choice]] = tx.notes[_NOTE]
    return found


def add(tx: Transaction, webhook_id: str, said: Said, at: str) -> None:
    """Insert a webhook."""
    tx.notes.pop(_NOTE, None)
    row = {"id": webhook_id, "format": said.format, "revision": 1, "created_at": at, "updated_at": at}
    tx.run(_INSERT, {**row, **_columns(said)})


def change(tx: Transaction, webhook_id: str, said: Said, at: str) -> None:
    """Replace what a webhook says; its format stays."""
    tx.notes.pop(_NOTE, None)
    tx.run(_CHANGE, {"key": webhook_id, "at": at, **_columns(said)})


def reseal(tx: Transaction, webhook_id: str, secret: str) -> None:
    """Replace the stored text of a webhook's secrets, which stay the same."""
    tx.run(_RESEAL, {"key": webhook_id, "secret": secret})


def bury(tx: Transaction, webhook_id: str, at: str) -> None:
    """Delete a webhook's secrets and its deliveries, sent or not; its row stays as a tombstone."""
    tx.notes.pop(_NOTE, None)
    tx.run(_BURY, {"key": webhook_id, "at": at})
    tx.run(_LOCK_LINES, {"key": webhook_id})
    tx.run(_DELETE_DELIVERIES, {"key": webhook_id})


def one(tx: Transaction, webhook_id: str, *, lock: bool = False) -> Row[Any] | None:
    """Find a webhook by its id."""
    return tx.first(_LOCK if lock else _ONE, {"key": webhook_id})


def page(tx: Transaction, *, after: str, limit: int, form: str = "") -> Sequence[Row[Any]]:
    """Return webhooks in the order of their ids, which is that of their making, from behind an id on; of one format."""
    values = {"after": after, "limit": limit}
    return tx.all(_PAGE_OF_FORMAT, {**values, "wanted": form}) if form else tx.all(_PAGE, values)


def counts(tx: Transaction, webhook_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return how many deliveries of each webhook are pending and dead, by webhook and state."""
    return {(row.webhook_id, row.state): row.number for row in tx.all(_COUNTS, {"keys": list(webhook_ids)})}


def choice_of(row: Row[Any]) -> Choice:
    """Return what a webhook wants."""
    return _choice.decode(row.document)


def said_by(row: Row[Any]) -> Said:
    """Return what is stored of a webhook."""
    return Said(format=row.format, url=row.url, secret=row.secret, choice=choice_of(row), active=bool(row.active))


def keys_of(row: Row[Any], vault: Vault) -> list[Key]:
    """Return the secrets of a webhook, the present one first.

    Raises:
        SecretsLocked: no key of the vault opens them, or the row was tampered with.
    """
    try:
        return _keys.decode(vault.open(row.secret, row.id))
    except msgspec.DecodeError:
        raise damaged(row.id) from None


def sealed(keys: Sequence[Key], vault: Vault, webhook_id: str) -> str:
    """Return secrets as they are stored; none need no key.

    Raises:
        SecretsLocked: the vault has no key.
    """
    text = msgspec.json.encode(list(keys)).decode()
    return vault.seal(text, webhook_id) if keys else text


def resealed(row: Row[Any], vault: Vault) -> str:
    """Return the stored secrets, sealed with the present key if they were not and if that can be done."""
    if vault.is_current(row.secret) or row.secret == NO_SECRETS or not vault.has_key:
        return str(row.secret)
    try:
        return sealed(keys_of(row, vault), vault, row.id)
    except SecretsLocked:
        # What cannot be opened stays: its key may come back, and a change of the address must not wait for that.
        return str(row.secret)


def _columns(said: Said) -> dict[str, Any]:
    return {
        "url": said.url,
        "secret": said.secret,
        "document": msgspec.json.encode(said.choice).decode(),
        "active": int(said.active),
    }
