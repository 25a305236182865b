"""Makes the gateway follow the database: what an endpoint's row says is served a moment later, in every process.

Rules
- The database is asked whether it changed, some twenty times a second; what it costs is one number. Only if it did, the
  marks of all endpoints are read, and the rows where a mark has moved.
- Where the database is away, the last routes stay (EXP-32): nothing is taken for removed because nobody can be asked.
- Everything but reading the database happens in one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.applying import Applier, Starter, Wish
from modelyard.delivery.gateway import Gateway
from modelyard.delivery.runnables import runnable_of
from modelyard.domain.routing import CompiledRoute
from modelyard.errors import ModelyardError
from modelyard.metadata import endpoints
from modelyard.metadata.database import Database
from modelyard.runtimes.backend import Runnable

POLL_S = 0.05
AWAY_S = 0.5
"""How long it waits before it asks a database again that did not answer."""

_log = logging.getLogger("modelyard.delivery")


class Follower:
    """Follows the endpoints of a database.

    Args:
        gateway: what serves them.
        fleet: what starts the back ends.
        database: where the endpoints stand.
        changes: a number that stays the same as long as the database does.
        threads: where the database is read.
    """

    def __init__(
        self, gateway: Gateway, fleet: Starter, database: Database, *, changes: Callable[[], int], threads: Executor
    ) -> None:
        self._applier = Applier(gateway, fleet, self._runnable)
        self._database = database
        self._changes, self._threads = changes, threads
        self._marks: dict[str, tuple[int, int]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._wishes: dict[str, Wish] = {}
        self._is_away = False
        self._seen: int | None = None
        self._begun = self._done = 0
        """How often the database has been read, begun and done."""

    def start(self) -> None:
        """Follow, in a task of the running loop, until `close`; harmless when repeated."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End; what is served stays as it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._applier.close()

    def applied_epoch(self, endpoint_id: str) -> int | None:
        """Return the epoch that requests to an endpoint enter now; None where nothing is served, or not all of it."""
        return self._applier.epoch_of(endpoint_id)

    async def reached(self, endpoint_id: str, epoch: int, seconds: float) -> bool:
        """Wait until requests enter an epoch, or a later one; False if that is not so after some seconds."""
        return await self._applier.until(lambda: (self.applied_epoch(endpoint_id) or 0) >= epoch, seconds)

    async def settled(self, model: str, environment: str, seconds: float) -> None:
        """Wait until what the database says of an endpoint now is known and has been tried; not while it is away."""
        key = (model, environment)
        ticket = self._begun

        def is_settled() -> bool:
            if self._is_away:
                return True
            is_new = self._done > ticket or self._changes() == self._seen
            return self._marks is not None and is_new and self._applier.knows(key)

        await self._applier.until(is_settled, seconds)

    @property
    def has_looked(self) -> bool:
        """Whether the endpoints were ever read."""
        return self._marks is not None

    async def caught_up(self, seconds: float) -> bool:
        """Wait until everything that stands in the database now is served, or cannot be; False if that takes longer."""
        count = self._changes()

        def is_caught_up() -> bool:
            has_seen = self._seen is not None and self._seen >= count
            return self._is_away or (has_seen and self._applier.is_done)

        return await self._applier.until(is_caught_up, seconds)

    def fault_of(self, endpoint_id: str) -> str:
        """Return why an endpoint is not served as its row says; empty where it is."""
        return self._applier.fault_of(endpoint_id)

    async def _run(self) -> None:
        while True:
            pause = POLL_S
            try:
                count = self._changes()
                if count != self._seen:
                    await self._look()
                    self._seen = count
                    await self._applier.tell()
                self._is_away = False
            except ModelyardError as error:
                if not self._is_away:
                    _log.warning("the endpoints cannot be read, and are served as they are: %s", error.message)
                self._is_away, pause = True, AWAY_S
                await self._applier.tell()
            except Exception:  # noqa: BLE001 - following goes on, whatever one reading met
                _log.exception("the endpoints could not be read")
                pause = AWAY_S
            await asyncio.sleep(pause)

    async def _look(self) -> None:
        """Read which endpoints moved, and set out to follow them."""
        self._begun += 1
        number = self._begun
        found = await asyncio.get_running_loop().run_in_executor(self._threads, self._read)
        if found is not None:
            self._marks, wishes = found
            await self._applier.want(list(wishes.values()))
            self._wishes = wishes
        self._done = number
        await self._applier.tell()

    def _read(self) -> tuple[dict[str, tuple[int, int]], dict[str, Wish]] | None:
        """Return the marks and the wishes of all endpoints; None where no mark has moved since the last time."""
        with self._database.read() as tx:
            marks = endpoints.marks(tx)
            if marks == self._marks:
                return None
            rows = endpoints.all_current(tx)
        known = self._wishes
        return marks, {row.id: known[row.id] if _is_as_before(row, known) else wish_of(row) for row in rows}

    async def _runnable(self, version_id: str) -> Runnable:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._load, version_id))

    def _load(self, version_id: str) -> Runnable:
        with self._database.read() as tx:
            return runnable_of(tx, version_id)


def _is_as_before(row: Row[Any], known: Mapping[str, Wish]) -> bool:
    return row.id in known and known[row.id].mark == (row.epoch, row.revision)


def wish_of(row: Row[Any]) -> Wish:
    """Return what a row of an endpoint says."""
    return Wish(
        endpoint_id=row.id,
        model=row.name,
        environment=row.environment,
        mark=(row.epoch, row.revision),
        route=CompiledRoute(endpoints.route_of(row)),
        configuration=endpoints.configuration_of(row),
    )
