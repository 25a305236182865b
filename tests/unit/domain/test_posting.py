"""One attempt, by the webhook's format: its headers, and what follows from its reply."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.posting import MODELYARD, Parcel, Reply, headers_of, pause_after, switches_off
from modelyard.domain.webhooks import Patience, new_secret
from modelyard.errors import InvalidRequest

AT = "2026-03-01T12:00:00.000000Z"
PATIENCE = Patience(first_pause=1.0, longest_pause=60.0, give_up_after=100.0)


def parcel(**changed: Any) -> Parcel:
    """A parcel in our own format."""
    fields: dict[str, Any] = {
        "delivery": 1, "webhook": "wh_1", "model_id": "md_1", "url": "https://e.com/", "message_id": "msg_1",
        "body": b"{}", "secrets": (new_secret(b"x" * 32),), "attempts": 1, "created_at": AT, "claimed_until": AT,
    }  # fmt: skip
    return Parcel(**(fields | changed))


def pause(of: Parcel, reply: Reply, waited: float = 0.0) -> float | None:
    """The pause that follows."""
    return pause_after(of, reply, waited=waited, patience=PATIENCE, chance=0.0)


def test_each_format_has_its_own_headers():
    assert set(headers_of(parcel(), 1)) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    theirs = headers_of(parcel(format="mlflow", secrets=("any text",)), 1)
    assert set(theirs) == {"X-MLflow-Delivery-Id", "X-MLflow-Timestamp", "X-MLflow-Signature"}
    with pytest.raises(InvalidRequest):
        headers_of(parcel(secrets=("any text",)), 1)


def test_each_format_has_its_own_patience():
    refused, busy = Reply(status=404), Reply(status=503, retry_after=7.0)
    assert pause(parcel(), refused) == 0.5
    assert pause(parcel(), busy) == 0.5
    assert pause(parcel(), refused, waited=100.0) is None
    assert pause(parcel(format="mlflow"), refused) is None
    assert pause(parcel(format="mlflow"), busy, waited=1e6) == 7.0
    assert pause(parcel(format="mlflow", attempts=2), Reply(error="no way")) == 2.0


def test_gone_means_gone_in_our_own_format_alone():
    gone = Reply(status=410)
    assert switches_off(parcel(format=MODELYARD), gone)
    assert pause(parcel(), gone) is None
    assert not switches_off(parcel(format="mlflow"), gone)
    assert not switches_off(parcel(), Reply(status=404))
