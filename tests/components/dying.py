"""A process that kills itself at one of its commits: the fault point of the kill tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from modelyard.metadata.database import Database, Transaction


@contextmanager
def dying(database: Database, commit: int, *, late: bool) -> Iterator[None]:
    """Kill this process at a commit: just before it, or just after."""
    count = 0
    real = database.write

    @contextmanager
    def write() -> Iterator[Transaction]:
        nonlocal count
        count += 1
        with real() as tx:
            yield tx
            if count == commit and not late:
                os.kill(os.getpid(), signal.SIGKILL)
        if count == commit and late:
            os.kill(os.getpid(), signal.SIGKILL)

    database.write = write  # type: ignore[method-assign]  # the fault point of this test
    try:
        yield
    finally:
        database.write = real  # type: ignore[method-assign]
