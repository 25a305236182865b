"""Sending events to other systems, and checking on their side that an event comes from here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from modelyard.domain.mlflow.webhooks import FORMAT
from modelyard.domain.webhooks import TOLERANCE_S, check_signature
from modelyard.domain.wire import DeliveryRecord, ResealRecord, WebhookRecord, WebhookSecret
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import texts_of
from modelyard.facade.base import Base
from modelyard.operations import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_DELIVERIES,
    LIST_WEBHOOKS,
    REPLAY_DELIVERIES,
    RESEAL_WEBHOOKS,
    ROTATE_SECRET,
    TEST_WEBHOOK,
    UPDATE_WEBHOOK,
)


class Webhooks(Base):
    """The methods of `ModelRegistry` that look after webhooks. A webhook is named by its id or by its record."""

    def create_webhook(
        self,
        url: str,
        events: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        *,
        description: str = "",
        active: bool = True,
        secret: str | None = None,
        mlflow_name: str | None = None,
    ) -> WebhookSecret:
        """Send events to an address from now on; a server, or `modelyard webhook deliver`, sends them.

        Args:
            url: where to, http or https.
            events: types such as "version.registered" or "version.*"; all where they are left out.
            models: names of models such as "fraud" or "fraud-*"; all where they are left out.
            description: what it is for.
            active: whether it begins at once.
            secret: `whsec_` and base64 of 24 to 64 bytes, in MLflow's format any text; a new one where it is left out.
            mlflow_name: send what an MLflow server would, with `events` such as "model_version.created"; this is its
                name, by which MLflow's clients see it too.

        Returns:
            The webhook, with its secret: it is not shown again.
        """
        given = {"events": texts_of("events", events), "models": texts_of("models", models), "secret": secret}
        given |= {"format": None if mlflow_name is None else FORMAT, "name": mlflow_name}
        return self._call(CREATE_WEBHOOK, url=url, description=description, active=active, **given)

    def list_webhooks(self, *, limit: int | None = None) -> list[WebhookRecord]:
        """Return the webhooks, the oldest first, those of MLflow's clients too."""
        return self._all(LIST_WEBHOOKS, lambda page: page.webhooks, limit=limit)

    def get_webhook(self, webhook: str | WebhookRecord) -> WebhookRecord:
        """Return one webhook, with how much is still to be sent to it."""
        return self._call(GET_WEBHOOK, webhook=_id_of(webhook))

    def update_webhook(
        self,
        webhook: str | WebhookRecord,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        description: str | None = None,
        active: bool | None = None,
        if_match: int | None = None,
    ) -> WebhookRecord:
        """Change a webhook; what is None stays. One that is not active gets no new events, and keeps what waits."""
        given: dict[str, Any] = {"events": texts_of("events", events), "models": texts_of("models", models)}
        given |= {"url": url, "description": description, "active": active, "if_match": if_match}
        return self._call(UPDATE_WEBHOOK, webhook=_id_of(webhook), **given)

    def delete_webhook(self, webhook: str | WebhookRecord, *, if_match: int | None = None) -> WebhookRecord:
        """Delete a webhook with what was still to be sent, and return what it was."""
        return self._call(DELETE_WEBHOOK, webhook=_id_of(webhook), if_match=if_match)

    def rotate_webhook_secret(
        self, webhook: str | WebhookRecord, *, secret: str | None = None, overlap_seconds: float | None = None
    ) -> WebhookSecret:
        """Give a webhook a new secret; the one before signs beside it for a day, or for `overlap_seconds`."""
        overlap = None if overlap_seconds is None else _seconds(overlap_seconds)
        return self._call(ROTATE_SECRET, webhook=_id_of(webhook), secret=secret, overlap_seconds=overlap)

    def reseal_webhooks(self) -> ResealRecord:
        """Seal the secrets of all webhooks with the present key, after `webhooks.secret_key` has got a new one."""
        return self._call(RESEAL_WEBHOOKS)

    def test_webhook(self, webhook: str | WebhookRecord) -> DeliveryRecord:
        """Queue a `webhook.ping`, or a sample in MLflow's format; `list_deliveries` tells what came of it."""
        return self._call(TEST_WEBHOOK, webhook=_id_of(webhook))

    def list_deliveries(
        self, webhook: str | WebhookRecord, *, state: str | None = None, limit: int | None = 100
    ) -> list[DeliveryRecord]:
        """Return what was sent to a webhook and what still will be, the newest first.

        Args:
            webhook: the webhook.
            state: only those that are "pending", "delivered" or "dead".
            limit: the most to return; None for all.
        """
        return self._all(
            LIST_DELIVERIES, lambda page: page.deliveries, limit=limit, webhook=_id_of(webhook), state=state
        )

    def replay_deliveries(
        self,
        webhook: str | WebhookRecord,
        *,
        delivery: int | None = None,
        dead: bool = False,
        after: int | None = None,
    ) -> int:
        """Send events again, and return how many: one delivery, all dead ones, or every event behind a sequence."""
        given = {"delivery": delivery, "dead": dead, "after": after}
        return self._call(REPLAY_DELIVERIES, webhook=_id_of(webhook), **given).queued


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE_S,
) -> dict[str, Any]:
    """Check, on the receiving side, that an event was sent by a registry, and return it.

    Args:
        secret: the webhook's secret, `whsec_…`.
        headers: the headers of the request; their names in any case.
        body: the raw body, exactly as it was received.
        now: the present second since 1970; the clock's where it is left out.
        tolerance: the most seconds between `now` and the attempt: what was recorded cannot be sent again later.

    Returns:
        `{"type": …, "timestamp": …, "data": the event}`. The header `webhook-id` is the same when an event comes a
        second time.

    Raises:
        Unauthenticated: it was not signed with this secret, or at another time.
        InvalidRequest: the secret is none, or the body no JSON object.
    """
    raw = body.encode() if isinstance(body, str) else bytes(body)
    check_signature(secret, headers, raw, now=time.time() if now is None else now, tolerance=tolerance)
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body is no event: {error}") from None


def _id_of(webhook: object) -> str:
    value = webhook.id if isinstance(webhook, WebhookRecord) else webhook
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"a webhook is named by its id, not by {value!r}", hint="list_webhooks() returns them")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"overlap_seconds is {value!r}, not a number of seconds")
    return float(value)
