"""The judge's evidence on its way to the database: single requests of deployments that share out traffic.

Rules
- It is taken down beside the counts, under the same lock, and written in the same transaction; it never blocks.
- Per second and deployment no more than `MOST_SEEN` requests are looked at. The first `MOST_UNITS` of these are kept
  whatever they are, and behind them up to `MOST_FAILED` failed ones, for their error only: were these measured too, an
  arm with more errors would seem to get more of the traffic. What is left out is counted. The counts of observations
  stay exact.
- Of a key, the first request and the first failed one are kept; more of them would tell the judge nothing.
- While the database is away, batches wait in memory, `MOST_BATCHES` of them at most.
- A batch is written once: a repeat finds it there. Where nobody judges, nothing is written, and soon nothing is taken
  down any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from modelyard.domain.sketch import bin_of
from modelyard.domain.units import COST_SCALE, MOST_FAILED, MOST_SEEN, MOST_UNITS, NONE, Arrival, Unit, pack
from modelyard.metadata import evidence
from modelyard.metadata.database import Transaction
from modelyard.telemetry.outcome import Lot, Outcome

MOST_BATCHES: Final = 600
MOST_KEYS: Final = 200_000
"""Keys of one deployment that are remembered here; the judge remembers them all."""

_Raw = tuple[str, int, int, Outcome, int]
"""Version, epoch, bin of the latency, outcome, hash of the key."""


class _Keys:
    """Keys of which a request, and of which a failed one, was kept."""

    __slots__ = ("failed", "seen")

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.failed: set[int] = set()

    def takes(self, key: int, *, measured: bool, failed: bool) -> bool:
        """Whether a request of a key tells the judge anything; `measured` where not only its error would be kept."""
        return key == 0 or (measured and key not in self.seen) or (failed and key not in self.failed)

    def add(self, key: int, *, measured: bool, failed: bool) -> None:
        """Remember that a request of a key was kept."""
        if key and measured and len(self.seen) < MOST_KEYS:
            self.seen.add(key)
        if key and failed and len(self.failed) < MOST_KEYS:
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
        self._unjudged: set[str] = set()
        self._over: set[str] = set()
        """Deployments that nobody judges, or not any more: that never changes again."""
        self.dropped = 0

    @property
    def waits(self) -> bool:
        """Whether there are batches to write."""
        return bool(self._waiting)

    def add(self, version_id: str, epoch: int, place: int, outcome: Outcome, lot: Lot) -> None:
        """Take down a request; the caller holds the recorder's lock of swapping."""
        if lot.deployment_id in self._over:
            return
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
            left_out = self._taken_out.get(deployment_id, 0)
            if len(self._waiting) >= MOST_BATCHES:
                # Before its keys are remembered: what is lost now may come again later.
                self.dropped += len(raw) + left_out
                continue
            arms, units, too_many = self._units(deployment_id, raw)
            left_out += too_many
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

    def write(self, tx: Transaction) -> None:
        """Write the batches that wait."""
        self._unjudged = evidence.put(tx, self._waiting)

    def written(self) -> None:
        """The transaction was committed: nothing waits any more, and what nobody judges is not taken down again."""
        self._waiting = []
        self._over |= self._unjudged
        for deployment_id in self._unjudged:
            self._keys.pop(deployment_id, None)
            self._numbers.pop(deployment_id, None)
        self._unjudged = set()

    def _units(self, deployment_id: str, raw: Sequence[_Raw]) -> tuple[list[Arrival], list[Unit], int]:
        keys = self._keys.setdefault(deployment_id, _Keys())
        arms: dict[tuple[str, int], int] = {}
        units: list[Unit] = []
        kept = more = too_many = 0
        for version_id, epoch, place, outcome, key in raw:
            failed, measured = bool(outcome.code), kept < MOST_UNITS
            is_full = not measured and (not failed or more >= MOST_FAILED)
            if is_full or not keys.takes(key, measured=measured, failed=failed):
                too_many += is_full
                continue
            keys.add(key, measured=measured, failed=failed)
            kept, more = kept + measured, more + (not measured)
            arm = arms.setdefault((version_id, epoch), len(arms))
            size = bin_of(outcome.tokens) if outcome.tokens else NONE
            cost = bin_of(outcome.cost * COST_SCALE) if outcome.cost else NONE
            units.append(Unit(arm, key, failed, place if measured else NONE, size, cost))
        return [Arrival(*arm) for arm in arms], units, too_many
