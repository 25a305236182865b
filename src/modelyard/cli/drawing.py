"""What moves on a terminal, drawn by rich: the progress bar, and the screen of what is watched."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import msgspec
from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from modelyard.cli import tables
from modelyard.cli.text import safe
from modelyard.domain.wire import EventRecord, Stats
from modelyard.domain.wording import moment


class Bar:
    """A bar that appears with the first update.

    Args:
        title: what is being done.
        total: how many there are in all; None where it is not known.
        is_bytes: whether they are bytes.
    """

    def __init__(self, title: str, total: int | None, *, is_bytes: bool = True) -> None:
        sizes: list[ProgressColumn] = [DownloadColumn(), TransferSpeedColumn()]
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *(sizes if is_bytes else [MofNCompleteColumn()]),
            TimeRemainingColumn(),
            console=tables.console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(safe(title), total=total)

    def update(self, done: int) -> None:
        """Show how many are done."""
        self._progress.start()
        self._progress.update(self._task, completed=done)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


class Screen:
    """A picture that is drawn over the one before."""

    def __init__(self) -> None:
        self._live = Live(console=tables.console(), auto_refresh=False, vertical_overflow="crop")

    def draw(self, what: tables.Printable) -> None:
        """Draw a picture in the place of the last one."""
        self._live.update(what, refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


def picture(at: str, stats: Stats, events: list[EventRecord]) -> tables.Printable:
    """Return the registry at one moment: its numbers and some events."""
    head = Text(f"{moment(at)} UTC", style="dim")
    return Group(head, tables.stats(msgspec.to_builtins(stats)), Text(""), tables.events(events))


def on_terminal() -> bool:
    """Whether standard output is a terminal that can be drawn on."""
    return tables.console().is_terminal
