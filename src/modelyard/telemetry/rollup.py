"""Adds minutes up to hours and hours to days, and forgets what is too old.

Rules
1. What is rolled up is taken from its rows and added to a longer span's row in one transaction, piece by piece. So
   every count is in exactly one row at every moment, and a process that dies leaves nothing half done.
2. Rows are held while they are moved: what a writer adds meanwhile is either in what was read, or makes a new row,
   which the next run finds. So writers may be as late as they like, whatever their clocks say.
3. What has left its span's time is rolled up by whole hours and days, the oldest first. Days are deleted.
4. The judge's evidence of deployments that ended long ago is deleted, and so are the numbers of writers that have been
   silent for as long as minutes and hours are kept: nobody repeats their batches any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from modelyard.domain.cells import Cell
from modelyard.domain.durations import later
from modelyard.domain.spans import DAY, HOUR, MINUTE, SECONDS, begin_of
from modelyard.metadata import evidence, observations
from modelyard.metadata.database import Transaction
from modelyard.metadata.observations import NOBODY, Place

LONGER: Final = {MINUTE: HOUR, HOUR: DAY}
"""Each span that is rolled up, and what it becomes."""
PIECE: Final = 500
"""Rows that are moved in one transaction."""


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """How long what was observed is kept: minutes for so many hours, hours, days and evidence for so many days."""

    minutes_hours: int = 48
    hours_days: int = 30
    days_days: int = 400
    evidence_days: int = 90

    def borders(self, now: str) -> dict[str, str]:
        """Return before which moment rows of each span are too old; whole hours and days."""
        return {
            MINUTE: begin_of(later(now, -self.minutes_hours * SECONDS[HOUR]), HOUR),
            HOUR: begin_of(later(now, -self.hours_days * SECONDS[DAY]), DAY),
            DAY: begin_of(later(now, -self.days_days * SECONDS[DAY]), DAY),
        }

    def evidence_border(self, now: str) -> str:
        """Return before which moment a deployment has to have ended for its evidence to be deleted."""
        return later(now, -self.evidence_days * SECONDS[DAY])

    def writers_border(self, now: str) -> str:
        """Return since when a writer has to have been silent to be forgotten."""
        return later(now, -self.minutes_hours * SECONDS[HOUR] - self.hours_days * SECONDS[DAY])


def wanted(tx: Transaction, now: str, keeping: Keeping) -> bool:
    """Whether there is anything to do; looks into indexes only."""
    if any(observations.is_old(tx, span, border) for span, border in keeping.borders(now).items()):
        return True
    return evidence.is_old(tx, keeping.evidence_border(now)) or observations.are_silent(tx, keeping.writers_border(now))


def roll(tx: Transaction, now: str, keeping: Keeping, *, most: int = PIECE) -> bool:
    """Do one piece of what there is to do; whether there may be more."""
    borders = keeping.borders(now)
    for span, longer in LONGER.items():
        rows = observations.oldest(tx, span, borders[span], most)
        if rows:
            _move(tx, rows, longer, now)
            return True
    rows = observations.oldest(tx, DAY, borders[DAY], most)
    if rows:
        _remove(tx, rows)
        return True
    evidence.forget(tx, keeping.evidence_border(now))
    observations.forget_silent(tx, keeping.writers_border(now))
    return False


def _move(tx: Transaction, rows: Sequence[Row[Any]], longer: str, now: str) -> None:
    """Take rows away, and add what they have counted to those of a longer span."""
    sums: dict[Place, Cell] = {}
    for row in rows:
        place = observations.place_of(row)._replace(span=longer, start=begin_of(row.start, longer))
        sums.setdefault(place, Cell()).merge(observations.cell_of(row))
    _remove(tx, rows)
    observations.add(tx, NOBODY, sums, now)


def _remove(tx: Transaction, rows: Sequence[Row[Any]]) -> None:
    observations.remove(tx, [row._asdict() for row in rows])
