"""Webhooks for MLflow's clients: the registry's own, of those in MLflow's format.

Rules
- Webhooks in modelyard's own format are not there for MLflow's clients, which could not read what they say.
- A field that is missing or empty in an update stays as it is.
- A secret goes in and never comes out. A webhook that is given none sends without a signature.
- An address that is written as a number, and may not be reached, is refused at once; what a name stands for is looked
  at with each delivery.
- The test of a webhook sends one attempt and waits for the answer; no transaction is open meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from modelyard.domain.durations import parsed
from modelyard.domain.mlflow import webhooks as rules
from modelyard.domain.paging import MAX_LIMIT
from modelyard.domain.posting import headers_of
from modelyard.domain.webhooks import address_of
from modelyard.domain.wire import WebhookRecord
from modelyard.errors import InvalidRequest, WebhookNotFound
from modelyard.mlflow.desk import Answer, Desk, Fields, Refusal, Route, invalid
from modelyard.mlflow.fields import bad, number, required, text
from modelyard.operations import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_WEBHOOKS,
    UPDATE_WEBHOOK,
    CreateWebhook,
    DeleteWebhook,
    ListWebhooks,
    NamedWebhook,
    UpdateWebhook,
)
from modelyard.registry.outbox import sample_parcel

DEFAULT_PAGE: Final = 100
ACTIVE: Final = "ACTIVE"
DISABLED: Final = "DISABLED"
FAILED: Final = 400
"""The first status with which a test has failed."""


def create_webhook(desk: Desk, fields: Fields) -> Answer:
    """Make a webhook."""
    required(fields, "name", "url", "events")
    secret = _secret(fields)
    made = desk.call(
        CREATE_WEBHOOK,
        CreateWebhook(
            format=rules.FORMAT,
            name=_checked(rules.check_name, text(fields, "name")),
            url=_url(desk, text(fields, "url")),
            events=_events(fields),
            description=text(fields, "description"),
            secret=secret,
            signed=bool(secret),
            active=_active(fields) is not False,
        ),
    )
    return {"webhook": _told(made)}


def list_webhooks(desk: Desk, fields: Fields) -> Answer:
    """Return a page of webhooks, the oldest first."""
    limit = number(fields, "max_results", DEFAULT_PAGE) or DEFAULT_PAGE
    if not 1 <= limit <= MAX_LIMIT:
        raise invalid(f"max_results must be between 1 and {MAX_LIMIT}.")
    asked = ListWebhooks(limit=limit, page_token=text(fields, "page_token"), format=rules.FORMAT)
    page = desk.call(LIST_WEBHOOKS, asked)
    found: Answer = {"webhooks": [_told(record) for record in page.webhooks]}
    return found | ({"next_page_token": page.next_page_token} if page.next_page_token else {})


def get_webhook(desk: Desk, fields: Fields) -> Answer:
    """Return one webhook."""
    return {"webhook": _told(_find(desk, fields))}


def update_webhook(desk: Desk, fields: Fields) -> Answer:
    """Change what a webhook says."""
    present = _find(desk, fields)
    name, url = text(fields, "name"), text(fields, "url")
    changed = desk.call(
        UPDATE_WEBHOOK,
        UpdateWebhook(
            webhook=present.id,
            name=_checked(rules.check_name, name) if name else None,
            url=_url(desk, url) if url else None,
            events=_events(fields) if fields.get("events") else None,
            description=text(fields, "description") or None,
            secret=_secret(fields) or None,
            active=_active(fields),
        ),
    )
    return {"webhook": _told(changed)}


def delete_webhook(desk: Desk, fields: Fields) -> Answer:
    """Delete a webhook with what was still to be sent."""
    desk.call(DELETE_WEBHOOK, DeleteWebhook(webhook=_find(desk, fields).id))
    return {}


def test_webhook(desk: Desk, fields: Fields) -> Answer:
    """Send a sample of an event, the first that the webhook has where none is named, and tell what came of it."""
    present = _find(desk, fields)
    given = fields.get("event")
    event = _event(given) if given else present.events[0]
    courier = desk.yard.courier
    if courier is None:
        raise Refusal("NOT_IMPLEMENTED", "This registry was opened without a way out, so nothing can be sent.")
    now = desk.yard.clock()
    body = msgspec.json.encode(rules.body_of(event, rules.sample(event), now))
    parcel = sample_parcel(desk.yard, present.id, body)
    if parcel.trouble:
        return {"result": {"success": False, "error_message": f"Failed to test webhook: {parcel.trouble}"}}
    reply = courier.post(parcel.url, body, headers_of(parcel, int(parsed(now).timestamp())), listen=True)
    if reply.status is None:
        return {"result": {"success": False, "error_message": f"Failed to test webhook: {reply.error}"}}
    return {"result": {"success": reply.status < FAILED, "response_status": reply.status, "response_body": reply.body}}


ROUTES: Final = (
    Route("POST", "webhooks", CREATE_WEBHOOK.permission, create_webhook),
    Route("GET", "webhooks", LIST_WEBHOOKS.permission, list_webhooks),
    Route("GET", "webhooks/{webhook_id}", GET_WEBHOOK.permission, get_webhook),
    Route("PATCH", "webhooks/{webhook_id}", UPDATE_WEBHOOK.permission, update_webhook),
    Route("DELETE", "webhooks/{webhook_id}", DELETE_WEBHOOK.permission, delete_webhook),
    Route("POST", "webhooks/{webhook_id}/test", UPDATE_WEBHOOK.permission, test_webhook, waits=True),
)
"""MLflow's routes of webhooks."""


