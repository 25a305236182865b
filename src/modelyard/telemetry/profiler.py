"""Takes samples of what goes into versions and comes out of them, and writes how it is spread, hour by hour.

Rules
- `take` keeps two references to bytes that are there anyway; it never waits, parses or raises. Of each version at each
  endpoint it keeps the first `MOST_SAMPLES` of a second, and none with a body or an answer of more than `LARGEST`.
- A thread reads the samples, with a pause after every few values, so that it never holds up predictions; it counts no
  more than about `MOST_VALUES` values a second. What it leaves out is counted.
- What was seen in an hour is one row for each version and endpoint, written again every `WRITE_S` with all of it. Where
  the database is away, the rows of `MOST_CELLS` hours wait in memory, and the oldest are dropped beyond that.
- No input is kept: numbers become counts of bins, texts that came less often than `RARE` become hashes.
- An hour never begins before one that was written already, whatever the clock does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any, Final, TypeAlias

from modelyard.domain.features import answers_of, rows_of
from modelyard.domain.profiles import RARE, Profile
from modelyard.errors import ModelyardError
from modelyard.metadata import profiles
from modelyard.metadata.database import Database

MOST_SAMPLES: Final = 20
LARGEST: Final = 64 << 10
MOST_VALUES: Final = 5_000
STRETCH: Final = 100
MOST_CELLS: Final = 256
WRITE_S: Final = 15.0
READ_S: Final = 1.0
BREATH_S: Final = 0.001
"""After every `STRETCH` values, so that whoever answers predictions gets the interpreter within half a millisecond."""
HOUR_S: Final = 3600

_log = logging.getLogger("modelyard.telemetry")

Place: TypeAlias = tuple[str, str]
"""Version and endpoint."""
Sample: TypeAlias = tuple[str, bytes, bytes]
"""Protocol, body and answer."""


class Profiler:
    """Profiles predictions; `take` belongs to one thread, the others may be called from any.

    Args:
        database: where the rows go.
        writer: an id that no other writing process has, ever.
        clock: seconds since 1970.
        interval: seconds between two writes.

    Attributes:
        left_out: samples that were too large, or too many to be read.
    """

    def __init__(
        self, database: Database, writer: str, *, clock: Callable[[], float] = time.time, interval: float = WRITE_S
    ) -> None:
        self._database, self._writer, self._clock, self._interval = database, writer, clock, interval
        self._fresh: dict[Place, list[Sample]] = {}
        self.left_out = 0
        # What follows belongs to whoever holds the lock.
        self._reading = Lock()
        self._cells: dict[tuple[Place, int], Profile] = {}
        self._unwritten: set[tuple[Place, int]] = set()
        self._hour = self._stretch = 0
        self._silent = False
        self._closed = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Read and write in a thread of its own, until `close`; harmless when repeated."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="modelyard-profiler", daemon=True)
            self._thread.start()

    def take(self, version_id: str, endpoint_id: str, protocol: str, body: bytes, output: bytes) -> None:
        """Keep a sample of what was asked and answered, if there is room for one."""
        place = (version_id, endpoint_id)
        kept = self._fresh.get(place)
        if kept is None:
            if len(self._fresh) >= MOST_CELLS:
                return
            # The thread may have taken the table away since: then it has this list too, or nobody has.
            kept = self._fresh[place] = []
        if len(kept) < MOST_SAMPLES:
            if len(body) > LARGEST or len(output) > LARGEST:
                self.left_out += 1
            else:
                kept.append((protocol, body, output))

    def read(self) -> None:
        """Add the samples that were kept to the profiles of the present hour."""
        with self._reading:
            fresh, self._fresh = self._fresh, {}
            self._hour = max(self._hour, int(self._clock()) // HOUR_S)
            left = MOST_VALUES
            # Places take turns, so that one with large inputs does not keep others from being seen.
            for number in range(MOST_SAMPLES):
                for place, samples in fresh.items():
                    if number < len(samples):
                        left -= self._add(place, samples[number], left)

    def flush(self) -> bool:
        """Read what was kept, and write what is not written yet; False where the database does not take it now."""
        self.read()
        with self._reading:
            if not self._unwritten:
                return True
            now = _moment(self._clock())
            try:
                with self._database.write() as tx:
                    profiles.put(tx, [self._row(*key, now) for key in sorted(self._unwritten)])
            except ModelyardError as error:
                if not self._silent:
                    _log.warning("profiles of predictions are kept in memory for now: %s", error.message)
                self._silent = True
                return False
            self._silent = False
            self._unwritten.clear()
            self._cells = {key: cell for key, cell in self._cells.items() if key[1] == self._hour}
            return True

    def close(self) -> None:
        """End the thread and write the rest; harmless when repeated."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if not self.flush():
            _log.warning("the database is away at the end: %d profiles are not recorded", len(self._unwritten))

    def _run(self) -> None:
        due = time.monotonic() + self._interval
        while not self._closed.wait(READ_S):
            try:
                if time.monotonic() < due:
                    self.read()
                else:
                    due = time.monotonic() + self._interval
                    self.flush()
            except Exception:  # noqa: BLE001 - the thread has nobody to raise it to, and the next samples may do well
                _log.exception("samples of predictions could not be profiled")

    def _add(self, place: Place, sample: Sample, left: int) -> int:
        """Count a sample where there are values left to be counted; return how many it had."""
        if left <= 0:
            self.left_out += 1
            return 0
        protocol, body, output = sample
        rows, answers = rows_of(protocol, body), answers_of(protocol, output)
        values = 1
        if answers:
            self._cell(place).add((), answers)
            values += sum(map(len, answers))
        for row in rows:
            self._cell(place).add((row,))
            values += len(row)
            self._breathe(len(row))
        return values

    def _breathe(self, values: int) -> None:
        """Let others have the interpreter after every `STRETCH` values."""
        self._stretch += values
        if self._stretch >= STRETCH:
            self._stretch = 0
            time.sleep(BREATH_S)

    def _cell(self, place: Place) -> Profile:
        key = (place, self._hour)
        found = self._cells.get(key)
        if found is None:
            while len(self._cells) >= MOST_CELLS:
                oldest = min(self._cells, key=lambda one: one[1])
                del self._cells[oldest]
                self._unwritten.discard(oldest)
            found = self._cells[key] = Profile()
        self._unwritten.add(key)
        return found

    def _row(self, place: Place, hour: int, now: str) -> dict[str, Any]:
        profile = self._cells[place, hour]
        return {
            "version_id": place[0],
            "role": profiles.LIVE,
            "endpoint_id": place[1],
            "start": _moment(hour * HOUR_S),
            "writer": self._writer,
            "count": profile.rows,
            "document": profiles.encoded(profile.to_document(rare=RARE)).decode(),
            "updated_at": now,
        }


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(int(seconds)))
