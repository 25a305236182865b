"""One attempt to send an event to a webhook, and what came of it; headers and verdicts by the webhook's format.

Rules
1. A webhook's format says how an attempt is signed, and what becomes of a failed one: `modelyard`'s as
   `modelyard.domain.webhooks` says, `mlflow`'s as `modelyard.domain.mlflow.webhooks` says.
2. A parcel that could not be made whole (its secret cannot be opened) is not sent: its trouble is the reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.domain import webhooks
from modelyard.domain.mlflow import webhooks as mlflow

MODELYARD: Final = "modelyard"
FORMATS: Final = (MODELYARD, mlflow.FORMAT)
"""How a webhook may speak."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One attempt: what is sent, where to, and signed with which secrets, the newest first."""

    delivery: int
    webhook: str
    model_id: str
    url: str
    message_id: str
    body: bytes
    secrets: tuple[str, ...]
    attempts: int
    created_at: str
    claimed_until: str
    format: str = MODELYARD
    trouble: str = ""
    """Why it cannot be sent; empty where it can."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came of an attempt: the status of the answer, or why there is none."""

    status: int | None = None
    error: str = ""
    retry_after: float = 0.0
    """For how many seconds the receiver asks to be left alone."""
    body: str = ""
    """The beginning of the answer's body, of a refusal or where it was asked for."""


def headers_of(parcel: Parcel, second: int) -> dict[str, str]:
    """The headers by which a receiver knows who sends what.

    Args:
        parcel: what is sent.
        second: the second of the attempt, since 1970.

    Raises:
        InvalidRequest: a secret is none.
    """
    signed = mlflow.signed_headers if parcel.format == mlflow.FORMAT else webhooks.signed_headers
    return signed(parcel.secrets, parcel.message_id, second, parcel.body)


def pause_after(
    parcel: Parcel, reply: Reply, *, waited: float, patience: webhooks.Patience, chance: float
) -> float | None:
    """Seconds until a parcel that failed is sent again, or None where it is given up.

    Args:
        parcel: what was sent.
        reply: what came back.
        waited: seconds since it was put in line.
        patience: how long it is tried.
        chance: a random number from 0 up to 1.
    """
    if parcel.format == mlflow.FORMAT:
        first = patience.first_pause
        return mlflow.pause_after(parcel.attempts, reply.status, asked=reply.retry_after, first=first)
    over = reply.status == webhooks.GONE or waited >= patience.give_up_after
    return None if over else patience.pause(parcel.attempts, chance)


def switches_off(parcel: Parcel, reply: Reply) -> bool:
    """Whether the receiver says that it is gone for good."""
    return parcel.format == MODELYARD and reply.status == webhooks.GONE
