"""Forwards: versions that are sent on to MLflow and to Weights & Biases, as the configuration says."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class ListForwards:
    """A page of forwards: of one model or version (any reference), in one state, to one target, where it is given."""

    reference: str = ""
    state: str = ""
    target: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class RetryForward:
    """A forward that failed, by its number, as text."""

    forward: str


LIST_FORWARDS = Operation(
    "list_forwards", "GET", "/api/forwards", "version.read", ListForwards, wire.ForwardPage,
    "List which versions were sent on to tracking systems, and which still will be, the newest first",
)  # fmt: skip
RETRY_FORWARD = Operation(
    "retry_forward", "POST", "/api/forwards/{forward}/retry", "version.update", RetryForward, wire.ForwardRecord,
    "Send a version on again that could not be sent before",
)  # fmt: skip
