"""Brings the gateway to what is wished: starts what a route needs, and installs the route then.

Rules
- A new route is installed once every version that it sends requests to has been started; until then the old one is
  followed. A version that cannot be started keeps the old route in place, and is tried again with growing pauses. Where
  there is no old route, what can be started serves, and the rest is answered 503.
- Versions in the shadow, or kept warm, hold nothing up.
- A newer wish for an endpoint takes the place of the one before, also while that one is still waiting for its versions.
- Endpoints do not wait for each other, but for a place to start something: `STARTS` versions start at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from modelyard.delivery.book import Entry
from modelyard.delivery.gateway import Gateway
from modelyard.delivery.runnables import sizing_of
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire.delivery import EndpointConfiguration
from modelyard.errors import ModelyardError
from modelyard.runtimes.backend import Backend, Runnable, Sizing

STARTS = 8
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_MOST_KNOWN = 10_000

_log = logging.getLogger("modelyard.delivery")


class Starter(Protocol):
    """What starts back ends: the part of the fleet that is needed here."""

    def get(self, version_id: str) -> Backend | None:
        """Return the back end of a version, if it runs."""

    async def ensure(self, runnable: Runnable, sizing: Sizing) -> Backend:
        """Return the running back end of a version; started, or brought to another size, if need be."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An endpoint as it shall be.

    Attributes:
        mark: differs from that of every other wish for the endpoint.
    """

    endpoint_id: str
    model: str
    environment: str
    mark: tuple[int, int]
    route: CompiledRoute
    configuration: EndpointConfiguration

    @property
    def key(self) -> tuple[str, str]:
        """Model and environment."""
        return self.model, self.environment

    @property
    def answering(self) -> frozenset[str]:
        """Versions that requests may be sent to."""
        arms = [arm.version_id for arm in self.route.route.arms if arm.weight > 0]
        return frozenset([*arms, *(rule.version_id for rule in self.route.route.rules)])


class Applier:
    """Applies wishes to a gateway. Used in one event loop.

    Args:
        gateway: what serves.
        fleet: what starts back ends.
        load: gives what is needed to run a version.
    """

    def __init__(self, gateway: Gateway, fleet: Starter, load: Callable[[str], Awaitable[Runnable]]) -> None:
        self._gateway, self._fleet, self._load = gateway, fleet, load
        self._wishes: dict[str, Wish] = {}
        self._done: dict[str, tuple[int, int]] = {}
        self._epochs: dict[str, int] = {}
        self._faults: dict[str, str] = {}
        self._works: dict[str, asyncio.Task[None]] = {}
        self._moved: dict[str, asyncio.Event] = {}
        self._runnables: dict[str, Runnable] = {}
        self._starts = asyncio.Semaphore(STARTS)
        self._change = asyncio.Condition()

    def epoch_of(self, endpoint_id: str) -> int | None:
        """Return the epoch that requests enter, if all versions that may answer in it run."""
        return self._epochs.get(endpoint_id)

    def fault_of(self, endpoint_id: str) -> str:
        """Return what keeps an endpoint from being served as wished; empty for nothing."""
        return self._faults.get(endpoint_id, "")

    @property
    def is_done(self) -> bool:
        """Whether every endpoint is served as wished, or cannot be."""
        return all(wish.mark == self._done.get(name) or name in self._faults for name, wish in self._wishes.items())

    def knows(self, key: tuple[str, str]) -> bool:
        """Whether it is clear by now what a model serves in an environment, be it nothing."""
        mine = [name for name, wish in self._wishes.items() if wish.key == key]
        return all(name in self._epochs or name in self._faults for name in mine)

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds that changes here; False if it does not after some seconds."""
        if holds():
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._change:
                await self._change.wait_for(holds)
        return holds()

    async def tell(self) -> None:
        """Let those who wait look again."""
        async with self._change:
            self._change.notify_all()

    async def want(self, wishes: Sequence[Wish]) -> None:
        """Set out to serve these endpoints so, and no others; requests have their turn in between."""
        wanted = {wish.endpoint_id: wish for wish in wishes}
        for gone in [name for name in self._wishes if name not in wanted]:
            self._forget(gone)
        for name, wish in wanted.items():
            before = self._wishes.get(name)
            if before is not None and before.mark == wish.mark:
                continue
            self._wishes[name] = wish
            self._moved.setdefault(name, asyncio.Event()).set()
            work = self._works.get(name)
            if work is None or work.done():
                self._works[name] = asyncio.get_running_loop().create_task(self._work(name))
                await asyncio.sleep(0)

    async def close(self) -> None:
        """End; what is installed stays."""
        works = list(self._works.values())
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    def _forget(self, name: str) -> None:
        wish = self._wishes.pop(name)
        for known in (self._done, self._epochs, self._faults, self._moved):
            known.pop(name, None)
        work = self._works.pop(name, None)
        if work is not None:
            work.cancel()
        self._gateway.book.reserve(name, ())
        self._gateway.remove(*wish.key)

    async def _work(self, name: str) -> None:
        """Apply the wishes for an endpoint until the last one is fulfilled."""
        pause = _FIRST_PAUSE_S
        while (wish := self._wishes[name]).mark != self._done.get(name):
            self._moved[name].clear()
            faults = await self._tried(wish)
            if not faults:
                self._done[name] = wish.mark
                self._faults.pop(name, None)
                pause = _FIRST_PAUSE_S
            elif self._faults.get(name) != (text := "; ".join(sorted(set(faults.values())))):
                self._faults[name] = text
                _log.warning("%s in %s cannot be served as wished: %s", wish.model, wish.environment, text)
            await self.tell()
            if faults:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._moved[name].wait()
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _tried(self, wish: Wish) -> dict[str, str]:
        """Apply a wish; what nobody foresaw is a fault like others, so that the endpoint is tried again."""
        try:
            return await self._apply(wish)
        except Exception:  # noqa: BLE001 - one endpoint's trouble must not end the following of it
            _log.exception("%s in %s cannot be served as wished", wish.model, wish.environment)
            return {wish.endpoint_id: "a defect of modelyard; the log has it"}

    async def _apply(self, wish: Wish) -> dict[str, str]:
        """Start what a wish needs, and install it if that is better than what there is; returns what went wrong."""
        book = self._gateway.book
        if not wish.route.versions:
            self._gateway.remove(*wish.key, reason="")
            book.reserve(wish.endpoint_id, ())
            self._epochs[wish.endpoint_id] = wish.route.epoch
            return {}
        book.reserve(wish.endpoint_id, wish.route.versions)
        backends, faults = await self._started(wish)
        if self._wishes.get(wish.endpoint_id) is not wish:
            return faults
        blocked = wish.answering & faults.keys()
        present = book.get(*wish.key)
        if blocked and present is not None and present.endpoint_id == wish.endpoint_id and present.lanes:
            return faults
        self._gateway.install(
            Entry(
                endpoint_id=wish.endpoint_id,
                model=wish.model,
                environment=wish.environment,
                route=wish.route,
                configuration=wish.configuration,
                backends=backends,
            )
        )
        book.reserve(wish.endpoint_id, ())
        if not blocked:
            self._epochs[wish.endpoint_id] = wish.route.epoch
        return faults

    async def _started(self, wish: Wish) -> tuple[dict[str, Backend], dict[str, str]]:
        """Start the versions of a route; returns the back ends, and what kept the others from starting."""
        sizing = sizing_of(wish.configuration)
        versions = wish.route.versions
        starts = [self._start(name, sizing) for name in versions]
        # A task of its own for the only version would cost more than the whole change of a route does.
        found = [await _outcome(starts[0])] if len(starts) == 1 else await asyncio.gather(*map(_outcome, starts))
        backends: dict[str, Backend] = {}
        faults: dict[str, str] = {}
        for name, outcome in zip(versions, found, strict=True):
            if isinstance(outcome, ModelyardError):
                faults[name] = outcome.message
            elif isinstance(outcome, Exception):
                _log.error("the version %s could not be started", name, exc_info=outcome)
                faults[name] = f"the version {name} could not be started"
            else:
                backends[name] = outcome
        return backends, faults

    async def _start(self, version_id: str, sizing: Sizing) -> Backend:
        runnable = self._runnables.get(version_id)
        if runnable is None:
            runnable = await self._load(version_id)
            if len(self._runnables) >= _MOST_KNOWN:
                self._runnables.clear()
            self._runnables[version_id] = runnable
        if self._fleet.get(version_id) is not None:
            return await self._fleet.ensure(runnable, sizing)
        async with self._starts:
            return await self._fleet.ensure(runnable, sizing)


async def _outcome(start: Awaitable[Backend]) -> Backend | Exception:
    """What a start came to, its error included."""
    try:
        return await start
    except Exception as error:  # noqa: BLE001 - the caller looks at each error, and goes on with the others
        return error
