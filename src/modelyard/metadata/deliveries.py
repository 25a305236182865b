"""What webhooks are still to be sent: lines, claims, outcomes, replays.

Rules
1. The deliveries of one webhook and one model are a line, in the order of the events, and of the messages that one
   event stands for. Only the first pending one of a line may be sent; so a later event of a model waits for the earlier
   one, and other models go on.
2. Whoever sends claims the first one before, until a moment: the lease. A claim is a conditional update, so of many
   senders one gets it, on SQLite and on PostgreSQL alike. When the lease is over, another sender may claim it again.
3. An outcome counts only if the claim is still the one that was made.
4. To find the first of each line costs one step down an index for each line, however long the lines are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from modelyard.domain.webhooks import DEAD, DELIVERED, PENDING
from modelyard.metadata.database import Transaction
from modelyard.metadata.feed import Place, as_start, matching
from modelyard.metadata.tables import DEFAULT_WORKSPACE, deliveries, events, webhooks

MOST_LINES = 10_000
"""Lines that are looked at in one go."""

_EVERYTHING = "*"
_pending = deliveries.c.state == PENDING


def _heads() -> Select[Any]:
    """Return the query for the first pending delivery of each line of an active webhook.

    The models of a webhook's lines are found one after another, each as the least behind the one before.
    """

    def least(webhook_id: ColumnElement[str], *more: ColumnElement[bool]) -> ScalarSelect[Any]:
        query = select(func.min(deliveries.c.model_id)).where(_pending, deliveries.c.webhook_id == webhook_id, *more)
        return query.scalar_subquery()

    lines = (
        select(webhooks.c.id.label("webhook_id"), least(webhooks.c.id).label("model_id"))
        .where(webhooks.c.active == 1)
        .cte("lines", recursive=True)
    )
    following = least(lines.c.webhook_id, deliveries.c.model_id > lines.c.model_id)
    lines = lines.union_all(select(lines.c.webhook_id, following).where(lines.c.model_id.is_not(None)))
    other = deliveries.alias("other")
    head = (
        select(other.c.id)
        .where(other.c.state == PENDING, other.c.webhook_id == lines.c.webhook_id, other.c.model_id == lines.c.model_id)
        .order_by(other.c.event_seq, other.c.part)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(deliveries)
        .join_from(lines, deliveries, deliveries.c.id == head)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(MOST_LINES)
    )


_HEADS = _heads()
_free = or_(deliveries.c.claimed_until.is_(None), deliveries.c.claimed_until <= bindparam("now"))
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("key"), _pending, deliveries.c.due_at <= bindparam("now"), _free)
    .where(
        # Between the look at the lines and the claim, a replay may have put an earlier event in front.
        ~exists(
            select(literal(1)).where(
                (earlier := deliveries.alias("earlier")).c.state == PENDING,
                earlier.c.webhook_id == bindparam("webhook"),
                earlier.c.model_id == bindparam("model"),
                tuple_(earlier.c.event_seq, earlier.c.part) < tuple_(bindparam("event"), bindparam("at_part")),
            )
        )
    )
    .values(claimed_until=bindparam("until"), attempts=deliveries.c.attempts + 1)
)
_FINISH = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("key"), _pending, deliveries.c.claimed_until == bindparam("until"))
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("due"),
        claimed_until=None,
        last_status=bindparam("status"),
        last_error=bindparam("error"),
        finished_at=bindparam("finished"),
    )
)
_RELEASE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("key"), _pending, deliveries.c.claimed_until == bindparam("until"))
    .values(claimed_until=None, attempts=deliveries.c.attempts - 1)
)
_NEXT = (
    select(deliveries)
    .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    .where(
        _pending,
        deliveries.c.webhook_id == bindparam("webhook"),
        deliveries.c.model_id == bindparam("model"),
        webhooks.c.active == 1,
    )
    .order_by(deliveries.c.event_seq, deliveries.c.part)
    .limit(1)
)
_ONE = (
    select(deliveries, events.c.type, events.c.model)
    .join(events, events.c.seq == deliveries.c.event_seq)
    .where(deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.id == bindparam("key"))
)
_OF_EVENT = (
    select(deliveries, events.c.type, events.c.model)
    .join(events, events.c.seq == deliveries.c.event_seq)
    .where(deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.event_seq == bindparam("event"))
)
_EVENT = select(events).where(events.c.seq == bindparam("seq"))
_PAGE = (
    select(deliveries, events.c.type, events.c.model)
    .join(events, events.c.seq == deliveries.c.event_seq)
    .where(deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.id < bindparam("before"))
    .order_by(deliveries.c.id.desc())
    .limit(bindparam("limit"))
)
_PAGE_OF_STATE = _PAGE.where(deliveries.c.state == bindparam("wanted"))
_AGAIN = (
    update(deliveries)
    .where(deliveries.c.webhook_id == bindparam("webhook"))
    .values(
        state=PENDING,
        attempts=0,
        due_at=bindparam("at"),
        created_at=bindparam("at"),
        finished_at=None,
    )
)
_AGAIN_ONE = _AGAIN.where(deliveries.c.id == bindparam("key"))
_AGAIN_DEAD = _AGAIN.where(deliveries.c.state == DEAD)
_later = tuple_(events.c.txid, events.c.seq) > tuple_(bindparam("txid", type_=BigInteger), bindparam("seq"))
_AGAIN_AFTER = _AGAIN.where(
    deliveries.c.state != PENDING, deliveries.c.event_seq.in_(select(events.c.seq).where(_later))
)
_NEVER_QUEUED = (
    select(events)
    .where(events.c.workspace == DEFAULT_WORKSPACE, _later, events.c.type.in_(bindparam("kinds", expanding=True)))
    .where(
        ~exists(
            select(literal(1)).where(
                deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.event_seq == events.c.seq
            )
        )
    )
    .order_by(events.c.txid, events.c.seq)
    .limit(bindparam("limit"))
)
_OLD = select(deliveries.c.id).where(deliveries.c.state == DELIVERED, deliveries.c.finished_at < bindparam("before"))
_FORGET = delete(deliveries).where(deliveries.c.state == DELIVERED, deliveries.c.finished_at < bindparam("before"))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What becomes of a delivery after an attempt."""

    state: str
    due_at: str
    status: int | None
    error: str | None
    finished_at: str | None


