"""Units of evidence by how they ended: `well(arm)` and `failed(arm)`."""

from __future__ import annotations

from modelyard.domain.units import NONE, Unit


def well(arm: int, key: int = 0, place: int = 5, size: int = NONE) -> Unit:
    """A request that was answered; key 0 is no key."""
    return Unit(arm=arm, key=key, failed=False, place=place, size=size)


def failed(arm: int, key: int = 0, place: int = 5, size: int = NONE, cost: int = NONE) -> Unit:
    """A request that failed; key 0 is no key."""
    return Unit(arm=arm, key=key, failed=True, place=place, size=size, cost=cost)