def _find(desk: Desk, fields: Fields) -> WebhookRecord:
    """Find a webhook in MLflow's format by the path's id."""
    given = text(fields, "webhook_id")
    try:
        found = desk.call(GET_WEBHOOK, NamedWebhook(webhook=given))
    except WebhookNotFound:
        found = None
    if found is None or found.format != rules.FORMAT:
        raise Refusal("RESOURCE_DOES_NOT_EXIST", f"Webhook with ID {given} not found.")
    return found


def _told(record: WebhookRecord) -> Answer:
    told = {
        "webhook_id": record.id,
        "name": record.name,
        "url": record.url,
        "events": [dict(zip(("entity", "action"), name.upper().split("."), strict=True)) for name in record.events],
        "status": ACTIVE if record.active else DISABLED,
        "creation_timestamp": _milliseconds(record.created_at),
        "last_updated_timestamp": _milliseconds(record.updated_at),
    }
    return told | ({"description": record.description} if record.description else {})


def _milliseconds(moment: str) -> int:
    return round(parsed(moment).timestamp() * 1_000_000) // 1_000


def _url(desk: Desk, given: str) -> str:
    url = _checked(rules.check_url, given)
    if desk.yard.courier is not None:
        desk.yard.courier.check_place(address_of(url).host)
    return url


def _secret(fields: Fields) -> str:
    """The secret that a request gives; one that is none is not repeated."""
    try:
        return text(fields, "secret")
    except Refusal:
        raise invalid("Invalid value for parameter 'secret' supplied: it is no text that can be written down") from None


def _events(fields: Fields) -> list[str]:
    given = fields.get("events")
    if not isinstance(given, list):
        raise bad("events", given)
    return list(dict.fromkeys(_event(entry) for entry in given))


def _event(given: Any) -> str:
    entity, action = (given.get(key) for key in ("entity", "action")) if isinstance(given, Mapping) else (None, None)
    if not (isinstance(entity, str) and isinstance(action, str)):
        raise bad("events", given)
    entity, action = entity.lower(), action.lower()
    known = [name.partition(".")[2] for name in rules.EVENTS if name.partition(".")[0] == entity]
    if not known:
        raise bad("events", given)
    if action not in known:
        raise invalid(f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {sorted(known)}")
    return f"{entity}.{action}"


def _active(fields: Fields) -> bool | None:
    """Whether the request says that the webhook sends; None where it says nothing."""
    given = text(fields, "status").upper()
    if given not in {"", ACTIVE, DISABLED}:
        raise bad("status", given)
    return given == ACTIVE if given else None


def _checked(check: Callable[[str], str], given: str) -> str:
    try:
        return check(given)
    except InvalidRequest as error:
        raise invalid(error.message) from None