def heads(tx: Transaction) -> Sequence[Row[Any]]:
    """Return the first pending delivery of each line, whoever has been due for the longest time first."""
    return tx.all(_HEADS)


def claim(tx: Transaction, row: Row[Any], *, now: str, until: str) -> bool:
    """Claim a delivery that is the first of its line and due; False where another sender was faster."""
    values = {
        "key": row.id,
        "now": now,
        "until": until,
        "webhook": row.webhook_id,
        "model": row.model_id,
        "event": row.event_seq,
        "at_part": row.part,
    }
    return tx.run(_CLAIM, values).rowcount == 1


def finish(tx: Transaction, delivery_id: int, *, claimed_until: str, outcome: Outcome) -> bool:
    """Record the outcome of an attempt; False where the claim has passed to somebody else."""
    values = {
        "key": delivery_id,
        "until": claimed_until,
        "new_state": outcome.state,
        "due": outcome.due_at,
        "status": outcome.status,
        "error": outcome.error,
        "finished": outcome.finished_at,
    }
    return tx.run(_FINISH, values).rowcount == 1


def release(tx: Transaction, delivery_id: int, *, claimed_until: str) -> None:
    """Take back a claim without an attempt."""
    tx.run(_RELEASE, {"key": delivery_id, "until": claimed_until})


def first_of_line(tx: Transaction, webhook_id: str, model_id: str) -> Row[Any] | None:
    """Return the first pending delivery of a line, if the webhook is active."""
    return tx.first(_NEXT, {"webhook": webhook_id, "model": model_id})


def event_of(tx: Transaction, sequence: int) -> Row[Any] | None:
    """Return an event's row."""
    return tx.first(_EVENT, {"seq": sequence})


