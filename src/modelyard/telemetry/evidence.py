"""The judge's evidence on its way to the database: single requests of deployments that share out traffic.

Rules
- It is taken down beside the counts, under the same lock, and written in the same transaction; it never blocks.
- Per second and deployment no more than `MOST_SEEN` requests are looked at, and of these `MOST_UNITS` units and
  `MOST_FAILED` failed ones kept. What comes behind a full list is left out whatever it is, so that the choice says
  nothing about the arms; it is counted. The counts of the observations stay exact.
- Of a key, the first request and the first failed one are kept; more of them would tell the judge nothing.
- While the database is away, batches wait in memory, `MOST_BATCHES` of them at most.
- A batch is written once: a repeat finds it there. One whose deployment has ended is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from modelyard.domain.sketch import bin_of
from modelyard.domain.units import NONE, Arrival, Unit, key_hash, pack
from modelyard.metadata import evidence
from modelyard.metadata.database import Transaction
from modelyard.telemetry.outcome import NANO, Lot, Outcome

MOST_SEEN: Final = 4096
MOST_UNITS: Final = 256
MOST_FAILED: Final = 1024
MOST_BATCHES: Final = 600
MOST_KEYS: Final = 200_000
"""Keys of one deployment that are remembered here; the judge remembers them all."""

_Raw = tuple[str, int, int, Outcome, bytes | None]
"""Version, epoch, bin of the latency, outcome, key."""


class _Keys:
    """Keys of which a request, and of which a failed one, was kept."""

    __slots__ = ("failed", "seen")

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.failed: set[int] = set()

    def takes(self, key: int, *, failed: bool) -> bool:
        """Whether a request of a key tells the judge anything."""
        return key == 0 or key not in self.seen or (failed and key not in self.failed)

    def add(self, key: int, *, failed: bool) -> None:
        """Remember that a request of a key was kept."""
        if key and len(self.seen) < MOST_KEYS:
            self.seen.add(key)
            if failed:
                self.failed.add(key)


class EvidenceLog:
    """Evidence of one recording process.

    Args:
        writer: an id that no other recording process has, ever.

    Attributes:
        dropped: requests that were left out so far, because there were too many.
    """

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._fresh: dict[str, list[_Raw]] = {}
        self._left_out: dict[str, int] = {}
        # What follows belongs to whoever holds the recorder's lock of writing.
        self._taken: dict[str, list[_Raw]] = {}
        self._taken_out: dict[str, int] = {}
        self._keys: dict[str, _Keys] = {}
        self._numbers: dict[str, int] = {}
        self._waiting: list[dict[str, Any]] = []
        self.dropped = 0

    def add(self, version_id: str, epoch: int, place: int, outcome: Outcome, lot: Lot) -> None:
        """Take down a request; the caller holds the recorder's lock of swapping."""
        found = self._fresh.get(lot.deployment_id)
        if found is None:
            found = self._fresh[lot.deployment_id] = []
        if len(found) < MOST_SEEN:
            found.append((version_id, epoch, place, outcome, lot.key))
        else:
            self._left_out[lot.deployment_id] = self._left_out.get(lot.deployment_id, 0) + 1

    def swap(self) -> None:
        """Take away what came since the last time; the caller holds the recorder's lock of swapping."""
        self._taken, self._fresh = self._fresh, {}
        self._taken_out, self._left_out = self._left_out, {}

    def gather(self, now: str) -> None:
        """Make batches of what was taken away."""
        taken, self._taken = self._taken, {}
        for deployment_id, raw in taken.items():
            arms, units = self._units(deployment_id, raw)
            left_out = self._taken_out.get(deployment_id, 0)
            if len(self._waiting) >= MOST_BATCHES:
                self.dropped += len(raw) + left_out
                continue
            self.dropped += left_out
            if units:
                number = self._numbers[deployment_id] = self._numbers.get(deployment_id, 0) + 1
                self._waiting.append(
                    {
                        "deployment_id": deployment_id,
                        "writer": self._writer,
                        "number": number,
                        "position": None,
                        "units": len(units),
                        "dropped": left_out,
                        "document": pack(arms, units),
                        "at": now,
                    }
                )
        # What shares out no traffic any more is forgotten, so that memory does not grow with every deployment.
        for ended in self._keys.keys() - taken.keys():
            if len(self._keys) > len(taken) + 8:
                del self._keys[ended]

    def write(self, tx: Transaction) -> None:
        """Write the batches that wait."""
        evidence.put(tx, self._waiting)

    def written(self) -> None:
        """The transaction was committed: nothing waits any more."""
        self._waiting = []

    def _units(self, deployment_id: str, raw: Sequence[_Raw]) -> tuple[list[Arrival], list[Unit]]:
        keys = self._keys.setdefault(deployment_id, _Keys())
        arms: dict[tuple[str, int], int] = {}
        units: list[Unit] = []
        plain = failures = 0
        for version_id, epoch, place, outcome, key in raw:
            failed = bool(outcome.code)
            hashed = key_hash(key)
            is_full = failures >= MOST_FAILED if failed else plain >= MOST_UNITS
            if is_full or not keys.takes(hashed, failed=failed):
                self.dropped += is_full
                continue
            keys.add(hashed, failed=failed)
            plain, failures = plain + (not failed), failures + failed
            arm = arms.setdefault((version_id, epoch), len(arms))
            size = bin_of(outcome.tokens) if outcome.tokens else NONE
            cost = bin_of(outcome.cost * NANO) if outcome.cost else NONE
            units.append(Unit(arm, hashed, failed, place, size, cost))
        return [Arrival(*arm) for arm in arms], units
