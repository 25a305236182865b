"""Trials computed again from their log: how they went, and whether they come to what stands.

Rules
- What stands is the last checkpoint, the log behind it, and what the judge says. Who computes it again compares the
  whole state where the checkpoint was made, bit by bit, and in the end all that the judge says.
- A course has at most `MOST_POINTS` points, the last of them at the end. Which ones, follows from its length alone.
- Of a deployment that goes on, a replay is gone on with: its log only grows, and each of those who watch would begin
  at the first batch otherwise. Once it has ended, or where that is asked for, all of the log is read again.
- Replays are kept in memory, a few of them, and are nothing that anybody depends on.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any, Final

from sqlalchemy import Row

from modelyard.delivery.judging import checkpoint_of, replayed, terms_in
from modelyard.domain.trial import Trial
from modelyard.domain.verdicts import judged
from modelyard.domain.wire import ChallengerCourse, CoursePoint, Judgement
from modelyard.metadata.database import Transaction

MOST_POINTS: Final = 200
MOST_KEPT: Final = 8
_KEY = "replays"


class Replay:
    """A trial that is computed again, as far as it has come.

    Args:
        row: of the judgement.
        names: version id → version.

    Raises:
        RegistryCorrupt: what it was judged by cannot be read any more.
    """

    def __init__(self, row: Row[Any], names: dict[str, str]) -> None:
        self._names = names
        self._trial = Trial(terms_in(row))
        self._points: dict[int, CoursePoint] = {}
        self._checked = -1
        """The position of the checkpoint that was compared last."""
        self.is_same = True
        """Whether it agreed with all checkpoints that were compared."""

    @property
    def position(self) -> int:
        """How many batches it has taken in."""
        return self._trial.position

    def fits(self, row: Row[Any]) -> bool:
        """Whether it can be gone on with to where a judgement stands."""
        is_compared = row.checkpoint_position == self._checked or row.checkpoint_position >= self.position
        return self.position <= row.position and is_compared and self._trial.terms == terms_in(row)

    def go_on(self, tx: Transaction, row: Row[Any]) -> None:
        """Take in the log up to where a judgement stands. Other threads get their turn after each batch."""
        if self.position == row.checkpoint_position:
            self._compare(row)
        if self.position == row.position:
            return
        step = _step(row.position)
        for position in [place for place in self._points if place % step]:
            del self._points[position]
        for at, trial in replayed(tx, row, self._trial):
            if trial.position % step == 0 or trial.position == row.position:
                self._points[trial.position] = _point(trial, at, self._names)
            if trial.position == row.checkpoint_position:
                self._compare(row)
            time.sleep(0)

    def course(self) -> list[CoursePoint]:
        """How it went, in points that lie about as far from each other."""
        end, step = self.position, _step(self.position)
        wanted = {end * place // MOST_POINTS // step * step for place in range(1, MOST_POINTS)} | {end}
        return [self._points[position] for position in sorted(wanted & self._points.keys())]

    def comes_to(self, row: Row[Any], judgement: Judgement) -> bool:
        """Whether it came to what stands."""
        if self.position != row.position or not self.is_same:
            return False
        said = judged(
            self._trial, self._names, now=row.updated_at, dropped=judgement.dropped, damaged=judgement.damaged
        )
        return said == judgement

    def _compare(self, row: Row[Any]) -> None:
        stands = checkpoint_of(row)
        self.is_same &= stands is None or stands.state() == self._trial.state()
        self._checked = row.checkpoint_position


def replay(
    tx: Transaction, row: Row[Any], names: dict[str, str], kept: MutableMapping[str, Any], *, goes_on: bool
) -> Replay:
    """Compute a judgement's trial again.

    Args:
        tx: where the log is read.
        row: of the judgement.
        names: version id → version.
        kept: the memory of this process.
        goes_on: whether to begin where the last replay stood, and to keep this one.

    Raises:
        RegistryCorrupt: what it was judged by cannot be read any more.
    """
    replays: dict[str, Replay] = kept.setdefault(_KEY, {})
    # Taken out while it changes: another thread begins anew meanwhile.
    found = replays.pop(row.deployment_id, None)
    if found is None or not goes_on or not found.fits(row):
        found = Replay(row, names)
    found.go_on(tx, row)
    if goes_on and found.is_same:
        replays[row.deployment_id] = found
        for name in list(replays)[: max(0, len(replays) - MOST_KEPT)]:
            replays.pop(name, None)
    return found


def _point(trial: Trial, at: str, names: dict[str, str]) -> CoursePoint:
    challengers = [
        ChallengerCourse(
            version_id=one.version_id,
            version=names.get(one.version_id, one.version_id),
            weight=trial.duels[one.version_id].w,
            units=one.units,
            base_units=one.base_units,
            failed=one.failed,
            base_failed=one.base_failed,
            e_value=one.e_value,
            peak=one.peak,
            proof=one.proof,
            metrics={metric.metric: metric.e_value for metric in one.metrics},
        )
        for one in trial.evidence()
    ]
    return CoursePoint(at=at, position=trial.position, challengers=challengers)


def _step(length: int) -> int:
    """How far the points lie from each other that are kept of a course: twice as many as are told, at most."""
    step = 1
    while length > 2 * MOST_POINTS * step:
        step *= 2
    return step
