"""Webhooks: made, changed, tested and replayed. What is sent, and when, is decided in `deliveries`.

Every change is an event of the registry's own chain. It tells the origin of the address, never the whole of it, which
may hold a token, and never a secret. Nobody has events sent that they may not read.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.domain import webhooks as rules
from modelyard.domain.durations import later
from modelyard.domain.names import shown
from modelyard.domain.paging import UNBOUNDED, check_limit, check_sequence, key_of, number_of, token_after
from modelyard.domain.permissions import EVERYTHING, Grant, denial, lacking
from modelyard.domain.wire import (
    DeliveryPage,
    DeliveryRecord,
    ReplayRecord,
    WebhookPage,
    WebhookRecord,
    WebhookSecret,
)
from modelyard.errors import Conflict, InvalidRequest, WebhookNotFound
from modelyard.metadata import deliveries, feed, journal, models, webhooks
from modelyard.metadata.database import known
from modelyard.metadata.tables import REGISTRY
from modelyard.metadata.webhooks import Choice, Happened, Key
from modelyard.operations import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_DELIVERIES,
    LIST_WEBHOOKS,
    REPLAY_DELIVERIES,
    ROTATE_SECRET,
    TEST_WEBHOOK,
    UPDATE_WEBHOOK,
    CreateWebhook,
    DeleteWebhook,
    ListDeliveries,
    ListWebhooks,
    NamedWebhook,
    ReplayDeliveries,
    RotateSecret,
    UpdateWebhook,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import check_revision

PREFIX = "wh"
MOST_SECRETS = 5
"""Secrets that sign at once: the present one, and those that have not expired yet."""
LONGEST_OVERLAP_S = 30 * 86_400.0


@serves(CREATE_WEBHOOK)
def create_webhook(context: Context, request: CreateWebhook) -> WebhookSecret:
    """Make a webhook, and show its secret this once."""
    rules.address_of(request.url)
    choice = Choice(
        events=rules.event_patterns(request.events),
        models=rules.model_patterns(request.models),
        description=rules.check_text(request.description, "the description"),
    )
    _refuse_unreadable(context, choice)
    secret = _secret(request.secret)
    webhook_id = context.yard.new_id(PREFIX)
    webhooks.add(
        context.tx,
        webhook_id=webhook_id,
        url=request.url,
        keys=[Key(secret)],
        choice=choice,
        active=request.active,
        at=context.now,
    )
    facts = {"to": rules.origin_of(request.url), "events": choice.events, "models": choice.models}
    _tell(context, "webhook.created", webhook_id, {**facts, "active": request.active})
    return _with_secret(context, webhook_id, secret)


@serves(LIST_WEBHOOKS)
def list_webhooks(context: Context, request: ListWebhooks) -> WebhookPage:
    """Return a page of webhooks, the oldest first."""
    limit = check_limit(request.limit)
    rows = webhooks.page(context.tx, after=str(key_of(request.page_token, str) or ""), limit=limit + 1)
    token = token_after(rows[limit - 1].id) if len(rows) > limit else ""
    return WebhookPage(webhooks=_records(context, rows[:limit]), next_page_token=token)


@serves(GET_WEBHOOK)
def get_webhook(context: Context, request: NamedWebhook) -> WebhookRecord:
    """Return one webhook."""
    return _record(context, _find(context, request.webhook))


@serves(UPDATE_WEBHOOK)
def update_webhook(context: Context, request: UpdateWebhook) -> WebhookRecord:
    """Change what a webhook says; where nothing would change, nothing does."""
    row = _find(context, request.webhook, lock=True)
    check_revision(row, request.if_match, f"the webhook {row.id}")
    before = webhooks.choice_of(row)
    url = row.url if request.url is None else request.url
    rules.address_of(url)
    choice = Choice(
        events=before.events if request.events is None else rules.event_patterns(request.events),
        models=before.models if request.models is None else rules.model_patterns(request.models),
        description=before.description
        if request.description is None
        else rules.check_text(request.description, "the description"),
    )
    _refuse_unreadable(context, choice)
    active = bool(row.active) if request.active is None else request.active
    pairs = {
        "to": (rules.origin_of(row.url), rules.origin_of(url)),
        "events": (before.events, choice.events),
        "models": (before.models, choice.models),
        "active": (bool(row.active), active),
    }
    changes = {name: list(pair) for name, pair in pairs.items() if pair[0] != pair[1]}
    if (url, choice) != (row.url, before) or changes:
        keys = webhooks.keys_of(row)
        webhooks.change(context.tx, row.id, url=url, keys=keys, choice=choice, active=active, at=context.now)
        _tell(context, "webhook.updated", row.id, {"changes": changes})
    return _record(context, known(webhooks.one(context.tx, row.id)))


@serves(DELETE_WEBHOOK)
def delete_webhook(context: Context, request: DeleteWebhook) -> WebhookRecord:
    """Delete a webhook, with what was still to be sent, and return what it was."""
    row = _find(context, request.webhook, lock=True)
    check_revision(row, request.if_match, f"the webhook {row.id}")
    record = _record(context, row)
    webhooks.bury(context.tx, row.id, context.now)
    _tell(context, "webhook.deleted", row.id, {"to": rules.origin_of(row.url), "pending": record.pending})
    return record


@serves(ROTATE_SECRET)
def rotate_secret(context: Context, request: RotateSecret) -> WebhookSecret:
    """Give a webhook a new secret; those before sign beside it until their time is over.

    Raises:
        InvalidRequest: the overlap is impossible, or the secret is none, or the present one.
    """
    row = _find(context, request.webhook, lock=True)
    overlap = request.overlap_seconds
    if not 0 <= overlap <= LONGEST_OVERLAP_S:
        raise InvalidRequest(f"overlap_seconds is {overlap!r}; it goes from 0 to {LONGEST_OVERLAP_S:.0f}")
    secret = _secret(request.secret)
    until = later(context.now, overlap)
    kept = [Key(key.secret, min(key.until or until, until)) for key in webhooks.keys_of(row)]
    if any(key.secret == secret for key in kept):
        raise InvalidRequest("the webhook has this secret already", hint="leave it out to get a new one")
    keys = [Key(secret), *(key for key in kept if key.until > context.now)][:MOST_SECRETS]
    webhooks.change(
        context.tx,
        row.id,
        url=row.url,
        keys=keys,
        choice=webhooks.choice_of(row),
        active=bool(row.active),
        at=context.now,
    )
    _tell(context, "webhook.secret_rotated", row.id, {"old_until": until})
    return _with_secret(context, row.id, secret)


@serves(TEST_WEBHOOK)
def test_webhook(context: Context, request: NamedWebhook) -> DeliveryRecord:
    """Queue a ping for a webhook.

    Raises:
        Conflict: it is not active, so nothing is sent to it.
    """
    row = _find(context, request.webhook, lock=True)
    if not row.active:
        raise Conflict(f"the webhook {row.id} is not active", hint="switch it on before with --active")
    sequence = _tell(context, rules.PING, row.id, {})
    ping = Happened(sequence=sequence, model_id=REGISTRY, model="", kind=rules.PING)
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
    row = _find(context, request.webhook)
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
    row = _find(context, request.webhook, lock=True)
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
        _tell(context, "webhook.replayed", row.id, {"queued": queued})
    return ReplayRecord(queued=queued)


def _refuse_unreadable(context: Context, choice: Choice) -> None:
    """Refuse that somebody has events sent which they may not read themselves."""
    wanted = [Grant(allow="event.read", model=pattern) for pattern in choice.models or [EVERYTHING]]
    beyond = lacking(context.principal, wanted)
    if beyond is not None:
        raise denial(context.principal, beyond.allow, beyond.model)


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
    _refuse_unreadable(context, choice)
    return deliveries.all_again(
        context.tx,
        row.id,
        after=feed.place_of(context.tx, sequence),
        events_wanted=choice.events,
        models_wanted=choice.models,
        at=context.now,
    )


def _secret(given: str) -> str:
    if given:
        rules.secret_bytes(given)
    return given or rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES))


def _find(context: Context, webhook_id: str, *, lock: bool = False) -> Row[Any]:
    row = webhooks.one(context.tx, webhook_id, lock=lock) if webhook_id.isprintable() else None
    if row is None:
        raise WebhookNotFound(f"there is no webhook {shown(webhook_id)}")
    return row


def _tell(context: Context, kind: str, webhook_id: str, facts: dict[str, Any]) -> int:
    """Append an event to the registry's own chain and return its sequence."""
    models.lock_by_id(context.tx, REGISTRY)
    data = {"webhook": webhook_id, **facts}
    context.tell(model_id=REGISTRY, kind=kind, data=data)
    return journal.last_sequence(context.tx, REGISTRY)


