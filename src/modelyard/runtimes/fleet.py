"""All back ends of one server: started when they are needed, ended when nobody needs them.

Rules
- A version has one back end, whichever endpoints serve it. Who asks for it while it starts waits for the same start.
- A start that fails raises its error to all who wait, and is forgotten: the next one who asks tries again.
- Asked for with another size, a running back end is brought to that size: the last one who asks decides.
- More than `workers.max_processes` worker processes make room first: back ends that nobody holds end, those that have
  been idle for the longest time first. What is held runs in any case, since routes need it; so does what was asked for
  a moment ago, since a route that needs it is about to come.
- All methods belong to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from modelyard.config import Settings
from modelyard.errors import NotServing
from modelyard.runtimes.backend import Backend, Runnable, Sizing

logger = logging.getLogger("modelyard.fleet")

OpenBackend = Callable[[Runnable, Sizing], Backend]
"""Makes the back end of a version without starting it; raises NotDeployable if there is nothing to run."""


class Fleet:
    """Back ends by the id of their version.

    Args:
        settings: `workers.max_processes` is read.
        open_backend: makes back ends.
        settle_s: seconds in which what was asked for is as good as held.
    """

    def __init__(self, settings: Settings, open_backend: OpenBackend, *, settle_s: float = 60.0) -> None:
        self._most: int = settings["workers.max_processes"]
        self._open_backend, self._settle_s = open_backend, settle_s
        self._asked: dict[str, float] = {}
        self._running: dict[str, tuple[Backend, Sizing]] = {}
        self._starting: dict[str, asyncio.Task[Backend]] = {}
        self._planned: dict[str, int] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._held: frozenset[str] = frozenset()
        self._closed = False

    def get(self, version_id: str) -> Backend | None:
        """The running back end of a version, or None."""
        found = self._running.get(version_id)
        return found[0] if found else None

    def hold(self, version_ids: Collection[str]) -> None:
        """Say which versions are needed; all others may be ended to make room."""
        self._held = frozenset(version_ids)

    async def ensure(self, runnable: Runnable, sizing: Sizing) -> Backend:
        """The running back end of a version; started, or brought to this size, if need be.

        Raises:
            NotServing: the fleet was closed.
            ModelyardError: what keeps the version from running.
        """
        if self._closed:
            raise NotServing(f"{runnable.reference} cannot be started: the server ends")
        key = runnable.version_id
        self._asked[key] = time.monotonic()
        found = self._running.get(key)
        if found is None:
            start = self._starting.get(key)
            if start is None:
                start = asyncio.create_task(self._start(runnable, sizing))
                start.add_done_callback(_retrieved)
                self._starting[key] = start
            backend = await _shared(start, runnable)
            found = self._running.get(key, (backend, sizing))
        backend, size = found
        if size != sizing:
            self._running[key] = (backend, sizing)
            await backend.resize(sizing)
        return backend

    async def retire(self, version_id: str) -> None:
        """End a back end after its last answer; returns when it has ended. Harmless if there is none."""
        start = self._starting.get(version_id)
        if start is not None:
            start.cancel()
            await asyncio.wait([start])
        self._end(version_id)
        ending = self._ending.get(version_id)
        if ending is not None:
            await asyncio.shield(ending)

    async def close(self) -> None:
        """End all of them, at the same time; none is started any more."""
        self._closed = True
        every = {*self._starting, *self._running, *self._ending}
        await asyncio.gather(*map(self.retire, every))

    def describe(self) -> dict[str, Any]:
        """How each back end is, by the id of its version."""
        return {key: backend.describe() for key, (backend, _sizing) in self._running.items()}

    async def _start(self, runnable: Runnable, sizing: Sizing) -> Backend:
        key = runnable.version_id
        try:
            backend = self._open_backend(runnable, sizing)
            self._planned[key] = sizing.replicas if runnable.files and not runnable.provider else 0
            self._make_room(key)
            # An ending back end of the same version lets go of its memory first.
            while (ending := self._ending.get(key)) is not None:
                await asyncio.shield(ending)
            try:
                await backend.start()
            except BaseException:
                await backend.close()
                raise
            self._running[key] = (backend, sizing)
            return backend
        finally:
            self._planned.pop(key, None)
            self._starting.pop(key, None)
            if key not in self._running:
                self._asked.pop(key, None)

    def _make_room(self, newcomer: str) -> None:
        if not self._planned[newcomer]:
            return
        processes = {key: _processes(backend) for key, (backend, _sizing) in self._running.items()}
        excess = sum(processes.values()) + sum(self._planned.values()) - self._most
        spare = [key for key in self._running if processes[key] and not self._is_needed(key)]
        for key in sorted(spare, key=lambda key: _idle_s(self._running[key][0]), reverse=True):
            if excess <= 0:
                break
            excess -= processes[key]
            logger.info("the back end of version %s ends to make room", key)
            self._end(key)
        if excess > 0:
            logger.warning("%d worker processes more than workers.max_processes are needed", excess)

    def _is_needed(self, version_id: str) -> bool:
        asked = self._asked.get(version_id)
        return version_id in self._held or (asked is not None and time.monotonic() - asked < self._settle_s)

    def _end(self, version_id: str) -> None:
        """Begin to end a running back end."""
        found = self._running.pop(version_id, None)
        self._asked.pop(version_id, None)
        if found is not None:
            ending = asyncio.create_task(found[0].close())
            self._ending[version_id] = ending
            ending.add_done_callback(lambda _: self._ending.pop(version_id, None))


def _processes(backend: Backend) -> int:
    count = backend.describe().get("processes", 0)
    return count if isinstance(count, int) else 0


def _idle_s(backend: Backend) -> float:
    seconds = backend.describe().get("idle_s", 0.0)
    return float(seconds) if isinstance(seconds, int | float) else 0.0


async def _shared(start: asyncio.Task[Backend], runnable: Runnable) -> Backend:
    """Wait for a start; whoever gives up waiting must not end it for all others."""
    try:
        return await asyncio.shield(start)
    except asyncio.CancelledError:
        waiter = asyncio.current_task()
        if start.cancelled() and not (waiter and waiter.cancelling()):
            raise NotServing(f"{runnable.reference} was ended while it started") from None
        raise


def _retrieved(task: asyncio.Task[Backend]) -> None:
    """Look at a start's error, so that it is not reported as lost where everybody gave up waiting."""
    if not task.cancelled():
        task.exception()
