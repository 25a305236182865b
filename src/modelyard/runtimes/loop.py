"""An event loop in a thread of its own, for callers that have none: back ends in a script, or in a notebook."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from modelyard.errors import InvalidRequest

Result = TypeVar("Result")

END_TIMEOUT_S = 60.0


class LoopThread:
    """Runs coroutines in its thread, which is a daemon: it never keeps the program from ending.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str = "modelyard-loop") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._closed = False
        self._lock = threading.Lock()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end and return its result; it is cancelled when the wait is interrupted.

        Raises:
            InvalidRequest: the loop was closed, or the caller is the loop itself.
        """
        # What comes in before the closing is cancelled by it; nothing may come in after it, and wait for ever.
        with self._lock:
            if self._closed or threading.current_thread() is self._thread:
                work.close()
                what = "was closed" if self._closed else "cannot wait for itself"
                raise InvalidRequest(f"the event loop {what}")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what runs, and end the thread; harmless when repeated."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        ending = asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop)
        ending.result(END_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_TIMEOUT_S)
        self._loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