def _with_secret(context: Context, webhook_id: str, secret: str) -> WebhookSecret:
    record = _record(context, known(webhooks.one(context.tx, webhook_id)))
    return WebhookSecret(**{name: getattr(record, name) for name in record.__dataclass_fields__}, secret=secret)


def _record(context: Context, row: Row[Any]) -> WebhookRecord:
    return _records(context, [row])[0]


def _records(context: Context, rows: Sequence[Row[Any]]) -> list[WebhookRecord]:
    counts = webhooks.counts(context.tx, [row.id for row in rows])
    return [_told(row, webhooks.choice_of(row), counts) for row in rows]


def _told(row: Row[Any], choice: Choice, counts: dict[tuple[str, str], int]) -> WebhookRecord:
    return WebhookRecord(
        id=row.id,
        url=row.url,
        events=choice.events,
        models=choice.models,
        description=choice.description,
        active=bool(row.active),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        pending=counts.get((row.id, rules.PENDING), 0),
        dead=counts.get((row.id, rules.DEAD), 0),
    )


def _delivery(row: Row[Any]) -> DeliveryRecord:
    return DeliveryRecord(
        id=row.id,
        message_id=rules.message_id(row.webhook_id, row.event_seq),
        webhook_id=row.webhook_id,
        sequence=row.event_seq,
        type=row.type,
        model=row.model,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        last_status=row.last_status,
        last_error=row.last_error,
    )
