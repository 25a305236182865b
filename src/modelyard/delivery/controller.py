"""The controller: in the background of a server it drives all deployments, probes what serves, and guards endpoints.

Rules
- Any number of controllers may run on one registry; the lease lets one of them act (`modelyard.delivery.lease`).
- Deployments are driven side by side, each by one thread at a time. Those that start and check versions, which may take
  minutes, have threads of their own, and so have probes: a way back never waits for somebody else's model to load.
- It looks when the database changes, and at least every `TICK_S` while something is live: time passes by itself. It
  looks at once where work was wanted again while it was under way, and soon where a route is not served yet.
- Where the database is away it waits: nothing advances, and nothing is rolled back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

from sqlalchemy import Row

from modelyard.delivery.changes import reroute
from modelyard.delivery.driving import ACTOR, Driver
from modelyard.delivery.guard import guarded, probe_way_back
from modelyard.delivery.lease import Lease
from modelyard.domain.deployment import BEFORE_TRAFFIC
from modelyard.domain.health import Pulse
from modelyard.domain.permissions import local
from modelyard.domain.wire import Arm, DeploymentRecord, EndpointConfiguration, Route
from modelyard.errors import LeaseLost, ModelyardError
from modelyard.metadata import deployments, endpoints, models
from modelyard.metadata.database import Transaction, known
from modelyard.registry.context import Context, Engine, Yard

TICK_S = 0.25
SOON_S = 0.03
IDLE_S = 5.0
FAULT_S = 1.0
LEASE_S = 10.0
GUARD_S = 2.0
"""How often an endpoint with a guard is judged."""
GUARD_WINDOW_S = 300.0
THREADS = 8

_log = logging.getLogger("modelyard.delivery")


@dataclass(frozen=True, kw_only=True)
class Watched:
    """An endpoint that is looked after: because a deployment is live there, or because it has a guard."""

    endpoint_id: str
    configuration: EndpointConfiguration
    route: Route
    live: bool

    @property
    def probed(self) -> list[Arm]:
        """The versions that are probed: those that answer, and those that get copies."""
        return [*self.route.arms, *self.route.shadow]


Transactions: TypeAlias = Callable[[], AbstractContextManager[Context]]
"""Opens a transaction in which the process that controls may change something."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work that one process of all does now and then, such as looking whether an alert is due.

    Attributes:
        name: what it is called in logs; one of a kind.
        every_s: seconds between two runs.
        wanted: whether there is anything to do; asked often, so it has to be quick. Nothing is written where it is not.
        run: does it, in transactions that `transaction` opens: they fail once another process has taken over.
    """

    name: str
    every_s: float
    wanted: Callable[[Transaction], bool]
    run: Callable[[Transactions], None]


class Controller:
    """Drives deployments until it is stopped.

    Args:
        yard: the registry.
        engine: what runs versions in this process.
        changes: a number that stays the same as long as the database does, if there is one.
        lease_s: after how long another process takes over from one that died.
        jobs: what else whoever controls does, each in a thread of its own.
    """

    def __init__(
        self,
        yard: Yard,
        engine: Engine | None,
        *,
        changes: Callable[[], int] | None = None,
        lease_s: float = LEASE_S,
        jobs: Sequence[Job] = (),
    ) -> None:
        self._yard, self._engine = yard, engine
        self._changes = changes or (lambda: 0)
        self.lease = Lease(yard, lease_s)
        self._jobs = {job.name: job for job in jobs}
        self.pulses: dict[str, Pulse] = {}
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._driver = Driver(
            yard, engine, check=self.lease.check, pulses=self.pulses, ends=self._stopped.is_set
        )  # fmt: skip
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="modelyard-controller")
        self._starts = ThreadPoolExecutor(THREADS, thread_name_prefix="modelyard-preflight")
        self._probes = ThreadPoolExecutor(THREADS, thread_name_prefix="modelyard-probe")
        self._chores = ThreadPoolExecutor(max(1, len(jobs)), thread_name_prefix="modelyard-job")
        self._busy: dict[str, Future[None]] = {}
        self._due: dict[str, float] = {}
        self._missed: set[str] = set()
        """What was wanted again while it was under way."""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Work in a thread of its own, until `stop`; harmless when repeated."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.run, name="modelyard-controller", daemon=True)
            self._thread.start()

    def interrupt(self) -> None:
        """Begin nothing any more."""
        self._stopped.set()
        self._wake.set()

    def stop(self) -> None:
        """End, and wait for what is under way; harmless when repeated."""
        self.interrupt()
        if self._thread is not None:
            self._thread.join()
        for pool in (self._starts, self._probes, self._chores, self._pool):
            pool.shutdown()
        try:
            self.lease.give_back()
        except ModelyardError as error:
            _log.warning("the lease runs out by itself: %s", error.message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        """Work until `stop` or `interrupt` is called from another thread."""
        while not self._stopped.is_set():
            seen = self._changes()
            self._wake.clear()
            try:
                pause = TICK_S if self.look() else IDLE_S
            except ModelyardError as error:
                _log.warning("deployments wait: %s", error.message)
                pause = FAULT_S
            except Exception:  # noqa: BLE001 - the controller goes on, whatever one look met
                _log.exception("deployments wait for a reason that nobody foresaw")
                pause = FAULT_S
            self._rest(seen, pause)

    def look(self) -> bool:
        """See what is to be done and set about it; whether there is anything live or guarded."""
        now = self._yard.clock()
        with self._yard.database.read() as tx:
            due = [job for job in self._jobs.values() if self._is_due(f"job {job.name}", job.every_s)]
            jobs = [job for job in due if job.wanted(tx)]
            if not endpoints.are_there(tx) and not jobs:
                return False
            live = deployments.live(tx)
            cooling = deployments.cooling(tx, now)
            watched = watched_of(endpoints.all_current(tx), {row.endpoint_id for row in live})
        is_busy = bool(live or watched)
        if (is_busy or cooling or jobs) and self.lease.hold():
            self._set_out(live, cooling, watched)
            for job in jobs:
                self._begin(self._chores, f"job {job.name}", self._chore, job.name)
        return is_busy

    def _set_out(self, live: Sequence[Row[Any]], cooling: Sequence[Row[Any]], watched: Sequence[Watched]) -> None:
        """Begin what is to be done."""
        # The pulse of what does not serve any more is forgotten first: it must not count when the version comes again.
        for version_id in self.pulses.keys() - {arm.version_id for one in watched for arm in one.probed}:
            del self.pulses[version_id]
        for row in live:
            pool = self._starts if row.state in BEFORE_TRAFFIC else self._pool
            self._begin(pool, row.id, self._advance, row.id)
        for row in cooling:
            self._begin(self._pool, row.id, self._cool, row.id)
        for one in watched:
            self._watch(one)

    def _watch(self, one: Watched) -> None:
        """Probe the versions of an endpoint, and hold it to its guard, where their time has come."""
        every = one.configuration.probe_s
        if every > 0 and self._engine is not None:
            for arm in one.probed:
                if self._is_due(f"probe {arm.version_id}", every):
                    self._begin(self._probes, f"probe {arm.version_id}", self._probe, arm.version_id)
        if one.configuration.guard is not None and not one.live and self._is_due(f"guard {one.endpoint_id}", GUARD_S):
            self._begin(self._probes, f"guard {one.endpoint_id}", self._guard, one.endpoint_id)

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if self._due.get(what, 0.0) > now:
            return False
        self._due[what] = now + every
        return True

    def _begin(self, pool: ThreadPoolExecutor, key: str, work: Callable[[str], object], argument: str) -> None:
        """Begin some work unless the last of its kind is still under way."""
        before = self._busy.get(key)
        if before is None or before.done():
            self._missed.discard(key)
            self._busy[key] = pool.submit(self._safely, key, work, argument)
        else:
            self._missed.add(key)
        for name in [name for name, future in self._busy.items() if future.done() and name != key]:
            del self._busy[name]

    def _safely(self, key: str, work: Callable[[str], object], argument: str) -> None:
        try:
            work(argument)
        except LeaseLost:
            _log.info("another process controls %s by now", argument)
        except ModelyardError as error:
            _log.warning("%s waits: %s", argument, error.message)
            self._stopped.wait(FAULT_S)
        except Exception:  # noqa: BLE001 - a thread of the pool has nobody to raise it to
            _log.exception("%s waits for a reason that nobody foresaw", argument)
            self._stopped.wait(FAULT_S)
        finally:
            if key in self._missed:
                self._wake.set()

    def drive(self, deployment_id: str) -> DeploymentRecord:
        """Take a deployment as far as it goes now; the caller holds the lease."""
        return self._driver.drive(deployment_id)

    def _advance(self, deployment_id: str) -> None:
        """Drive a deployment; where its route is not served yet, it is looked at again soon."""
        found = self.drive(deployment_id)
        applied = self._engine.applied(found.endpoint_id) if self._engine is not None else None
        if found.live and applied is not None and applied < found.epoch and not self._stopped.wait(SOON_S):
            self._wake.set()

    def _chore(self, name: str) -> None:
        self._jobs[name].run(self._driver.transaction)

    def _probe(self, version_id: str) -> None:
        assert self._engine is not None  # noqa: S101 - `_watch` has looked
        probe = self._engine.probe(version_id)
        if probe is not None:
            ok, _seconds, detail = probe
            self.pulses[version_id] = self.pulses.get(version_id, Pulse()).after(ok=ok, detail=detail)

    def _guard(self, endpoint_id: str) -> None:
        with self._yard.database.read() as tx:
            limits = endpoints.configuration_of(known(endpoints.by_id(tx, endpoint_id))).guard
        if limits is None:
            return
        findings = probe_way_back(self._yard, local(ACTOR), endpoint_id, limits, GUARD_WINDOW_S)
        with self._driver.transaction() as context:
            row = known(endpoints.by_id(context.tx, endpoint_id))
            models.lock_by_id(context.tx, row.model_id)
            if endpoints.configuration_of(row).guard == limits:
                report = guarded(replace(context, findings=findings), endpoint_id, limits, GUARD_WINDOW_S)
                if report.triggered:
                    _log.warning("%s in %s went back: %s", row.name, row.environment, report.reason)

    def _cool(self, deployment_id: str) -> None:
        """Let go of what an ended deployment has kept warm."""
        with self._driver.transaction() as context:
            found = deployments.record(known(deployments.by_id(context.tx, deployment_id)))
            endpoint = known(endpoints.by_id(context.tx, found.endpoint_id))
            models.lock_by_id(context.tx, endpoint.model_id)
            endpoint = known(endpoints.by_id(context.tx, found.endpoint_id))
            if deployments.live_of(context.tx, endpoint.id) is not None:
                # Its way back is to what is kept warm here, and would warm it again with nobody left to let it go.
                return
            route = endpoints.route_of(endpoint)
            if route.deployment_id == found.id and route.warm:
                cooled = replace(route, epoch=endpoint.epoch + 1, warm=[])
                reroute(context, endpoint, cooled, cause="deployment.cooled")
            deployments.cooled(context.tx, deployment_id)

    def _rest(self, seen: int, pause: float) -> None:
        """Wait until there may be something to do."""
        end = time.monotonic() + pause
        while not self._wake.wait(max(0.0, min(TICK_S, end - time.monotonic()))):
            if time.monotonic() >= end or self._changes() != seen:
                return


def watched_of(rows: object, live: set[str]) -> list[Watched]:
    """The endpoints among some rows that are looked after."""
    found = [
        Watched(
            endpoint_id=row.id,
            configuration=endpoints.configuration_of(row),
            route=endpoints.route_of(row),
            live=row.id in live,
        )
        for row in rows  # type: ignore[attr-defined]
    ]
    return [one for one in found if one.live or one.configuration.guard is not None]
