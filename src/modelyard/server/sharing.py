"""Readings that are shared: what many ask for at the same moment is read once, and all of them get it.

Rules
- Who asks joins a reading only if nothing has changed since it began, as far as the asker could know: the state that
  both saw is the same. So nobody gets what was read before something that they have heard of.
- Who goes away takes the reading from nobody else.
- Errors are not shared: they may name who asked. Who waited for a reading that failed reads by themselves.
- Nothing is kept: the next who asks reads again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Readings that run, by what is read. Used in one event loop."""

    def __init__(self) -> None:
        self._running: dict[Hashable, tuple[object, asyncio.Future[T]]] = {}

    async def read(self, key: Hashable, state: object, make: Callable[[], Awaitable[T]]) -> T:
        """Read something, or wait for who reads it already.

        Args:
            key: what is read; for whom, if not all may see the same.
            state: what the asker saw of the world just now.
            make: reads it.
        """
        running = self._running.get(key)
        if running is not None and running[0] == state:
            try:
                return await asyncio.shield(running[1])
            except Exception:  # noqa: BLE001 - whatever it is, it is for who began to hear of
                return await make()
        reading = asyncio.ensure_future(make())
        self._running[key] = state, reading
        reading.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(reading)

    def _end(self, key: Hashable, done: asyncio.Future[T]) -> None:
        running = self._running.get(key)
        if running is not None and running[1] is done:
            del self._running[key]
        if not done.cancelled():
            # Who began it may have gone: then nobody else looks at what went wrong.
            done.exception()
