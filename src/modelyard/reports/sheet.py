"""What a report says, before it is decided whether it says it in HTML or in Markdown.

A sheet has chapters, a chapter has grids and texts. In a grid each column is a version; a grid with many columns is
split, and every part repeats the first column, which the others are measured by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

COLUMNS = 5
"""Versions that stand side by side: more fit neither on paper nor on a small screen."""

LONGEST_GRID = 1_000
"""Rows of a grid; more are counted and left out."""

Flag = Literal["", "best", "differs"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A value: its text, a smaller text beside it, whether it stands out, and its number where a bar can show it."""

    text: str = ""
    note: str = ""
    flag: Flag = ""
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a grid: its name, something about it, and a cell for each version."""

    name: str
    note: str = ""
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table whose columns are versions; `numeric` ones have numbers."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Row]
    first: str = ""
    numeric: bool = False

    def parts(self) -> Iterator[Grid]:
        """The grid in parts that are narrow enough; nothing where it has no rows."""
        if not self.rows:
            return
        left_out = len(self.rows) - LONGEST_GRID
        rows = self.rows[:LONGEST_GRID]
        caption = f"{self.caption} (the first {LONGEST_GRID:,} of {len(self.rows):,})" if left_out > 0 else self.caption
        for places in _groups(len(self.head)):
            split = len(places) < len(self.head)
            part = f"{caption}, versions {places[1] + 1} to {places[-1] + 1} of {len(self.head)}" if split else caption
            yield replace(
                self,
                caption=part,
                head=[self.head[place] for place in places],
                rows=[replace(row, cells=[row.cells[place] for place in places]) for row in rows],
            )


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A table whose columns are not versions, such as what happened in order."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    marked: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A longer text that somebody wrote, under a small heading."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A part of the report; one without content is left out."""

    title: str
    note: str = ""
    blocks: Sequence[Grid | Listing | Passage] = ()

    def has_content(self) -> bool:
        """Whether there is anything to show."""
        return any(not isinstance(block, Grid | Listing) or block.rows for block in self.blocks)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A whole report: what it is called, its outcome in sentences, and its chapters."""

    title: str
    subtitle: str
    outcome: Sequence[str]
    chapters: Sequence[Chapter] = field(default=())


def _groups(count: int) -> Iterator[list[int]]:
    """The places of the columns of each part."""
    if count <= COLUMNS + 1:
        yield list(range(count))
        return
    for start in range(1, count, COLUMNS):
        yield [0, *range(start, min(start + COLUMNS, count))]
