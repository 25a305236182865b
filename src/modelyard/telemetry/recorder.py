"""Writes down what predictions did, without keeping a prediction waiting.

Rules
- `record` adds to a table in memory, in a few microseconds; it never blocks on the database, and never raises.
- A thread takes that table away every second, adds it to what this process has seen of each minute, and writes the rows
  that changed, in one transaction.
- Where the database is away, nothing is lost: it is written when the database is back. More than `MOST_CELLS` minutes
  are not kept apart meanwhile: what comes then counts in the last minute that is there, so that memory stays bounded
  and every count exact.
- A minute never begins before one that was recorded already, whatever the clock does: a row that was forgotten here is
  never written anew with less in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any, Final, TypeAlias

from modelyard.domain.canonical import encoded
from modelyard.domain.sketch import Sketch, bin_of, merge_bins
from modelyard.errors import ModelyardError
from modelyard.metadata import observations
from modelyard.metadata.database import Database
from modelyard.telemetry.evidence import EvidenceLog
from modelyard.telemetry.outcome import NANO, WELL, Lot, Outcome

MOST_CELLS: Final = 20_000
INTERVAL_S: Final = 1.0

_log = logging.getLogger("modelyard.telemetry")

Subject: TypeAlias = tuple[str, int, str, str]
"""Endpoint, epoch, version, role."""
Key: TypeAlias = tuple[Subject, int]
"""What it is about, and the minute, counted from 1970."""


class Cell:
    """What was seen of one key."""

    __slots__ = ("bins", "codes", "cost_nano", "errors", "latency_ns", "requests", "sizes", "tokens")

    def __init__(self) -> None:
        self.requests = self.errors = self.tokens = self.cost_nano = self.latency_ns = 0
        self.bins: dict[int, int] = {}
        self.sizes: dict[int, int] = {}
        self.codes: dict[str, int] = {}

    def add(self, outcome: Outcome) -> None:
        """Count how a request ended, beyond that it did."""
        if outcome.code:
            self.errors += 1
            self.codes[outcome.code] = self.codes.get(outcome.code, 0) + 1
        if outcome.tokens:
            self.tokens += outcome.tokens
            size = bin_of(outcome.tokens)
            self.sizes[size] = self.sizes.get(size, 0) + 1
        self.cost_nano += round(outcome.cost * NANO)

    def merge(self, other: Cell) -> None:
        """Add what another cell has seen."""
        self.requests += other.requests
        self.errors += other.errors
        self.tokens += other.tokens
        self.cost_nano += other.cost_nano
        self.latency_ns += other.latency_ns
        merge_bins(self.bins, other.bins)
        merge_bins(self.sizes, other.sizes)
        for code, count in other.codes.items():
            self.codes[code] = self.codes.get(code, 0) + count


class Recorder:
    """Records predictions; `record` may be called from any thread.

    Args:
        database: where the rows go.
        writer: an id that no other recording process has, ever.
        clock: seconds since 1970.
        interval: seconds between two writes.
        most_cells: how many minutes are kept apart in memory.
    """

    def __init__(
        self,
        database: Database,
        writer: str,
        *,
        clock: Callable[[], float] = time.time,
        interval: float = INTERVAL_S,
        most_cells: int = MOST_CELLS,
    ) -> None:
        self._database, self._writer, self._clock = database, writer, clock
        self._interval, self._most = interval, most_cells
        self._evidence = EvidenceLog(writer)
        self._fresh: dict[Key, Cell] = {}
        self._minute = 0
        self._swap = Lock()
        # What follows belongs to whoever holds the lock of writing.
        self._writing = Lock()
        self._totals: dict[Key, Cell] = {}
        self._unwritten: set[Key] = set()
        self._last: dict[Subject, Key] = {}
        self._silent = False
        self._closed = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Write every second, in a thread of its own, until `close`; harmless when repeated."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="modelyard-recorder", daemon=True)
            self._thread.start()

    def record(self, subject: Subject, seconds: float, outcome: Outcome = WELL, lot: Lot | None = None) -> None:
        """Count one prediction.

        Args:
            subject: endpoint, epoch, version, and `live` or `shadow`.
            seconds: how long it took, from the gateway's door to the answer.
            outcome: how it ended; a mistake of the caller is nothing to record at all.
            lot: for which deployment the router drew lots, and by which key; None where it drew none.
        """
        place = bin_of(seconds)
        now = int(self._clock()) // 60
        with self._swap:
            minute = self._minute = max(now, self._minute)
            cell = self._fresh.get((subject, minute))
            if cell is None:
                cell = self._fresh[subject, minute] = Cell()
            cell.requests += 1
            cell.latency_ns += int(seconds * 1e9)
            cell.bins[place] = cell.bins.get(place, 0) + 1
            if outcome is not WELL:
                cell.add(outcome)
            if lot is not None:
                self._evidence.add(subject[2], subject[1], place, outcome, lot)

    def flush(self) -> bool:
        """Write what is not written yet; False where the database does not take it now."""
        with self._writing:
            self._gather()
            if not self._unwritten:
                return True
            keys = sorted(self._unwritten)
            now = _moment(self._clock())
            self._evidence.gather(now)
            try:
                with self._database.write() as tx:
                    observations.put(tx, [self._row(key, now) for key in keys])
                    self._evidence.write(tx)
            except ModelyardError as error:
                if not self._silent:
                    _log.warning("what predictions did is kept in memory for now: %s", error.message)
                self._silent = True
                return False
            self._silent = False
            self._unwritten.clear()
            self._evidence.written()
            self._forget()
            return True

    def close(self) -> None:
        """End the thread and write the rest; harmless when repeated."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if not self.flush():
            lost = sum(self._totals[key].requests for key in self._unwritten)
            _log.error("the database is away at the end: the minutes of up to %d predictions are not recorded", lost)

    def _run(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - the thread has nobody to raise it to, and the next write may go well
                _log.exception("what predictions did could not be written")

    def _gather(self) -> None:
        """Take away what came since the last time, and add it up. Adding goes on meanwhile, in another table."""
        with self._swap:
            fresh, self._fresh = self._fresh, {}
            self._evidence.swap()
        for (subject, minute), cell in fresh.items():
            key = (subject, minute)
            if key not in self._totals and len(self._totals) >= self._most:
                key = self._last.get(subject, key)
            self._last[subject] = key
            self._totals.setdefault(key, Cell()).merge(cell)
            self._unwritten.add(key)

    def _row(self, key: Key, now: str) -> dict[str, Any]:
        (endpoint_id, epoch, version_id, role), minute = key
        cell = self._totals[key]
        return {
            "endpoint_id": endpoint_id,
            "epoch": epoch,
            "version_id": version_id,
            "role": role,
            "span": observations.MINUTE,
            "start": _moment(minute * 60),
            "writer": self._writer,
            "requests": cell.requests,
            "errors": cell.errors,
            "codes": encoded(cell.codes).decode(),
            "tokens": cell.tokens,
            "cost_nano": cell.cost_nano,
            "latency_ns": cell.latency_ns,
            "latency": Sketch(cell.bins).to_json(),
            "sizes": Sketch(cell.sizes).to_json(),
            "updated_at": now,
        }

    def _forget(self) -> None:
        """Drop the minutes that are over: all of them is written, and nothing can be added any more."""
        with self._swap:
            present = self._minute
            coming = set(self._fresh)
        for key in [key for key in self._totals if key[1] < present and key not in coming]:
            del self._totals[key]
        self._last = {subject: key for subject, key in self._last.items() if key in self._totals}


def _moment(seconds: float) -> str:
    whole = int(seconds)
    written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{written}.{int((seconds - whole) * 1_000_000):06d}Z"
