"""Writes down what predictions did, without keeping a prediction waiting.

Rules
- `record` adds to a table in memory, in about a microsecond; it never blocks on the database, and never raises.
- A thread takes that table away every second, and adds it to this writer's rows of each minute, in one transaction.
- What goes into one transaction is a numbered batch, which does not change any more. Where it is not known whether a
  batch was written, it is written again; its number tells whether it is there already.
- What comes late, for a minute that was added up to an hour meanwhile, makes a new row of that minute.
- Where the database is away, nothing is lost: it is written when the database is back. More than `MOST_CELLS` minutes
  are not kept apart meanwhile: what comes then counts in the last minute that is there, so that memory stays bounded
  and every count exact.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock, Thread
from typing import Final, NamedTuple, TypeAlias

from modelyard.domain.cells import NANO, Cell
from modelyard.domain.sketch import bin_of
from modelyard.domain.spans import MINUTE, moment_of
from modelyard.errors import ModelyardError
from modelyard.metadata import observations
from modelyard.metadata.database import Database
from modelyard.metadata.observations import Place
from modelyard.telemetry.evidence import EvidenceLog
from modelyard.telemetry.outcome import WELL, Lot, Outcome

__all__ = ["INTERVAL_S", "MOST_CELLS", "Cell", "Key", "Recorder", "Sink", "Subject"]

MOST_CELLS: Final = 20_000
MOST_ROWS: Final = 1_000
"""Rows that are written in one transaction."""
INTERVAL_S: Final = 1.0

_log = logging.getLogger("modelyard.telemetry")

Subject: TypeAlias = tuple[str, int, str, str]
"""Endpoint, epoch, version, role."""
Key: TypeAlias = tuple[Subject, int]
"""What it is about, and the minute, counted from 1970."""
Sink: TypeAlias = Callable[[Mapping[Key, Cell]], None]
"""Is told what came since the last time, in the thread that writes; it keeps and changes none of it."""


class Batch(NamedTuple):
    """What is written at once; it counts once, however often it is written."""

    number: int
    cells: Mapping[Key, Cell]


class Recorder:
    """Records predictions; `record` may be called from any thread.

    Args:
        database: where the rows go.
        writer: an id that no other recording process has, ever.
        clock: seconds since 1970.
        interval: seconds between two writes.
        most_cells: how many minutes are kept apart in memory.
        sinks: who else is told of what came.
    """

    def __init__(
        self,
        database: Database,
        writer: str,
        *,
        clock: Callable[[], float] = time.time,
        interval: float = INTERVAL_S,
        most_cells: int = MOST_CELLS,
        sinks: Sequence[Sink] = (),
    ) -> None:
        self._database, self._writer, self._clock = database, writer, clock
        self._interval, self._most, self._sinks = interval, most_cells, sinks
        self._evidence = EvidenceLog(writer)
        self._swap = Lock()
        self._minute = 0
        self._fresh: dict[int, dict[Subject, Cell]] = {}
        self._present: dict[Subject, Cell] = {}
        # What follows belongs to whoever holds the lock of writing.
        self._writing = Lock()
        self._waiting: dict[Key, Cell] = {}
        self._last: dict[Subject, Key] = {}
        self._batch: Batch | None = None
        self._number = 0
        self._silent = False
        self._closed = Event()
        self._thread: Thread | None = None

    @property
    def left_out(self) -> int:
        """Requests that the judge's evidence leaves out so far, because there were too many."""
        return self._evidence.dropped

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
        minute = int(self._clock()) // 60
        with self._swap:
            if minute != self._minute:
                self._minute, self._present = minute, self._fresh.setdefault(minute, {})
            cell = self._present.get(subject)
            if cell is None:
                cell = self._present[subject] = Cell()
            cell.requests += 1
            cell.latency_ns += int(seconds * NANO)
            bins = cell.bins
            bins[place] = bins.get(place, 0) + 1
            if outcome is not WELL:
                cell.end(*outcome)
            if lot is not None:
                self._evidence.add(subject[2], subject[1], place, outcome, lot)

    def abandon(self, subject: Subject, seconds: float, lot: Lot) -> None:
        """Tell the judge of a prediction whose caller went away after some seconds: it took at least that long.

        It counts nowhere else, for it neither succeeded nor failed. Left out here too, a version that hangs until its
        callers give up would never be seen.
        """
        place = bin_of(seconds)
        with self._swap:
            self._evidence.add(subject[2], subject[1], place, WELL, lot)

    def flush(self) -> bool:
        """Write what is not written yet; False where the database does not take it now."""
        with self._writing:
            self._gather()
            try:
                while self._write_batch():
                    pass
            except ModelyardError as error:
                if not self._silent:
                    _log.warning("what predictions did is kept in memory for now: %s", error.message)
                self._silent = True
                return False
            self._silent = False
            return True

    def close(self) -> None:
        """End the thread and write the rest; harmless when repeated."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if not self.flush():
            cells = [*self._waiting.values(), *(self._batch.cells.values() if self._batch else ())]
            lost = sum(cell.requests for cell in cells)
            _log.error("the database is away at the end: up to %d predictions are not recorded", lost)

    def _run(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - the thread has nobody to raise it to, and the next write may go well
                _log.exception("what predictions did could not be written")

    def _gather(self) -> None:
        """Take away what came since the last time. Adding goes on meanwhile, in another table."""
        with self._swap:
            taken, self._fresh, self._minute = self._fresh, {}, 0
            self._evidence.swap()
        # There may be evidence alone: of callers who went away.
        self._evidence.gather(_written(self._clock()))
        fresh = {(subject, minute): cell for minute, cells in taken.items() for subject, cell in cells.items()}
        if not fresh:
            return
        for key, cell in fresh.items():
            self._keep(key, cell)
        for sink in self._sinks:
            sink(fresh)

    def _keep(self, key: Key, cell: Cell) -> None:
        """Let a cell wait; where too much waits, it is added to the last minute of its subject that does."""
        subject = key[0]
        if key not in self._waiting and len(self._waiting) >= self._most:
            key = self._last.get(subject, key)
        self._last[subject] = key
        self._waiting.setdefault(key, Cell()).merge(cell)

    def _write_batch(self) -> bool:
        """Write the next batch; whether there was any."""
        if self._batch is None:
            if not self._waiting and not self._evidence.waits:
                return False
            keys = list(self._waiting)[:MOST_ROWS]
            self._number += 1
            self._batch = Batch(self._number, {key: self._waiting.pop(key) for key in keys})
            self._last = {subject: key for subject, key in self._last.items() if key in self._waiting}
        now = _written(self._clock())
        with self._database.write() as tx:
            if observations.taken(tx, self._writer) < self._batch.number:
                observations.add(tx, self._writer, _placed(self._batch.cells), now)
                observations.take(tx, self._writer, self._batch.number, now)
            self._evidence.write(tx)
        self._evidence.written()
        self._batch = None
        return True


def _placed(cells: Mapping[Key, Cell]) -> dict[Place, Cell]:
    """Cells of minutes as rows know them."""
    return {
        Place(version_id, endpoint_id, epoch, role, MINUTE, moment_of(minute)): cell
        for ((endpoint_id, epoch, version_id, role), minute), cell in cells.items()
    }


def _written(seconds: float) -> str:
    """A moment as rows have it."""
    whole = int(seconds)
    written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{written}.{int((seconds - whole) * 1_000_000):06d}Z"
