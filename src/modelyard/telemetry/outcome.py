"""How one prediction ended, and the lots that were drawn for it: what is told to the recorder."""

from __future__ import annotations

from typing import Final, NamedTuple

from modelyard.domain.cells import NANO

__all__ = ["NANO", "WELL", "Lot", "Outcome"]


class Outcome(NamedTuple):
    """How a prediction ended: `code` of our error tree where it failed, empty where it did not."""

    code: str = ""
    tokens: int = 0
    """What a provider counted, in and out."""
    cost: float = 0.0
    """In the currency of the version's prices."""


WELL: Final = Outcome()
"""Answered, with nothing more to say of it."""


class Lot(NamedTuple):
    """Who drew lots for a request: the deployment that shares out the traffic, and the hash of the key; 0 for none."""

    deployment_id: str
    key: int
