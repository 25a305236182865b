"""The book of what is served: every endpoint in its present epoch, and older epochs until their last request has ended.

Rules
- An entry is never changed; another epoch is another entry, put in its place in one step.
- Lanes go along from epoch to epoch: the same queue, the same circuit.
- A version that leaves the book goes on running until every request of the older epochs has ended, or as long as
  somebody has reserved it. Then the fleet is told to end it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from modelyard.delivery.lanes import Lane, Patience
from modelyard.domain.names import shown
from modelyard.domain.prediction_ids import Stamp
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire.delivery import EndpointConfiguration
from modelyard.errors import EndpointNotFound, ModelyardError, NotServing
from modelyard.runtimes.backend import Backend

_POLL_S = 0.02
_log = logging.getLogger("modelyard.delivery")


class Keeper(Protocol):
    """What looks after running back ends: the part of the fleet that the book needs."""

    def hold(self, version_ids: Collection[str]) -> None:
        """Say which versions are needed; others may be ended to make room."""

    async def retire(self, version_id: str) -> None:
        """End a back end once its answers are given."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered a request."""

    name: str
    version: str
    version_id: str
    deployment_id: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An endpoint, as it shall be served from now on.

    Attributes:
        endpoint_id: its id.
        model: the model's name.
        environment: its environment.
        route: what it follows.
        configuration: how it takes requests.
        backends: version id → its started back end, for the versions of the route that could be started.
    """

    endpoint_id: str
    model: str
    environment: str
    route: CompiledRoute
    configuration: EndpointConfiguration
    backends: Mapping[str, Backend]


class ServedEndpoint:
    """An endpoint in one epoch; nothing of it changes but the number of its requests.

    Args:
        entry: what it is.
        lanes: version id → the way to its back end.
        secret: what seals the names of predictions.
    """

    __slots__ = (
        "configuration",
        "endpoint_id",
        "environment",
        "facts",
        "in_flight",
        "lanes",
        "model",
        "on_idle",
        "route",
        "secret",
        "stamps",
        "trial",
    )

    def __init__(self, entry: Entry, lanes: Mapping[str, Lane], secret: bytes) -> None:
        self.endpoint_id, self.model, self.environment = entry.endpoint_id, entry.model, entry.environment
        self.route, self.configuration, self.lanes = entry.route, entry.configuration, lanes
        self.secret = secret
        self.in_flight = 0
        self.on_idle: Callable[[], None] | None = None
        """Called when the last request has ended, once the epoch is over."""
        self.trial = entry.route.route.deployment_id
        """The deployment that made the route, and may be judged by what requests do; empty where none did."""
        self.facts = {
            version_id: Facts(
                name=entry.model,
                version=lane.backend.runnable.version,
                version_id=version_id,
                deployment_id=entry.route.route.deployment_id,
                epoch=entry.route.epoch,
            )
            for version_id, lane in lanes.items()
        }
        self.stamps = {name: Stamp(secret, entry.endpoint_id, entry.route.epoch, name, self.trial) for name in lanes}
        """Version id → what names its predictions."""

    @property
    def key(self) -> tuple[str, str]:
        """Model and environment: what requests name it by."""
        return self.model, self.environment

    def answering(self) -> dict[str, str]:
        """Version → version id of those that may answer: with a weight, or by a rule."""
        rules = {rule.version: rule.version_id for rule in self.route.route.rules}
        return rules | {arm.version: arm.version_id for arm in self.route.route.arms if arm.weight > 0}

    def enter(self) -> None:
        """A request begins."""
        self.in_flight += 1

    def leave(self) -> None:
        """A request has ended."""
        self.in_flight -= 1
        if self.in_flight == 0 and self.on_idle is not None:
            self.on_idle()


class Book:
    """What is served, by model and environment. Used in one event loop.

    Args:
        fleet: what looks after the back ends.
        patience: how much failure a lane bears.
        secret: what seals the names of predictions.
    """

    def __init__(self, fleet: Keeper, patience: Patience, secret: bytes) -> None:
        self._fleet, self._patience, self._secret = fleet, patience, secret
        self._present: dict[tuple[str, str], ServedEndpoint] = {}
        self._still: dict[tuple[str, str], str] = {}
        self._draining: set[ServedEndpoint] = set()
        self._reserved: dict[str, frozenset[str]] = {}
        self._needed: Counter[str] = Counter()
        """Version → how many epochs and owners need it."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def endpoints(self) -> list[ServedEndpoint]:
        """What is served now."""
        return list(self._present.values())

    def find(self, model: str, environment: str) -> ServedEndpoint:
        """Return what serves a model in an environment.

        Raises:
            EndpointNotFound: nothing was ever deployed there.
            NotServing: something was, and serves nothing now.
        """
        served = self._present.get((model, environment))
        if served is not None:
            return served
        reason = self._still.get((model, environment))
        if reason is None:
            raise EndpointNotFound(f"{shown(model)} has no endpoint in {shown(environment)}")
        raise NotServing(f"{model} serves nothing in {environment}{f': {reason}' if reason else ''}")

    def get(self, model: str, environment: str) -> ServedEndpoint | None:
        """Return what serves a model in an environment, if anything does."""
        return self._present.get((model, environment))

    def install(self, entry: Entry) -> None:
        """Let an endpoint be served so from now on; requests under way go on as they began."""
        key = (entry.model, entry.environment)
        before = self._present.get(key)
        known = before.lanes if before is not None else {}
        lanes = {name: self._lane(known.get(name), backend, entry) for name, backend in entry.backends.items()}
        self._take(lanes)
        self._present[key] = ServedEndpoint(entry, lanes, self._secret)
        self._still.pop(key, None)
        self._succeed(before)

    def remove(self, model: str, environment: str, reason: str | None = None) -> None:
        """Serve an endpoint no more: it is gone, or, where a reason is given (which may be empty), stands still."""
        key = (model, environment)
        before = self._present.pop(key, None)
        if reason is None:
            self._still.pop(key, None)
        else:
            self._still[key] = reason
        self._succeed(before)

    def reserve(self, owner: str, version_ids: Iterable[str]) -> None:
        """Keep versions running for somebody who is about to need them; the empty set lets go of them."""
        wanted = frozenset(version_ids)
        before = self._reserved.pop(owner, frozenset())
        if wanted:
            self._reserved[owner] = wanted
        self._take(wanted)
        self._drop(before)

    async def drained(self, seconds: float) -> bool:
        """Wait until nothing is under way any more; False if something still is after that time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while any(served.in_flight for served in (*self._present.values(), *self._draining)):
            if loop.time() >= end:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    async def close(self) -> None:
        """Wait for the back ends that are being ended."""
        await asyncio.gather(*self._tasks)

    def _lane(self, known: Lane | None, backend: Backend, entry: Entry) -> Lane:
        concurrency, queue = entry.configuration.max_concurrency, entry.configuration.max_queue
        if known is None:
            return Lane(backend, concurrency=concurrency, queue=queue, patience=self._patience)
        known.widen(backend, concurrency, queue)
        return known

    def _succeed(self, before: ServedEndpoint | None) -> None:
        """Take leave of an epoch: at once if nothing of it is under way, else when the last request has ended."""
        if before is None:
            return
        if not before.in_flight:
            self._drop(before.lanes)
            return
        self._draining.add(before)

        def ended() -> None:
            before.on_idle = None
            self._draining.discard(before)
            self._drop(before.lanes)

        before.on_idle = ended

    def _take(self, version_ids: Collection[str]) -> None:
        """Count who needs versions; the fleet is told of those that nobody needed before."""
        # A tuple: of a mapping, a Counter would take the values for counts.
        count = len(self._needed)
        self._needed.update(list(version_ids))
        if len(self._needed) != count:
            self._fleet.hold(self._needed.keys())

    def _drop(self, version_ids: Collection[str]) -> None:
        """Count who needs versions no more; those that nobody needs are ended."""
        self._needed.subtract(tuple(version_ids))
        left = [version_id for version_id in version_ids if self._needed[version_id] <= 0]
        if not left:
            return
        for version_id in left:
            del self._needed[version_id]
        self._fleet.hold(self._needed.keys())
        for version_id in left:
            self._background(self._retire(version_id))

    async def _retire(self, version_id: str) -> None:
        if version_id in self._needed:
            return
        try:
            await self._fleet.retire(version_id)
        except ModelyardError as error:
            _log.warning("the version %s could not be ended in order: %s", version_id, error.message)

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
