"""The engine of a process that runs versions: it starts and probes them for the controller and for rollbacks.

Rules
- What was started for somebody stays loaded for a while, until the route that needs it has come.
- Its callers are threads; everything it does happens in the event loop of the fleet.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Protocol, TypeVar

from modelyard.delivery.runnables import runnable_of, sizing_of
from modelyard.domain.wire import EndpointConfiguration
from modelyard.errors import ModelyardError, NotServing, TimedOut
from modelyard.metadata.database import Database
from modelyard.runtimes.backend import Backend, Probe, Runnable, Sizing

Result = TypeVar("Result")

KEPT_S = 60.0
"""How long a version stays loaded for which no route has come yet."""
LONGEST_S = 600.0
"""After how long a start or a probe counts as failed, whatever the back end says."""


class Starter(Protocol):
    """What the engine needs of a fleet."""

    def get(self, version_id: str) -> Backend | None:
        """Return what runs a version, if anything does."""

    async def ensure(self, runnable: Runnable, sizing: Sizing) -> Backend:
        """Start a version unless it runs already."""


class FleetEngine:
    """Starts and probes versions on a fleet.

    Args:
        loop: the event loop of the fleet.
        fleet: what runs versions.
        database: where versions are described.
        reserve: keeps versions loaded under a name, as `Book.reserve` does.
        applied: the epoch of an endpoint that requests enter here; None where it is not served (yet).
        fault: why an endpoint is not served as its route says; empty where it is.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fleet: Starter,
        database: Database,
        *,
        reserve: Callable[[str, Collection[str]], None],
        applied: Callable[[str], int | None],
        fault: Callable[[str], str],
    ) -> None:
        self._loop, self._fleet, self._database = loop, fleet, database
        self._reserve, self._applied, self._fault = reserve, applied, fault

    def preflight(
        self, version_id: str, configuration: EndpointConfiguration, probes: int
    ) -> list[tuple[bool, float, str]]:
        """Start a version and probe it that many times, one after the other.

        Raises:
            ModelyardError: it cannot be started; its files do not verify, a package is missing, it ends at once.
        """
        with self._database.read() as tx:
            runnable = runnable_of(tx, version_id)
        return self._run(self._preflight(runnable, sizing_of(configuration), probes))

    def probe(self, version_id: str) -> tuple[bool, float, str] | None:
        """Probe a version that runs here; None where it does not."""
        return self._run(self._probe(version_id))

    def applied(self, endpoint_id: str) -> int | None:
        """The epoch that requests to an endpoint enter here; 0 where it is not served (yet)."""
        return self._applied(endpoint_id) or 0

    def fault(self, endpoint_id: str) -> str:
        """Why an endpoint is not served here as its route says; empty where it is."""
        return self._fault(endpoint_id)

    async def _preflight(self, runnable: Runnable, sizing: Sizing, probes: int) -> list[tuple[bool, float, str]]:
        owner = f"preflight of {runnable.version_id}"
        self._reserve(owner, [runnable.version_id])
        try:
            backend = await self._fleet.ensure(runnable, sizing)
            return [_plain(await _probed(backend)) for _ in range(probes)]
        finally:
            self._loop.call_later(KEPT_S, self._reserve, owner, ())

    async def _probe(self, version_id: str) -> tuple[bool, float, str] | None:
        backend = self._fleet.get(version_id)
        return None if backend is None else _plain(await _probed(backend))

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if self._loop.is_closed():
            work.close()
            raise NotServing("this process runs no versions any more")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(LONGEST_S)
        except concurrent.futures.CancelledError as ended:
            raise NotServing("this process stopped running versions") from ended
        except concurrent.futures.TimeoutError as late:
            future.cancel()
            raise TimedOut(f"nothing came of it in {LONGEST_S:g} s") from late


async def _probed(backend: Backend) -> Probe:
    """Probe a back end; an error that it raises is a failed probe."""
    began = asyncio.get_running_loop().time()
    try:
        return await backend.probe()
    except ModelyardError as error:
        return Probe(ok=False, seconds=asyncio.get_running_loop().time() - began, detail=error.message)


def _plain(probe: Probe) -> tuple[bool, float, str]:
    return probe.ok, probe.seconds, probe.detail
