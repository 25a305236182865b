"""What was sent to webhooks and what still will be: listed, put back into line, tested.

A replay keeps the ids of what it repeats. To a webhook in MLflow's format an event from before it was made goes as the
messages that it stands for, with the version's number then and what its model is now.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from modelyard.domain import webhooks as rules
from modelyard.domain.mlflow import webhooks as mlflow
from modelyard.domain.names import shown
from modelyard.domain.paging import UNBOUNDED, check_limit, check_sequence, number_of, token_after
from modelyard.domain.posting import Parcel
from modelyard.domain.wire import DeliveryPage, DeliveryRecord, ReplayRecord
from modelyard.errors import Conflict, InvalidRequest, WebhookNotFound
from modelyard.metadata import deliveries, feed, webhooks
from modelyard.metadata.database import known
from modelyard.metadata.tables import REGISTRY
from modelyard.metadata.webhooks import Choice, Happened
from modelyard.operations import (
    LIST_DELIVERIES,
    REPLAY_DELIVERIES,
    TEST_WEBHOOK,
    ListDeliveries,
    NamedWebhook,
    ReplayDeliveries,
)
from modelyard.registry.context import Context, Yard
from modelyard.registry.deliveries import with_secrets
from modelyard.registry.dispatch import serves
from modelyard.registry.webhooks import find, refuse_unreadable, tell

PAGE = 500


class _Told(msgspec.Struct, frozen=True):
    """The beginning of a message in MLflow's format."""

    entity: str
    action: str


_told = msgspec.json.Decoder(_Told)


@serves(TEST_WEBHOOK)
def test_webhook(context: Context, request: NamedWebhook) -> DeliveryRecord:
    """Queue a ping for a webhook; in MLflow's format, which knows none, the sample of its first event.

    Raises:
        Conflict: it is not active, so nothing is sent to it.
    """
    row = find(context, request.webhook, lock=True)
    if not row.active:
        raise Conflict(f"the webhook {row.id} is not active", hint="switch it on before with --active")
    sequence = tell(context, rules.PING, row.id, {})
    ping = Happened(sequence=sequence, model_id=REGISTRY, model="", kind=rules.PING)
    if row.format == mlflow.FORMAT:
        choice = msgspec.structs.replace(webhooks.choice_of(row), models=[rules.EVERYTHING])
        event = choice.events[0]
        sample = mlflow.Message(event=event, body=mlflow.body_of(event, mlflow.sample(event), context.now))
        webhooks.queue_messages(context.tx, row.id, choice, ping, [sample], context.now)
    else:
        webhooks.queue(context.tx, [row.id], ping, context.now)
    return _delivery(known(deliveries.of_event(context.tx, row.id, sequence)))


@serves(LIST_DELIVERIES)
def list_deliveries(context: Context, request: ListDeliveries) -> DeliveryPage:
    """Return a page of a webhook's deliveries, the newest first."""
    limit = check_limit(request.limit)
    if request.state and request.state not in rules.STATES:
        raise InvalidRequest(
            f"deliveries are in no state {shown(request.state)}", hint=f"the states are {', '.join(rules.STATES)}"
        )
    row = find(context, request.webhook)
    before = number_of(request.page_token)
    rows = deliveries.page(
        context.tx, row.id, state=request.state, before=UNBOUNDED if before is None else before, limit=limit + 1
    )
    token = token_after(rows[limit - 1].id) if len(rows) > limit else ""
    return DeliveryPage(deliveries=[_delivery(row) for row in rows[:limit]], next_page_token=token)


@serves(REPLAY_DELIVERIES)
def replay_deliveries(context: Context, request: ReplayDeliveries) -> ReplayRecord:
    """Put deliveries back in line; each keeps its message id, so that receivers know what they have heard before.

    Raises:
        InvalidRequest: not exactly one choice is made.
        WebhookNotFound: the webhook has no such delivery.
    """
    row = find(context, request.webhook, lock=True)
    given = [request.delivery is not None, request.dead, request.after is not None]
    if sum(given) != 1:
        raise InvalidRequest("say what to send again", hint="give one of delivery, dead and after")
    if request.dead:
        queued = deliveries.dead_again(context.tx, row.id, context.now)
    elif request.after is not None:
        queued = _after(context, row, request.after)
    else:
        queued = _single(context, row, known(request.delivery))
    if queued:
        tell(context, "webhook.replayed", row.id, {"queued": queued})
    return ReplayRecord(queued=queued)


def sample_parcel(yard: Yard, webhook_id: str, body: bytes) -> Parcel:
    """Return one attempt that belongs to no event, for a test; the caller has asked whether who asks may do that.

    Raises:
        WebhookNotFound: there is no such webhook.
    """
    now = yard.clock()
    with yard.database.read() as tx:
        row = webhooks.one(tx, webhook_id)
    if row is None:
        raise WebhookNotFound(f"there is no webhook {shown(webhook_id)}")
    parcel = Parcel(
        delivery=0,
        webhook=row.id,
        model_id="",
        url=row.url,
        message_id=yard.new_id("msg"),
        body=body,
        secrets=(),
        attempts=1,
        created_at=now,
        claimed_until=now,
        format=row.format,
    )
    return with_secrets(parcel, row, yard.vault, now)


def _single(context: Context, row: Row[Any], delivery: int) -> int:
    if deliveries.one(context.tx, row.id, check_sequence(delivery, "delivery")) is None:
        raise WebhookNotFound(
            f"the webhook {row.id} has no delivery {delivery}", hint="`modelyard webhook deliveries` lists them"
        )
    return deliveries.again(context.tx, row.id, delivery, context.now)


def _after(context: Context, row: Row[Any], sequence: int) -> int:
    if check_sequence(sequence, "after") < 0:
        raise InvalidRequest(f"after is {sequence}; it is the sequence of an event, or 0 for all")
    choice = webhooks.choice_of(row)
    refuse_unreadable(context, choice)
    if row.format == mlflow.FORMAT:
        return _messages_after(context, row.id, choice, feed.place_of(context.tx, sequence))
    return deliveries.all_again(
        context.tx,
        row.id,
        after=feed.place_of(context.tx, sequence),
        events_wanted=choice.events,
        models_wanted=choice.models,
        at=context.now,
    )


def _messages_after(context: Context, webhook_id: str, choice: Choice, place: feed.Place) -> int:
    """Queue what the events behind a place stand for in MLflow's format; return how many messages that are."""
    queued = deliveries.sent_again(context.tx, webhook_id, after=place, at=context.now)
    kinds = sorted(mlflow.KINDS)
    while rows := deliveries.never_queued(context.tx, webhook_id, kinds, after=place, limit=PAGE):
        for row in rows:
            event = Happened(
                sequence=row.seq,
                model_id=row.model_id,
                model=row.model,
                kind=row.type,
                at=row.at,
                version_id=row.version_id,
                data=msgspec.json.decode(row.data),
            )
            messages = mlflow.messages(webhooks.happening(context.tx, event))
            queued += webhooks.queue_messages(context.tx, webhook_id, choice, event, messages, context.now)
        place = (rows[-1].txid, rows[-1].seq)
    return queued


def _delivery(row: Row[Any]) -> DeliveryRecord:
    told = _told.decode(row.message) if row.message is not None else None
    return DeliveryRecord(
        id=row.id,
        message_id=rules.message_id(row.webhook_id, row.event_seq, row.part),
        webhook_id=row.webhook_id,
        sequence=row.event_seq,
        type=row.type if told is None else f"{told.entity}.{told.action}",
        model=row.model,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        last_status=row.last_status,
        last_error=row.last_error,
    )
