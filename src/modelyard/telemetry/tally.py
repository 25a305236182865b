"""Keeps what the recorder saw until it is added to the running totals."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TypeAlias

from modelyard.domain.cells import Cell
from modelyard.telemetry.recorder import Key

Place: TypeAlias = tuple[str, str, str]
"""Endpoint, version, role."""
Seen: TypeAlias = dict[Place, tuple[Cell, int]]
"""What was seen at each place, and the minute of the last of it, counted from 1970."""


class Tally:
    """A sink of the recorder, which calls it in the thread that writes; others take from it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: Seen = {}

    def __call__(self, fresh: Mapping[Key, Cell]) -> None:
        """Add what was seen since the last time."""
        with self._lock:
            for ((endpoint_id, _epoch, version_id, role), minute), cell in fresh.items():
                add_cell(self._seen, (endpoint_id, version_id, role), cell, minute)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was seen since it was taken from."""
        return not self._seen

    def take(self) -> Seen:
        """Take away what is there."""
        with self._lock:
            taken, self._seen = self._seen, {}
        return taken


def add_cell(seen: Seen, place: Place, cell: Cell, minute: int) -> None:
    """Add a cell to what was seen at its place."""
    before = seen.get(place)
    if before is None:
        before = seen[place] = (Cell(), minute)
    before[0].merge(cell)
    seen[place] = (before[0], max(before[1], minute))