def one(tx: Transaction, webhook_id: str, delivery_id: int) -> Row[Any] | None:
    """Return a delivery of a webhook, with the type and the model of its event."""
    return tx.first(_ONE, {"webhook": webhook_id, "key": delivery_id})


def of_event(tx: Transaction, webhook_id: str, sequence: int) -> Row[Any] | None:
    """Return a webhook's delivery of an event."""
    return tx.first(_OF_EVENT, {"webhook": webhook_id, "event": sequence})


def page(tx: Transaction, webhook_id: str, *, state: str, before: int, limit: int) -> Sequence[Row[Any]]:
    """Return a webhook's deliveries, the newest first, from before a number on; of one state, if given."""
    values = {"webhook": webhook_id, "before": before, "limit": limit}
    return tx.all(_PAGE_OF_STATE, {**values, "wanted": state}) if state else tx.all(_PAGE, values)


def again(tx: Transaction, webhook_id: str, delivery_id: int, at: str) -> int:
    """Put one delivery back into its line; return how many that were."""
    return tx.run(_AGAIN_ONE, {"webhook": webhook_id, "key": delivery_id, "at": at}).rowcount


def dead_again(tx: Transaction, webhook_id: str, at: str) -> int:
    """Put all dead deliveries back into their lines; return how many they are."""
    return tx.run(_AGAIN_DEAD, {"webhook": webhook_id, "at": at}).rowcount


def sent_again(tx: Transaction, webhook_id: str, *, after: Place, at: str) -> int:
    """Put every delivery of an event behind a place back into its line; return how many they are."""
    return tx.run(_AGAIN_AFTER, {"webhook": webhook_id, "txid": after[0], "seq": after[1], "at": at}).rowcount


def all_again(
    tx: Transaction,
    webhook_id: str,
    *,
    after: Place,
    events_wanted: Sequence[str],
    models_wanted: Sequence[str],
    at: str,
) -> int:
    """Queue every event behind a place that the webhook wants, also those from before it was made.

    What is pending stays as it is. The caller holds the webhook's lock.
    """
    number = sent_again(tx, webhook_id, after=after, at=at)
    chosen = select(
        literal(webhook_id), events.c.model_id, events.c.seq, literal(PENDING), literal(0), literal(at), literal(at)
    ).where(events.c.workspace == DEFAULT_WORKSPACE, _later, events.c.type != "webhook.ping")
    present = select(literal(1)).where(deliveries.c.webhook_id == webhook_id, deliveries.c.event_seq == events.c.seq)
    chosen = chosen.where(~exists(present))
    values: dict[str, Any] = {"txid": after[0], "seq": after[1]}
    for column, name, wanted in ((events.c.type, "type", events_wanted), (events.c.model, "model", models_wanted)):
        if _EVERYTHING not in wanted:
            chosen = chosen.where(matching(column, name, len(wanted)))
            values |= {f"{name}{number}": as_start(pattern) for number, pattern in enumerate(wanted)}
    columns = ["webhook_id", "model_id", "event_seq", "state", "attempts", "due_at", "created_at"]
    statement = insert(deliveries).from_select(columns, chosen).execution_options(preserve_rowcount=True)
    return number + tx.run(statement, values).rowcount


def never_queued(
    tx: Transaction, webhook_id: str, kinds: Sequence[str], *, after: Place, limit: int
) -> Sequence[Row[Any]]:
    """Return events of these types behind a place of which the webhook has no delivery, in the feed's order."""
    values = {"webhook": webhook_id, "kinds": list(kinds), "txid": after[0], "seq": after[1], "limit": limit}
    return tx.all(_NEVER_QUEUED, values)


def any_before(tx: Transaction, before: str) -> bool:
    """Tell whether something was delivered before a moment."""
    return tx.first(_OLD.limit(1), {"before": before}) is not None


def forget(tx: Transaction, before: str) -> int:
    """Delete what was delivered before a moment; return how many that were."""
    return tx.run(_FORGET, {"before": before}).rowcount
