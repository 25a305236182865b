"""What moves on a terminal, drawn by rich: the progress bar."""

from __future__ import annotations

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from modelyard.cli.tables import console
from modelyard.cli.text import safe


class Bar:
    """A bar that appears with the first update.

    Args:
        title: what is being done.
        total: bytes in all; None where it is not known.
    """

    def __init__(self, title: str, total: int | None) -> None:
        self._title, self._total = safe(title), total
        self._drawn: Progress | None = None

    def update(self, done: int) -> None:
        """Show how many bytes are done."""
        if self._drawn is None:
            self._drawn = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=console(stderr=True),
                transient=True,
            )
            self._drawn.start()
            self._task = self._drawn.add_task(self._title, total=self._total)
        self._drawn.update(self._task, completed=done)

    def close(self) -> None:
        """Take the bar away."""
        if self._drawn is not None:
            self._drawn.stop()
