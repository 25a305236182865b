"""Records of webhooks and of what is sent to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class WebhookRecord:
    """An address that events are sent to, which events of which models, and how it stands."""

    id: str
    url: str
    events: list[str]
    """Patterns of event types, such as `version.*`; of one in MLflow's format, the names of MLflow's events."""
    models: list[str]
    """Patterns of model names."""
    description: str
    active: bool
    revision: int
    created_at: str
    updated_at: str
    pending: int = 0
    """Deliveries that are still to be sent."""
    dead: int = 0
    """Deliveries that were given up."""
    format: str = "modelyard"
    """How it speaks: `modelyard`, or `mlflow`."""
    name: str = ""
    """What people call it; MLflow's clients give each one a name."""


@dataclass(frozen=True, kw_only=True)
class WebhookSecret(WebhookRecord):
    """A webhook with its new secret, which is shown this once."""

    secret: str = ""

    def stored(self) -> WebhookSecret:
        """The same without the secret: what is kept for a repeat of the request."""
        return replace(self, secret="")


@dataclass(frozen=True, kw_only=True)
class WebhookPage:
    """A page of webhooks, the oldest first."""

    webhooks: list[WebhookRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class DeliveryRecord:
    """An event on its way to a webhook: how often it was tried, and what came of it."""

    id: int
    message_id: str
    """The `webhook-id` header of every attempt; `X-MLflow-Delivery-Id` in MLflow's format."""
    webhook_id: str
    sequence: int
    """The event's."""
    type: str
    """The event's; in MLflow's format the name of its event, such as `model_version_tag.set`."""
    model: str
    state: str
    """`pending`, `delivered` or `dead`."""
    attempts: int
    due_at: str
    """When a pending one is tried next, unless an earlier event of its model waits."""
    created_at: str
    """When it was put in line."""
    finished_at: str | None = None
    last_status: int | None = None
    """The HTTP status of the last answer; null where none came."""
    last_error: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeliveryPage:
    """A page of deliveries, the newest first."""

    deliveries: list[DeliveryRecord] = field(default_factory=list)
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class ReplayRecord:
    """How many deliveries were put back in line."""

    queued: int


@dataclass(frozen=True, kw_only=True)
class ResealRecord:
    """How many webhooks had their secrets sealed anew, and of how many no key that is here opens them."""

    resealed: int
    locked: int = 0
