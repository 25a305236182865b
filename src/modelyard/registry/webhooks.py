"""Webhooks: made, changed, given new secrets, deleted. What was sent to them is told and repeated in `outbox`.

Rules
1. Every change is an event of the registry's own chain. It tells the origin of the address, never the whole of it,
   which may hold a token, and never a secret. Nobody has events sent that they may not read.
2. A webhook's format is chosen when it is made, and stays. One in MLflow's format has a name, and its events are those
   of MLflow's; its secret is any text.
3. A change moves `updated_at` on by a millisecond at least, which is as far as MLflow's clients see; one that changes
   nothing does nothing, but that in MLflow's format moves the time all the same.
4. Secrets are stored sealed. Whatever is written seals them with the present key.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from modelyard.domain import webhooks as rules
from modelyard.domain.durations import later
from modelyard.domain.mlflow import webhooks as mlflow
from modelyard.domain.names import shown
from modelyard.domain.paging import check_limit, key_of, token_after
from modelyard.domain.permissions import EVERYTHING, Grant, denial, lacking
from modelyard.domain.posting import FORMATS
from modelyard.domain.wire import ResealRecord, WebhookPage, WebhookRecord, WebhookSecret
from modelyard.errors import InvalidRequest, WebhookNotFound
from modelyard.metadata import journal, models, webhooks
from modelyard.metadata.database import known
from modelyard.metadata.tables import REGISTRY
from modelyard.metadata.webhooks import Choice, Key, Said
from modelyard.operations import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_WEBHOOKS,
    RESEAL_WEBHOOKS,
    ROTATE_SECRET,
    UPDATE_WEBHOOK,
    CreateWebhook,
    DeleteWebhook,
    ListWebhooks,
    NamedWebhook,
    ResealWebhooks,
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
STEP_S = 0.001
PAGE = 500


@serves(CREATE_WEBHOOK)
def create_webhook(context: Context, request: CreateWebhook) -> WebhookSecret:
    """Make a webhook, and show its secret this once.

    Raises:
        InvalidRequest: an address, a pattern, a name, a secret or the format is none.
        SecretsLocked: its secret cannot be sealed.
    """
    form = _format(request.format)
    rules.address_of(request.url)
    choice = Choice(
        events=_events(form, request.events),
        models=rules.model_patterns(request.models),
        description=rules.check_text(request.description, "the description"),
        name=_name(form, request.name),
    )
    refuse_unreadable(context, choice)
    if not (request.signed or form == mlflow.FORMAT):
        raise InvalidRequest("what is sent in modelyard's own format is always signed", hint="leave signed out")
    secret = _secret(form, request.secret) if request.signed or request.secret else ""
    webhook_id = context.yard.new_id(PREFIX)
    stored = webhooks.sealed([Key(secret)] if secret else [], context.yard.vault, webhook_id)
    said = Said(format=form, url=request.url, secret=stored, choice=choice, active=request.active)
    webhooks.add(context.tx, webhook_id, said, context.now)
    facts: dict[str, Any] = {"to": rules.origin_of(request.url), "events": choice.events, "models": choice.models}
    tell(context, "webhook.created", webhook_id, {**facts, "active": request.active, "format": form})
    return _with_secret(context, webhook_id, secret)


@serves(LIST_WEBHOOKS)
def list_webhooks(context: Context, request: ListWebhooks) -> WebhookPage:
    """Return a page of webhooks, the oldest first."""
    limit = check_limit(request.limit)
    form = _format(request.format) if request.format else ""
    after = str(key_of(request.page_token, str) or "")
    rows = webhooks.page(context.tx, after=after, limit=limit + 1, form=form)
    token = token_after(rows[limit - 1].id) if len(rows) > limit else ""
    return WebhookPage(webhooks=_records(context, rows[:limit]), next_page_token=token)


@serves(GET_WEBHOOK)
def get_webhook(context: Context, request: NamedWebhook) -> WebhookRecord:
    """Return one webhook."""
    return _record(context, find(context, request.webhook))


@serves(UPDATE_WEBHOOK)
def update_webhook(context: Context, request: UpdateWebhook) -> WebhookRecord:
    """Change what a webhook says; where nothing would change, nothing does."""
    row = find(context, request.webhook, lock=True)
    check_revision(row, request.if_match, f"the webhook {row.id}")
    before = webhooks.said_by(row)
    said = _changed(context, row, before, request)
    rules.address_of(said.url)
    refuse_unreadable(context, said.choice)
    pairs = {
        "to": (rules.origin_of(before.url), rules.origin_of(said.url)),
        "events": (before.choice.events, said.choice.events),
        "models": (before.choice.models, said.choice.models),
        "active": (before.active, said.active),
    }
    changes = {name: list(pair) for name, pair in pairs.items() if pair[0] != pair[1]}
    if said != before or said.format == mlflow.FORMAT:
        _write(context, row, said)
        facts = {"changes": changes} | ({"secret": "replaced"} if request.secret is not None else {})
        tell(context, "webhook.updated", row.id, facts)
    return _record(context, known(webhooks.one(context.tx, row.id)))


@serves(DELETE_WEBHOOK)
def delete_webhook(context: Context, request: DeleteWebhook) -> WebhookRecord:
    """Delete a webhook, with what was still to be sent, and return what it was."""
    row = find(context, request.webhook, lock=True)
    check_revision(row, request.if_match, f"the webhook {row.id}")
    record = _record(context, row)
    webhooks.bury(context.tx, row.id, context.now)
    tell(context, "webhook.deleted", row.id, {"to": rules.origin_of(row.url), "pending": record.pending})
    return record


@serves(ROTATE_SECRET)
def rotate_secret(context: Context, request: RotateSecret) -> WebhookSecret:
    """Give a webhook a new secret; those before sign beside it until their time is over.

    Raises:
        InvalidRequest: the overlap is impossible, or the secret is none, or the present one.
        SecretsLocked: the present one is to sign too and cannot be opened, or the new one cannot be sealed.
    """
    row = find(context, request.webhook, lock=True)
    overlap = request.overlap_seconds
    if not 0 <= overlap <= LONGEST_OVERLAP_S:
        raise InvalidRequest(f"overlap_seconds is {overlap!r}; it goes from 0 to {LONGEST_OVERLAP_S:.0f}")
    secret = _secret(row.format, request.secret)
    until = later(context.now, overlap if row.format != mlflow.FORMAT else 0)
    # Secrets that nobody can open any more must not stand in the way of the new one.
    present = webhooks.keys_of(row, context.yard.vault) if until > context.now else []
    kept = [Key(key.secret, min(key.until or until, until)) for key in present]
    if any(key.secret == secret for key in kept):
        raise InvalidRequest("the webhook has this secret already", hint="leave it out to get a new one")
    keys = [Key(secret), *(key for key in kept if key.until > context.now)][:MOST_SECRETS]
    stored = webhooks.sealed(keys, context.yard.vault, row.id)
    _write(context, row, replace(webhooks.said_by(row), secret=stored))
    tell(context, "webhook.secret_rotated", row.id, {"old_until": until})
    return _with_secret(context, row.id, secret)


@serves(RESEAL_WEBHOOKS)
def reseal_webhooks(context: Context, _request: ResealWebhooks) -> ResealRecord:
    """Seal every secret again that is not sealed with the present key, also those from before secrets were sealed."""
    vault = context.yard.vault
    resealed, locked, after = 0, 0, ""
    while rows := webhooks.page(context.tx, after=after, limit=PAGE):
        for row in rows:
            stored = webhooks.resealed(row, vault)
            if stored != row.secret:
                webhooks.reseal(context.tx, row.id, stored)
                resealed += 1
            locked += stored != webhooks.NO_SECRETS and not vault.is_current(stored)
        after = rows[-1].id
    return ResealRecord(resealed=resealed, locked=locked)


def refuse_unreadable(context: Context, choice: Choice) -> None:
    """Refuse that somebody has events sent which they may not read themselves."""
    wanted = [Grant(allow="event.read", model=pattern) for pattern in choice.models or [EVERYTHING]]
    beyond = lacking(context.principal, wanted)
    if beyond is not None:
        raise denial(context.principal, beyond.allow, beyond.model)


def find(context: Context, webhook_id: str, *, lock: bool = False) -> Row[Any]:
    """Find a webhook by its id.

    Raises:
        WebhookNotFound: there is none.
    """
    row = webhooks.one(context.tx, webhook_id, lock=lock) if webhook_id.isprintable() else None
    if row is None:
        raise WebhookNotFound(f"there is no webhook {shown(webhook_id)}")
    return row


def tell(context: Context, kind: str, webhook_id: str, facts: dict[str, Any]) -> int:
    """Append an event to the registry's own chain and return its sequence."""
    models.lock_by_id(context.tx, REGISTRY)
    data = {"webhook": webhook_id, **facts}
    context.tell(model_id=REGISTRY, kind=kind, data=data)
    return journal.last_sequence(context.tx, REGISTRY)


