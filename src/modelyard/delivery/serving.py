"""The running parts of delivery in one process: fleet, gateway, follower, recorder, controller; begun together.

Rules
- They are made without a loop and start in the one that asks first; starting twice is starting once.
- The end: nothing is decided any more and no route is new, then what is under way is waited for, then the workers end,
  then what they did is written.
- `close` ends them from the loop, `shut` from outside of it, also when the loop is gone already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from modelyard.config import Settings
from modelyard.delivery.applying import Starter
from modelyard.delivery.book import Keeper
from modelyard.delivery.controller import Controller, Job
from modelyard.delivery.engine import FleetEngine
from modelyard.delivery.follower import Follower
from modelyard.delivery.gateway import Gateway
from modelyard.delivery.lanes import Patience
from modelyard.metadata import secrets
from modelyard.registry.context import Yard
from modelyard.telemetry.profiler import Profiler
from modelyard.telemetry.recorder import Recorder, Sink

_THREADS = 2
_GRACE_S = 60.0

_log = logging.getLogger("modelyard.delivery")


class Backends(Keeper, Starter, Protocol):
    """What starts, keeps and ends back ends, such as `modelyard.runtimes.fleet.Fleet`."""

    async def close(self) -> None:
        """End all of them."""

    def describe(self) -> dict[str, Any]:
        """How they are, for people."""
        ...


class Serving:
    """The parts that serve endpoints.

    Args:
        yard: the registry.
        settings: the `delivery.*` settings.
        changes: a number that stays the same as long as the database does.
        fleet: what runs the versions; ended together with the rest.
        controls: whether deployments are driven in the background, where `delivery.controller` allows it.
        jobs: what else is done in the background by whoever controls.
        sinks: told of what predictions did, as `Recorder` tells them.
    """

    def __init__(
        self,
        yard: Yard,
        settings: Settings,
        *,
        changes: Callable[[], int],
        fleet: Backends,
        controls: bool = True,
        jobs: Sequence[Job] = (),
        sinks: Sequence[Sink] = (),
    ) -> None:
        self.fleet = fleet
        self.recorder = Recorder(yard.database, yard.new_id("wr"), sinks=sinks)
        patience = Patience(
            failures=settings["delivery.circuit_failures"],
            pause_s=settings["delivery.circuit_pause_s"],
            recovery_s=settings["delivery.recovery_s"],
        )
        with yard.database.read() as tx:
            secret = secrets.secret(tx, secrets.PREDICTIONS)
        self.gateway = Gateway(fleet, self.recorder, patience=patience, secret=secret)
        if settings["telemetry.profiles"]:
            self.gateway.profiler = Profiler(yard.database, yard.new_id("wr"))
        self._yard, self._changes, self._jobs = yard, changes, jobs
        self._controls: bool = controls and settings["delivery.controller"]
        self._lease_s: float = settings["delivery.lease_s"]
        self.controller: Controller | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="modelyard-follower")
        self.follower = Follower(self.gateway, fleet, yard.database, changes=changes, threads=self._threads)
        self._drain_s: float = settings["delivery.drain_s"]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    @property
    def is_running(self) -> bool:
        """Whether they have been started, and not ended."""
        return self._loop is not None and not self._is_closed

    async def start(self) -> None:
        """Begin to follow the database; harmless when repeated."""
        if self._loop is None and not self._is_closed:
            self._loop = asyncio.get_running_loop()
            self.recorder.start()
            if self.gateway.profiler is not None:
                self.gateway.profiler.start()
            self.follower.start()
            self._begin_control(self._loop)

    async def close(self) -> None:
        """End in order; harmless when repeated."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._loop is not None:
            if self.controller is not None:
                await self._loop.run_in_executor(None, self.controller.stop)
            await self.follower.close()
            if not await self.gateway.book.drained(self._drain_s):
                _log.warning("predictions were still under way after %g s, and are cut", self._drain_s)
            await self.gateway.close()
        await self.fleet.close()
        # The rest waits for the database, which must not hold up the loop.
        await asyncio.get_running_loop().run_in_executor(None, self._shut_threads)

    async def caught_up(self, seconds: float) -> bool:
        """Wait until what the database says is served here; at once where nothing is served in this process."""
        return not self.is_running or await self.follower.caught_up(seconds)

    def interrupt(self) -> None:
        """Decide nothing any more."""
        if self.controller is not None:
            self.controller.interrupt()

    def shut(self) -> None:
        """End from outside of the loop; harmless when repeated, and when `close` was called."""
        if self._is_closed:
            return
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self.close(), self._loop).result(self._drain_s + _GRACE_S)
            return
        self._is_closed = True
        self._shut_threads()

    def _begin_control(self, loop: asyncio.AbstractEventLoop) -> None:
        engine = FleetEngine(
            loop,
            self.fleet,
            self._yard.database,
            reserve=self.gateway.book.reserve,
            applied=self.follower.applied_epoch,
            fault=self.follower.fault_of,
        )
        self._yard.engine.current = engine
        self.controller = Controller(self._yard, engine, changes=self._changes, lease_s=self._lease_s, jobs=self._jobs)
        if self._controls:
            self.controller.start()

    def _shut_threads(self) -> None:
        if self.controller is not None:
            self.controller.stop()
        self._threads.shutdown()
        self.recorder.close()
        if self.gateway.profiler is not None:
            self.gateway.profiler.close()
