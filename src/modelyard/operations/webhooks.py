"""Webhooks: events sent to other systems, signed, in order, at least once."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class CreateWebhook:
    """An address, and which events of which models are sent there; all of them where nothing is said."""

    url: str
    events: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    description: str = ""
    active: bool = True
    secret: str = ""
    """`whsec_` and base64, in MLflow's format any text; a new one is made where it is left out."""
    format: str = "modelyard"
    """`modelyard`, or `mlflow` to send what an MLflow server would: its events, its headers, its signature."""
    name: str = ""
    """What people call it; one in MLflow's format must have one."""
    signed: bool = True
    """Without it one in MLflow's format that is given no secret gets none, and what it sends is not signed."""


@dataclass(frozen=True, kw_only=True)
class ListWebhooks:
    """A page of webhooks, of one format if given."""

    limit: int = 100
    page_token: str = ""
    format: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedWebhook:
    """A webhook, by its id."""

    webhook: str


@dataclass(frozen=True, kw_only=True)
class DeleteWebhook(NamedWebhook):
    """A webhook that is not wanted any more."""

    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class UpdateWebhook(NamedWebhook):
    """What to change about a webhook; what is left out stays. One that is not active gets no new events."""

    url: str | None = None
    events: list[str] | None = None
    models: list[str] | None = None
    description: str | None = None
    active: bool | None = None
    name: str | None = None
    secret: str | None = None
    """Signs from now on instead of the present one; with `rotate` both sign for some time."""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class RotateSecret(NamedWebhook):
    """A new secret; the present one signs beside it for some time, but in MLflow's format, which has one signature."""

    secret: str = ""
    overlap_seconds: float = 86_400.0


@dataclass(frozen=True, kw_only=True)
class ResealWebhooks:
    """The secrets of all webhooks, to be sealed with the present key."""


@dataclass(frozen=True, kw_only=True)
class ListDeliveries(NamedWebhook):
    """A page of a webhook's deliveries, in one state if given: `pending`, `delivered` or `dead`."""

    state: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class ReplayDeliveries(NamedWebhook):
    """What to send again: one delivery, all dead ones, or every event behind a sequence; exactly one of them."""

    delivery: int | None = None
    dead: bool = False
    after: int | None = None


_ONE = "/api/webhooks/{webhook}"
_MANAGE = "webhook.manage"

CREATE_WEBHOOK = Operation(
    "create_webhook", "POST", "/api/webhooks", _MANAGE, CreateWebhook, wire.WebhookSecret,
    "Send events to an address from now on; shows the secret once", 201,
    {"url": "https://ci.example.com/hooks/models", "events": ["version.*"]},
)  # fmt: skip
LIST_WEBHOOKS = Operation(
    "list_webhooks", "GET", "/api/webhooks", _MANAGE, ListWebhooks, wire.WebhookPage, "List the webhooks"
)
GET_WEBHOOK = Operation("get_webhook", "GET", _ONE, _MANAGE, NamedWebhook, wire.WebhookRecord, "Show one webhook")
UPDATE_WEBHOOK = Operation(
    "update_webhook", "PATCH", _ONE, _MANAGE, UpdateWebhook, wire.WebhookRecord,
    "Change where events go, which ones, or whether any do", example={"active": False},
)  # fmt: skip
DELETE_WEBHOOK = Operation(
    "delete_webhook", "DELETE", _ONE, _MANAGE, DeleteWebhook, wire.WebhookRecord,
    "Delete a webhook with what was still to be sent",
)  # fmt: skip
ROTATE_SECRET = Operation(
    "rotate_webhook_secret", "POST", _ONE + "/rotate", _MANAGE, RotateSecret, wire.WebhookSecret,
    "Give a webhook a new secret, which is shown once", example={"overlap_seconds": 3600.0},
)  # fmt: skip
RESEAL_WEBHOOKS = Operation(
    "reseal_webhooks", "POST", "/api/webhooks/reseal", _MANAGE, ResealWebhooks, wire.ResealRecord,
    "Seal the secrets of all webhooks with the present key",
)  # fmt: skip
TEST_WEBHOOK = Operation(
    "test_webhook", "POST", _ONE + "/test", _MANAGE, NamedWebhook, wire.DeliveryRecord,
    "Send a `webhook.ping` to a webhook; a sample of its first event in MLflow's format",
)  # fmt: skip
LIST_DELIVERIES = Operation(
    "list_deliveries", "GET", _ONE + "/deliveries", _MANAGE, ListDeliveries, wire.DeliveryPage,
    "List what was sent to a webhook and what still will be, the newest first",
)  # fmt: skip
REPLAY_DELIVERIES = Operation(
    "replay_deliveries", "POST", _ONE + "/replay", _MANAGE, ReplayDeliveries, wire.ReplayRecord,
    "Send events again: one, all that were given up, or all behind a sequence", example={"dead": True},
)  # fmt: skip
