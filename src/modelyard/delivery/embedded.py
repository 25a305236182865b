"""Delivery in a caller's own process: no server, an event loop in a thread, made when it is first needed.

Rules
- Nobody waits for a background here: a deployment is driven where it was asked for, as far as it goes without traffic
  and time. The rest is done by whoever drives it next: another call, or a server on the same registry.
- Where another process controls the registry, it is waited for instead, for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from modelyard.config import Settings
from modelyard.delivery.answering import answer_of
from modelyard.delivery.controller import Controller
from modelyard.delivery.serving import Serving
from modelyard.domain import deployment as rules
from modelyard.domain.windows import is_open
from modelyard.domain.wire import DeploymentRecord
from modelyard.errors import NotServing
from modelyard.metadata import deployments
from modelyard.metadata.changes import ChangeWatch
from modelyard.metadata.database import known
from modelyard.registry.context import Engine, Yard
from modelyard.runtimes.backend import Call
from modelyard.runtimes.fleet import Fleet
from modelyard.runtimes.loop import LoopThread
from modelyard.runtimes.opening import backends_of

SETTLE_S = 60.0
"""How long it waits at most for another process, or for the start of what a route needs."""
POLL_S = 0.05


class Plant:
    """What serves and drives in this process.

    Args:
        yard: the registry.
        settings: `delivery.*`, `workers.*`, `cache.*`.
    """

    def __init__(self, yard: Yard, settings: Settings) -> None:
        self._yard, self._settings = yard, settings
        self._lock = threading.RLock()
        self._parts: tuple[LoopThread, ChangeWatch, Serving, Controller] | None = None
        self._is_closed = False
        yard.engine.make = self._engine

    def drive(self, deployment_id: str) -> DeploymentRecord:
        """Take a deployment as far as it goes now, here or wherever the registry is controlled."""
        *_, controller = self._begun()
        end = time.monotonic() + SETTLE_S
        while True:
            if controller.lease.hold():
                found = controller.drive(deployment_id)
                now, window = self._yard.clock(), found.options.window
                may_move = found.state in rules.WITH_TRAFFIC and (window is None or is_open(window, now))
                waits = may_move and not rules.is_at_rest(found, now)
                if not waits or time.monotonic() > end:
                    return found
            else:
                found = self._record(deployment_id)
                if found.state not in rules.BEFORE_TRAFFIC or time.monotonic() > end:
                    return found
            # What is waited for is another process, or the start of workers; both are seen only by looking again.
            time.sleep(POLL_S)

    def settle(self) -> None:
        """Wait until predictions in this process go where the database says; at once where none has been asked for."""
        parts = self._parts
        if parts is not None:
            loop, _watch, serving, _controller = parts
            loop.run(serving.caught_up(SETTLE_S))

    def predict(self, name: str, body: bytes, environment: str, headers: Mapping[str, str]) -> bytes:
        """Answer a prediction with the JSON that a server would send.

        Raises:
            EndpointNotFound: nothing was ever deployed there.
            NotServing: nothing serves there now.
        """
        loop, _watch, serving, _controller = self._begun()
        return loop.run(_predicted(serving, name, Call(body=body, headers=headers), environment))

    def close(self) -> None:
        """End what was begun; harmless when repeated."""
        with self._lock:
            parts, self._parts, self._is_closed = self._parts, None, True
            self._yard.engine.current = self._yard.engine.make = None
        if parts is not None:
            loop, watch, serving, _controller = parts
            loop.run(serving.close())
            loop.close()
            watch.close()

    def _begun(self) -> tuple[LoopThread, ChangeWatch, Serving, Controller]:
        with self._lock:
            if self._is_closed:
                raise NotServing("the registry was closed", hint="open it again")
            if self._parts is None:
                loop, watch = LoopThread("modelyard-delivery"), ChangeWatch(self._yard.database)
                fleet = Fleet(self._settings, backends_of(self._yard.store, self._settings))
                serving = Serving(self._yard, self._settings, changes=watch.count, fleet=fleet, controls=False)
                loop.run(serving.start())
                controller = known(serving.controller)
                self._parts = loop, watch, serving, controller
            return self._parts

    def _engine(self) -> Engine:
        self._begun()
        return known(self._yard.engine.current)

    def _record(self, deployment_id: str) -> DeploymentRecord:
        with self._yard.database.read() as tx:
            return deployments.record(known(deployments.by_id(tx, deployment_id)))


async def _predicted(serving: Serving, name: str, call: Call, environment: str) -> bytes:
    await serving.follower.settled(name, environment, SETTLE_S)
    prediction = await serving.gateway.predict(name, environment, call)
    return answer_of(prediction)
