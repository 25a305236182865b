"""Back ends that answer in this process, and a fleet of them: where the gateway is tested and no worker is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

import msgspec

from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire.delivery import Arm, EndpointConfiguration, Route, Rule
from modelyard.errors import NotDeployable
from modelyard.runtimes.backend import INFER, Answer, Backend, Call, Probe, Runnable, Sizing

ENDPOINT = "ep_1"


class Scripted:
    """A back end that says which version it is; tests hold it up or let it fail.

    Attributes:
        calls: what it was asked, in order.
        faults: what the next calls raise, one after the other.
        gate: calls wait for this.
        pieces: what its streams give; an error among them is raised.
        healthy: what it says of itself.
    """

    def __init__(self, runnable: Runnable, sizing: Sizing | None = None) -> None:
        self.runnable, self.sizing = runnable, sizing or Sizing()
        self.calls: list[Call] = []
        self.faults: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.pieces: list[bytes | Exception] = [b"data: 1\n\n", b"data: 2\n\n"]
        self.healthy = True
        self.is_started = self.is_closed = False
        self.under_way = self.most_under_way = 0

    async def start(self) -> None:
        """Be there."""
        self.is_started = True

    async def probe(self) -> Probe:
        """Say how it is."""
        return Probe(ok=self.healthy, seconds=0.0)

    async def predict(self, call: Call) -> Answer:
        """Say which version this is."""
        self.calls.append(call)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            if self.faults:
                raise self.faults.pop(0)
        finally:
            self.under_way -= 1
        version = self.runnable.version
        document = {"outputs": [{"name": "version", "data": [version]}]} if call.protocol == INFER else version
        return Answer(output=msgspec.json.encode(document))

    async def stream(self, call: Call) -> AsyncIterator[bytes]:
        """Give the pieces."""
        self.calls.append(call)
        if self.faults:
            raise self.faults.pop(0)
        for piece in self.pieces:
            await self.gate.wait()
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def resize(self, sizing: Sizing) -> None:
        """Take note."""
        self.sizing = sizing

    async def close(self) -> None:
        """Wait for what is under way."""
        self.is_closed = True

    def describe(self) -> dict[str, Any]:
        """Say what it is."""
        return {"kind": "scripted"}


class Fleet:
    """Starts, keeps and ends such back ends.

    Args:
        make: gives a back end; raises what keeps it from starting.

    Attributes:
        broken: version → the error that starting it raises.
        hold_up: starting waits for this.
        retired: versions that were ended, in order.
    """

    def __init__(self, make: Callable[[Runnable, Sizing], Backend] = Scripted) -> None:
        self._make = make
        self.running: dict[str, Backend] = {}
        self.broken: dict[str, str] = {}
        self.hold_up = asyncio.Event()
        self.hold_up.set()
        self.retired: list[str] = []
        self.held: frozenset[str] = frozenset()
        self.is_closed = False

    async def ensure(self, runnable: Runnable, sizing: Sizing) -> Backend:
        """Start a back end, if it does not run."""
        await self.hold_up.wait()
        if runnable.version in self.broken:
            raise NotDeployable(self.broken[runnable.version])
        backend = self.running.get(runnable.version_id)
        if backend is None:
            backend = self.running[runnable.version_id] = self._make(runnable, sizing)
            await backend.start()
        await backend.resize(sizing)
        return backend

    def get(self, version_id: str) -> Backend | None:
        """What runs."""
        return self.running.get(version_id)

    def hold(self, version_ids: Collection[str]) -> None:
        """Take note."""
        self.held = frozenset(version_ids)

    async def retire(self, version_id: str) -> None:
        """End one."""
        backend = self.running.pop(version_id, None)
        if backend is not None:
            self.retired.append(version_id)
            await backend.close()

    async def close(self) -> None:
        """End all."""
        self.is_closed = True
        for name in list(self.running):
            await self.retire(name)

    def describe(self) -> dict[str, Any]:
        """Say what runs."""
        return {"running": sorted(self.running)}


def runnable(version: str, name: str = "fraud") -> Runnable:
    """What runs a version whose id is `v` and its number."""
    return Runnable(version_id=f"v{version}", name=name, version=version)


def arm(version: str, weight: float) -> Arm:
    """A version's share."""
    return Arm(version_id=f"v{version}", version=version, weight=weight)


def compiled(
    weights: dict[str, float],
    epoch: int = 1,
    *,
    shadow: dict[str, float] | None = None,
    warm: Iterable[str] = (),
    rules: Iterable[Rule] = (),
) -> CompiledRoute:
    """A route by version and weight."""
    return CompiledRoute(
        Route(
            epoch=epoch,
            deployment_id=f"dp_{epoch}",
            salt="salt",
            arms=[arm(version, weight) for version, weight in weights.items()],
            shadow=[arm(version, weight) for version, weight in (shadow or {}).items()],
            warm=[f"v{version}" for version in warm],
            rules=list(rules),
        )
    )


def configured(**fields: Any) -> EndpointConfiguration:
    """A configuration."""
    return EndpointConfiguration(**fields)
