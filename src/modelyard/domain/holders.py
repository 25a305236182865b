"""Who held a stage before: a fold over a model's stage moves.

Rules
1. The line of holders is a stack. Entering a stage puts a version on top; entering again lifts it there.
2. A rollback takes everything above its target off: what was rolled back is not what the next rollback goes back to.
3. Leaving a stage changes nothing: whoever left is still history.
4. The previous holder is the topmost version that is not in the stage now and that may come back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple


class StageMove(NamedTuple):
    """A version entered a stage, by an ordinary move or by a rollback."""

    version_id: str
    stage: str
    is_rollback: bool


def line_of_holders(moves: Iterable[StageMove], stage: str) -> list[str]:
    """Return the ids of the versions that held a stage, the earliest first, from moves in the order of their time."""
    line: list[str] = []
    for move in moves:
        if move.stage != stage:
            continue
        if move.version_id in line:
            place = line.index(move.version_id)
            del line[place : len(line) if move.is_rollback else place + 1]
        line.append(move.version_id)
    return line


def previous_holder(
    moves: Iterable[StageMove], stage: str, present: Collection[str], may_return: Callable[[str], bool]
) -> str | None:
    """Return the id of the version to go back to, or None if there is none.

    Args:
        moves: a model's stage moves in the order in which they happened.
        stage: the stage in question.
        present: the ids of the versions that stand in it now.
        may_return: whether a version can be had back (it exists, it is not deprecated).
    """
    line = line_of_holders(moves, stage)
    return next((holder for holder in reversed(line) if holder not in present and may_return(holder)), None)
