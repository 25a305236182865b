"""Deliveries: which event is sent next, and what becomes of an attempt. How it is sent, `Post` knows.

Rules
1. Before an attempt the delivery is claimed, for as long as the lease; nobody else sends it meanwhile. A sender that
   dies leaves the claim, which runs out: the event is sent again, with the same id. So delivery is at least once.
2. An attempt is not begun when more than half of the lease is over: the outcome could come too late.
3. What was refused by rule (an address that is not allowed), or cannot be signed because its secret cannot be opened,
   counts as a failed attempt.
4. Whether a failed one is tried again, and when, depends on the webhook's format (`modelyard.domain.posting`).
5. After each success the next event of the same model follows at once, up to `RUN` of them; then others have a turn.
6. Nothing is held open while a receiver is waited for: no transaction, no lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec
from sqlalchemy import Row

from modelyard.domain.durations import later, parsed
from modelyard.domain.posting import Parcel, Reply, pause_after, switches_off
from modelyard.domain.webhooks import DEAD, DELIVERED, GONE, PENDING, Patience, is_delivered, message_id
from modelyard.errors import SecretsLocked
from modelyard.metadata import deliveries, journal, models, webhooks
from modelyard.metadata.database import Transaction, known
from modelyard.metadata.deliveries import Outcome
from modelyard.metadata.tables import REGISTRY
from modelyard.metadata.vault import Vault
from modelyard.registry.context import Yard

RUN = 100
"""Events of one model that are sent in a row before others have their turn."""
LONGEST_ERROR = 500
ACTOR = "webhooks"

_encode = msgspec.json.Encoder(order="deterministic").encode


class Post(Protocol):
    """Sends parcels."""

    def __call__(self, parcel: Parcel) -> Reply:
        """Send one and wait for the answer; never raises for what happens on the way."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """The first deliveries of the lines: those that may be claimed now, and when the next one may be."""

    ready: tuple[Row[Any], ...]
    next_at: str | None


def look(yard: Yard) -> Due:
    """See what is to be done."""
    now = yard.clock()
    with yard.database.read() as tx:
        rows = deliveries.heads(tx)
    moments = [(row, max(row.due_at, row.claimed_until or "")) for row in rows]
    coming = [at for _, at in moments if at > now]
    return Due(ready=tuple(row for row, at in moments if at <= now), next_at=min(coming, default=None))


def take(yard: Yard, row: Row[Any], lease: float) -> Parcel | None:
    """Claim the first delivery of a line; None where another sender was faster."""
    with yard.database.write() as tx:
        return _claimed(tx, row, yard.clock(), lease, yard.vault)


def settle(
    yard: Yard, parcel: Parcel, reply: Reply, *, patience: Patience, chance: float, lease: float = 0.0
) -> Parcel | None:
    """Record what came of an attempt.

    Args:
        yard: where to record it.
        parcel: what was sent.
        reply: what came back.
        patience: how long it is tried.
        chance: a random number from 0 up to 1.
        lease: seconds to claim the next event of the line for; 0 claims none.

    Returns:
        The next event of the line, if this one was delivered and the next one could be claimed.
    """
    now = yard.clock()
    outcome = judged(parcel, reply, now, patience, chance)
    with yard.database.write() as tx:
        # The webhook's row is locked before its deliveries, as a replay does it.
        webhook = webhooks.one(tx, parcel.webhook, lock=True) if switches_off(parcel, reply) else None
        if not deliveries.finish(tx, parcel.delivery, claimed_until=parcel.claimed_until, outcome=outcome):
            return None
        if webhook is not None and webhook.active:
            _switch_off(tx, webhook, now)
        if outcome.state != DELIVERED or not lease:
            return None
        following = deliveries.first_of_line(tx, parcel.webhook, parcel.model_id)
        return _claimed(tx, following, now, lease, yard.vault) if following is not None else None


def give_back(yard: Yard, parcel: Parcel) -> None:
    """Give up the claim of a parcel that was not sent."""
    with yard.database.write() as tx:
        deliveries.release(tx, parcel.delivery, claimed_until=parcel.claimed_until)


def judged(parcel: Parcel, reply: Reply, now: str, patience: Patience, chance: float) -> Outcome:
    """Say what becomes of a delivery."""
    if reply.status is not None and is_delivered(reply.status):
        return Outcome(state=DELIVERED, due_at=now, status=reply.status, error=None, finished_at=now)
    waited = (parsed(now) - parsed(parcel.created_at)).total_seconds()
    pause = pause_after(parcel, reply, waited=waited, patience=patience, chance=chance)
    return Outcome(
        state=DEAD if pause is None else PENDING,
        due_at=now if pause is None else later(now, pause),
        status=reply.status,
        error=reply.error[:LONGEST_ERROR] or f"status {reply.status}",
        finished_at=now if pause is None else None,
    )


def in_time(yard: Yard, parcel: Parcel, lease: float) -> bool:
    """Whether there is time to send a parcel before somebody else may."""
    return (parsed(parcel.claimed_until) - parsed(yard.clock())).total_seconds() >= lease / 2


def _claimed(tx: Transaction, row: Row[Any], now: str, lease: float, vault: Vault) -> Parcel | None:
    webhook = webhooks.one(tx, row.webhook_id)
    until = later(now, lease)
    if webhook is None or not webhook.active or not deliveries.claim(tx, row, now=now, until=until):
        return None
    # It may have been tried or put back in line since it was looked at.
    row = known(deliveries.one(tx, row.webhook_id, row.id))
    parcel = Parcel(
        delivery=row.id,
        webhook=row.webhook_id,
        model_id=row.model_id,
        url=webhook.url,
        message_id=message_id(row.webhook_id, row.event_seq, row.part),
        body=_body(tx, row),
        secrets=(),
        attempts=row.attempts,
        created_at=row.created_at,
        claimed_until=until,
        format=webhook.format,
    )
    return with_secrets(parcel, webhook, vault, now)


def with_secrets(parcel: Parcel, webhook: Row[Any], vault: Vault, now: str) -> Parcel:
    """Return a parcel with the secrets that sign now; with its trouble where they cannot be opened."""
    try:
        keys = webhooks.keys_of(webhook, vault)
    except SecretsLocked as error:
        return replace(parcel, trouble=error.message)
    return replace(parcel, secrets=tuple(key.secret for key in keys if not key.until or key.until > now))


def _body(tx: Transaction, row: Row[Any]) -> bytes:
    if row.message is not None:
        return str(row.message).encode()
    fact = journal.record_of(known(deliveries.event_of(tx, row.event_seq)))
    return _encode({"type": fact.type, "timestamp": fact.at, "data": fact})


def _switch_off(tx: Transaction, row: Row[Any], now: str) -> None:
    webhooks.change(tx, row.id, replace(webhooks.said_by(row), active=False), now)
    models.lock_by_id(tx, REGISTRY)
    data = {"webhook": row.id, "reason": f"the receiver answered {GONE}: it is gone"}
    journal.append(tx, model_id=REGISTRY, kind="webhook.disabled", at=now, actor=ACTOR, data=data)
