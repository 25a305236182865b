"""Adds up what all processes of a registry have counted, so that whichever of them is asked gives the same sums.

Rules
- What a process shows of itself is what it has published: every answer comes from the same rows, in the order in which
  they were written. So no counter goes back, whichever process is asked, and not when one is killed either.
- The totals of processes that have ended stay in the sums. A process that was taken for dead and is not starts again
  from what it has not published yet.
- With the database away, a process that is alone goes on from what it knows; of several, none does, since their answers
  would contradict each other.
- Versions without a prediction for a day are not shown any more; after another day they are forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Final

from modelyard.errors import ModelyardError
from modelyard.metadata import exports
from modelyard.metadata.database import Database, Transaction
from modelyard.telemetry.tally import Seen, add_cell
from modelyard.telemetry.totals import OTHER, Series, Subject, Totals, decoded, encoded, other

BEAT_S: Final = 30.0
"""A process publishes at least so often."""
LIVE_S: Final = 3 * BEAT_S
"""A process that has not published for so long has no gauges."""
DEAD_S: Final = 3600.0
"""After so long it is added to those that have ended."""
SHOWN_MINUTES: Final = 24 * 60

Published = dict[str, tuple[Totals, str]]
"""Writer → its totals, and when it wrote them."""


class Exchange:
    """One process's part in the sums; may be used by several threads.

    Args:
        database: where the totals go.
        writer: an id that no other process has, ever.
        most: subjects that have series of their own.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, writer: str, *, most: int, clock: Callable[[], float] = time.time) -> None:
        self._database, self._writer, self._most, self._clock = database, writer, most, clock
        self._lock = Lock()
        self._own = Totals()
        self._published = b""
        self._nameless: Seen = {}
        self._versions: dict[str, tuple[str, str]] = {}
        self._environments: dict[str, str] = {}
        self._others: Totals | None = None
        self._is_alone = True

    def publish(
        self, fresh: Totals, seen: Seen, gauges: Mapping[Series, float], *, ends: bool = False
    ) -> Totals | None:
        """Add what is new to this process's totals, write them, and return the sums of all processes.

        Args:
            fresh: counters and histograms since the last time.
            seen: predictions since the last time.
            gauges: how things are.
            ends: whether this process ends, and counts no more.

        Returns:
            The sums; None where the database is away and there are other processes.
        """
        with self._lock:
            self._own.add(fresh)
            self._own.gauges = dict(gauges)
            for place, (cell, minute) in seen.items():
                add_cell(self._nameless, place, cell, minute)
            try:
                with self._database.write() as tx:
                    document = self._write(tx, ends=ends)
            except ModelyardError:
                self._attribute(self._own.seen if self._others is None else self._others.seen)
                return self._sum() if self._is_alone and self._others is not None else None
            self._published = document
            return self._sum()

    def own(self) -> Totals:
        """Return the totals of this process alone, since it began."""
        with self._lock:
            alone = Totals()
            alone.add(self._own)
            alone.add_gauges(self._own)
            return alone

    def _write(self, tx: Transaction, *, ends: bool) -> bytes:
        exports.take_turns(tx)
        now = self._clock()
        found: Published = {row.writer: (decoded(row.document), row.updated_at) for row in exports.rows(tx)}
        if found.pop(self._writer, None) is None and self._published:
            self._own.add(decoded(self._published), sign=-1)
            self._published = b""
        self._others = _sum_of(found, _moment(now - LIVE_S))
        self._is_alone = not any(at >= _moment(now - LIVE_S) for writer, (_, at) in found.items() if writer)
        self._learn(tx)
        self._attribute(self._others.seen)
        self._tidy(tx, found, int(now // 60) - 2 * SHOWN_MINUTES, ends=ends)
        document = encoded(self._own)
        if not ends:
            exports.put(tx, self._writer, document, _moment(now))
        return document

    def _tidy(self, tx: Transaction, found: Published, since: int, *, ends: bool) -> None:
        """Forget what is idle everywhere; add processes that have ended to the row of those, and drop their own."""
        total = Totals()
        for part in (self._others or Totals(), self._own):
            total.add(part)
        idle = total.idle(since)
        self._own = self._own.without(idle)
        now = self._clock()
        ended = found[exports.ENDED][0] if exports.ENDED in found else Totals()
        dead = {writer for writer, (_, at) in found.items() if writer and at < _moment(now - DEAD_S)}
        if not (dead or ends or idle & ended.seen.keys()):
            return
        for writer in sorted(dead):
            ended.add(found[writer][0])
        if ends:
            ended.add(self._own)
        exports.put(tx, exports.ENDED, encoded(ended.without(idle)), _moment(now))
        exports.drop(tx, {*dead, self._writer} if ends else dead)

    def _sum(self) -> Totals:
        """Return what is shown: the others and this process, without what is idle."""
        total = Totals()
        for part in (self._others or Totals(), self._own):
            total.add(part)
            total.add_gauges(part)
        return total.without(total.idle(int(self._clock() // 60) - SHOWN_MINUTES))

    def _learn(self, tx: Transaction) -> None:
        """Find out the names behind the ids that were seen."""
        versions = {version_id for _, version_id, _ in self._nameless} - self._versions.keys()
        endpoints = {endpoint_id for endpoint_id, _, _ in self._nameless} - self._environments.keys()
        if versions:
            self._versions |= dict.fromkeys(versions, (OTHER, OTHER)) | exports.names_of_versions(tx, versions)
        if endpoints:
            self._environments |= dict.fromkeys(endpoints, OTHER) | exports.environments(tx, endpoints)

    def _attribute(self, elsewhere: Collection[Subject]) -> None:
        """Count what was seen under the names of its subjects, those beyond the bound under one for all."""
        for place in list(self._nameless):
            endpoint_id, version_id, role = place
            if version_id not in self._versions or endpoint_id not in self._environments:
                continue
            cell, minute = self._nameless.pop(place)
            model, version = self._versions[version_id]
            subject = (model, self._environments[endpoint_id], version, role)
            known = {one for one in {*elsewhere, *self._own.seen} if one[0] != OTHER}
            if subject not in known and len(known) >= self._most:
                subject = other(role)
            self._own.add_cell(subject, cell, minute)


def _sum_of(found: Published, live_since: str) -> Totals:
    total = Totals()
    for writer, (totals, at) in found.items():
        total.add(totals)
        if writer and at >= live_since:
            total.add_gauges(totals)
    return total


def _moment(seconds: float) -> str:
    whole = int(seconds)
    written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{written}.{int((seconds - whole) * 1_000_000):06d}Z"
