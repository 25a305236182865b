"""What this process can tell of itself without asking anybody: lanes, workers, drops, CPU, memory.

Used in the event loop that serves; nothing here waits.
"""

from __future__ import annotations

import platform

from prometheus_client.process_collector import ProcessCollector

from modelyard._version import __version__
from modelyard.delivery.serving import Serving
from modelyard.telemetry.tally import Place
from modelyard.telemetry.totals import LOOP_LAG, OTHER, START_TIME, Series, Totals
from modelyard.telemetry.windows import LIVE
from modelyard.watch import exposition as of

_PROCESS_GAUGES = frozenset({of.MEMORY, of.VIRTUAL, of.OPEN_FILES, of.MOST_FILES, START_TIME})


class Differences:
    """Turns numbers that somebody else counts up into what came since the last look."""

    def __init__(self) -> None:
        self._last: dict[Series, float] = {}

    def since(self, series: Series, absolute: float) -> float:
        """Return how much came; whoever counts less than before has begun anew."""
        last = self._last.get(series, 0.0)
        self._last[series] = absolute
        return absolute - last if absolute >= last else absolute


class Sampler:
    """Looks at a process's parts.

    Args:
        serving: the running parts of delivery.
        most: versions at endpoints that have series of their own.
    """

    def __init__(self, serving: Serving, most: int) -> None:
        self._serving, self._most = serving, most
        self._differences = Differences()
        self._process = ProcessCollector(registry=None)
        self.lag = 0.0
        """Seconds that the event loop was late last."""

    def sample(self) -> Totals:
        """Return the gauges as they are, and the counters since the last time."""
        found = Totals()
        found.gauges[of.PROCESSES,] = 1
        found.gauges[LOOP_LAG,] = self.lag
        self._look_at_process(found)
        self._look_at_lanes(found)
        self._grow(found, (of.COPIES_DROPPED,), self._serving.gateway.dropped)
        self._grow(found, (of.EVIDENCE_DROPPED,), self._serving.recorder.left_out)
        return found

    def served(self) -> list[Place]:
        """Return what is served: its series are there from the beginning, so that the first error is an increase."""
        book = self._serving.gateway.book
        return [(served.endpoint_id, version_id, LIVE) for served in book.endpoints for version_id in served.lanes]

    def _look_at_process(self, found: Totals) -> None:
        for family in self._process.collect():
            for sample in family.samples:
                if sample.name in _PROCESS_GAUGES:
                    found.gauges[sample.name,] = sample.value
                elif sample.name == f"{of.CPU}_total":
                    self._grow(found, (of.CPU,), sample.value)

    def _look_at_lanes(self, found: Totals) -> None:
        running = self._serving.fleet.describe()
        seen: set[str] = set()
        number = 0
        for served in sorted(self._serving.gateway.book.endpoints, key=lambda one: one.key):
            for version_id, lane in sorted(served.lanes.items()):
                number += 1
                is_named = number <= self._most
                version = served.facts[version_id].version
                place = (*served.key, version) if is_named else (OTHER, OTHER, OTHER)
                _raise(found, (of.IN_PROGRESS, *place), lane.busy)
                _raise(found, (of.WAITING, *place), lane.waiting)
                _raise(found, (of.CIRCUITS, *place), lane.circuit.is_open)
                if version_id not in seen:
                    seen.add(version_id)
                    owner = (served.model, version) if is_named else (OTHER, OTHER)
                    self._look_at_workers(found, version_id, owner, running.get(version_id, {}))

    def _look_at_workers(self, found: Totals, version_id: str, owner: tuple[str, str], told: dict[str, object]) -> None:
        for metric, field in ((of.WORKERS, "replicas"), (of.WORKERS_READY, "ready")):
            value = told.get(field)
            if isinstance(value, int):
                _raise(found, (metric, *owner), value)
        restarts = told.get("restarts")
        if isinstance(restarts, int):
            found.count((of.RESTARTS, *owner), self._differences.since((of.RESTARTS, version_id), restarts))

    def _grow(self, found: Totals, series: Series, absolute: float) -> None:
        found.count(series, self._differences.since(series, absolute))


def _raise(found: Totals, series: Series, amount: float) -> None:
    found.gauges[series] = found.gauges.get(series, 0) + amount


def build() -> dict[Series, float]:
    """Return the gauge that tells which modelyard runs."""
    return {(of.BUILD, __version__, platform.python_version()): 1}