def _changed(context: Context, row: Row[Any], before: Said, request: UpdateWebhook) -> Said:
    """Return what a webhook says after a change."""
    said, form = before.choice, before.format
    stored = webhooks.resealed(row, context.yard.vault)
    if request.secret is not None:
        stored = webhooks.sealed([Key(_secret(form, request.secret))], context.yard.vault, row.id)
    choice = Choice(
        events=said.events if request.events is None else _events(form, request.events),
        models=said.models if request.models is None else rules.model_patterns(request.models),
        description=said.description
        if request.description is None
        else rules.check_text(request.description, "the description"),
        name=said.name if request.name is None else _name(form, request.name),
    )
    return Said(
        format=form,
        url=before.url if request.url is None else request.url,
        secret=stored,
        choice=choice,
        active=before.active if request.active is None else request.active,
    )


def _write(context: Context, row: Row[Any], said: Said) -> None:
    webhooks.change(context.tx, row.id, said, max(context.now, later(row.updated_at, STEP_S)))


def _format(given: str) -> str:
    if given not in FORMATS:
        raise InvalidRequest(f"{shown(given)} is no format of webhooks", hint=f"the formats are {', '.join(FORMATS)}")
    return given


def _events(form: str, given: Sequence[str]) -> list[str]:
    return mlflow.event_names(given) if form == mlflow.FORMAT else rules.event_patterns(given)


def _name(form: str, given: str) -> str:
    return mlflow.check_name(given) if given or form == mlflow.FORMAT else ""


def _secret(form: str, given: str) -> str:
    if given and form == mlflow.FORMAT:
        return mlflow.check_secret(given)
    if given:
        rules.secret_bytes(given)
    return given or rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES))


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
        format=row.format,
        name=choice.name,
    )
