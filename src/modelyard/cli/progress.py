"""Progress bars for whoever watches: on a terminal, for work of more than a second, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelyard.cli.lazy import drawing
from modelyard.cli.session import Session

PATIENCE = 1.0
"""Seconds of work before a bar appears."""

Advance = Callable[[int], None]


@contextmanager
def bar(session: Session, title: str, total: int | Path | None, *, is_bytes: bool = True) -> Iterator[Advance | None]:
    """Yield what tells how many bytes are done, or of what else there is, or None where nobody watches.

    Args:
        session: whether to be quiet.
        title: what is being done.
        total: bytes in all, or a file or folder whose size that is, or None where it is not known.
        is_bytes: whether they are bytes.
    """
    if session.quiet or session.output != "table" or not sys.stderr.isatty():
        yield None
        return
    size = measured(total) if isinstance(total, Path) else total
    started, done, shown = time.monotonic(), 0, drawing.Bar(title, size, is_bytes=is_bytes)

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if time.monotonic() - started > PATIENCE:
            shown.update(done)

    try:
        yield advance
    finally:
        shown.close()


def measured(path: Path) -> int | None:
    """Return the bytes of a file or a folder; None if that cannot be told, for the bar is no place to fail."""
    try:
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)
    except OSError:
        return None
