"""Ctrl-C as something to look at between two steps, and not as an exception out of nowhere."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue


@contextmanager
def interruptible(*numbers: signal.Signals) -> Iterator[threading.Event]:
    """Turn signals into an event for the length of the block; only Ctrl-C where none is named.

    As an exception it could strike inside a destructor or a callback, where Python drops it, and the command would go
    on. Nor may the handler set the event itself: it runs between two steps of the main thread, which may hold the
    event's lock, because it waits for it. Of what Python has to tell other threads, a `SimpleQueue` alone may be used
    there.
    """
    interrupted = threading.Event()
    struck: SimpleQueue[bool] = SimpleQueue()
    before = {
        number: signal.signal(number, lambda *_: struck.put(True))  # noqa: FBT003 - it has no other parameter
        for number in numbers or (signal.SIGINT,)
    }
    telling = threading.Thread(target=_tell, args=(struck, interrupted), name="interrupts", daemon=True)
    telling.start()
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        struck.put(False)  # noqa: FBT003 - see above
        telling.join()


def _tell(struck: SimpleQueue[bool], interrupted: threading.Event) -> None:
    while struck.get():
        interrupted.set()
