"""What `/metrics` answers: this process's numbers with those of all others, and how things stand.

Rules
- A task samples and publishes every few seconds, so that others can tell what this process did; whoever is asked
  samples and publishes first, so that its answer is of this moment.
- An answer never waits for the database for long: after `PATIENCE_S` it says what is known without it.
- `process` as the scope tells of this process alone; for those who scrape each one, and it works without the database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

from modelyard.delivery.serving import Serving
from modelyard.domain.cells import Cell
from modelyard.registry.context import Yard
from modelyard.telemetry.exchange import BEAT_S, Exchange
from modelyard.telemetry.tally import Place, Tally, add_cell
from modelyard.telemetry.totals import Totals
from modelyard.watch import exposition as of
from modelyard.watch.sampling import Sampler, build
from modelyard.watch.standing import Gauges, standing

TICK_S: Final = 2.0
PATIENCE_S: Final = 3.0
ALL, PROCESS = "all", "process"
SCOPES: Final = (ALL, PROCESS)

_log = logging.getLogger("modelyard.watch")


class Exporter:
    """Exports a server's numbers. Used in one event loop.

    Args:
        yard: the registry.
        serving: the running parts of delivery.
        tally: the recorder's sink.
        take_traffic: takes away what was counted of HTTP since the last time.
        most: versions at endpoints that have series of their own.
    """

    def __init__(
        self, yard: Yard, serving: Serving, tally: Tally, take_traffic: Callable[[], Totals], *, most: int
    ) -> None:
        self._database, self._tally, self._take_traffic, self._most = yard.database, tally, take_traffic, most
        self._exchange = Exchange(yard.database, yard.new_id("wr"), most=most)
        self._sampler = Sampler(serving, most)
        # One thread: what a process publishes has an order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="modelyard-exporter")
        self._pending = Totals()
        self._served: list[Place] = []
        self._task: asyncio.Task[None] | None = None
        self._look: asyncio.Future[tuple[Totals | None, Gauges | None]] | None = None
        self._beat_due = 0.0

    def start(self) -> None:
        """Publish every few seconds until `close`; harmless when repeated."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def answer(self, accept: str, scope: str = ALL) -> tuple[bytes, str]:
        """Return the text for a scraper and its content type.

        Args:
            accept: the scraper's `Accept` header.
            scope: `all`, or `process`.
        """
        total, gauges = await self._looked()
        if scope == PROCESS or total is None:
            own = self._exchange.own()
            total = own if scope == PROCESS else Totals()
        return of.rendered(_complete(total, gauges), accept)

    async def close(self) -> None:
        """Publish for the last time, as a process that ends; harmless when repeated."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        self._sample()
        await asyncio.get_running_loop().run_in_executor(self._thread, partial(self._publish, self._taken(), ends=True))
        self.shut()

    def shut(self) -> None:
        """End the thread; harmless when repeated."""
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self._sampler.lag = max(0.0, loop.time() - due)
            self._sample()
            is_idle = self._tally.is_empty and not self._pending.histograms
            if is_idle and loop.time() < self._beat_due:
                continue
            self._beat_due = loop.time() + BEAT_S
            try:
                await loop.run_in_executor(self._thread, self._publish, self._taken())
            except Exception:  # noqa: BLE001 - the task has nobody to raise it to, and the next time may go well
                _log.exception("metrics could not be published")

    def _sample(self) -> None:
        """Add what is new to what waits to be published."""
        sample = self._sampler.sample()
        self._pending.add(sample)
        self._pending.add(self._take_traffic())
        self._pending.gauges = sample.gauges
        self._served = self._sampler.served()

    def _taken(self) -> Totals:
        """Take away what waits to be published."""
        taken, self._pending = self._pending, Totals()
        return taken

    async def _looked(self) -> tuple[Totals | None, Gauges | None]:
        """Publish, and return the sums and how things stand; nothing of both where that takes too long."""
        if self._look is None or self._look.done():
            self._sample()
            loop = asyncio.get_running_loop()
            self._look = loop.run_in_executor(self._thread, self._publish_and_look, self._taken())
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), PATIENCE_S)
        except TimeoutError:
            return None, None

    def _publish(self, fresh: Totals, *, ends: bool = False) -> Totals | None:
        seen, minute = self._tally.take(), int(time.time() // 60)
        for place in self._served:
            add_cell(seen, place, Cell(), minute)
        return self._exchange.publish(fresh, seen, fresh.gauges, ends=ends)

    def _publish_and_look(self, fresh: Totals) -> tuple[Totals | None, Gauges | None]:
        return self._publish(fresh), standing(self._database, self._most)


def _complete(total: Totals, gauges: Gauges | None) -> Totals:
    """Return totals with the gauges that are the same for all processes."""
    whole = Totals(counters=total.counters, histograms=total.histograms)
    whole.gauges = {**total.gauges, **(gauges or {}), **build(), (of.DATABASE_UP,): float(gauges is not None)}
    return whole
