"""What a server does besides answering: it serves endpoints, drives deployments, sends what waits, and counts.

Every front of the server has one of these, whatever its protocol: they are made without a loop, begin in the one that
serves predictions, and end with it.
"""

from __future__ import annotations

from functools import partial

from modelyard.config import Settings
from modelyard.delivery.serving import Backends, Serving
from modelyard.outside.outbound import outside_of
from modelyard.registry.checkpoints import make_in_passing
from modelyard.registry.context import Yard
from modelyard.runtimes.fleet import Fleet
from modelyard.runtimes.opening import backends_of
from modelyard.server.checkpoints import Ticker
from modelyard.server.dispatcher import Dispatcher
from modelyard.server.service import Service
from modelyard.telemetry.tally import Tally
from modelyard.watch.forwarding.sender import Forwarder
from modelyard.watch.jobs import jobs_of
from modelyard.watch.sending import Notifier

SERVED_WITHIN_S = 10.0
"""How long the answer to a change of a route waits at most until this process serves it."""


class Background:
    """The parts of a server that work without being asked.

    Attributes:
        delivery: the parts that serve endpoints.
        tally: told of what predictions did.

    Args:
        yard: the registry.
        settings: which of the parts there are, and how they work.
        service: what the routes work with; it is told how to wait until a route is served.
        fleet: what runs versions, instead of worker processes and providers.
    """

    def __init__(self, yard: Yard, settings: Settings, service: Service, fleet: Backends | None = None) -> None:
        fleet = fleet or Fleet(settings, backends_of(yard.store, settings))
        changes = service.watch.count
        self.tally = Tally()
        self.delivery = Serving(
            yard, settings, changes=changes, fleet=fleet, jobs=jobs_of(yard, settings), sinks=(self.tally,)
        )
        service.served = partial(self.delivery.caught_up, SERVED_WITHIN_S)
        self._dispatcher = Dispatcher(yard, settings, changes=changes)
        self._ticker = Ticker(partial(make_in_passing, yard), settings["audit.checkpoint_minutes"] * 60)
        self._sends = settings["webhooks.threads"] > 0
        self._outside = outside_of(settings)
        self._notifier = Notifier(yard, settings, self._outside, changes=changes)
        self._notifies = settings["alerts.threads"] > 0
        self._forwarder = Forwarder(yard, settings, changes=changes)
        self._forwards = bool(yard.forwards) and settings["forwards.threads"] > 0

    async def start(self) -> None:
        """Begin all of them, in the loop that serves predictions."""
        if self._sends:
            self._dispatcher.start()
        if self._notifies:
            self._notifier.start()
        if self._forwards:
            self._forwarder.start()
        self._ticker.start()
        await self.delivery.start()

    def interrupt(self) -> None:
        """Begin nothing any more."""
        self._dispatcher.interrupt()
        self._notifier.interrupt()
        self._forwarder.interrupt()
        self.delivery.interrupt()

    def close(self) -> None:
        """End them and wait for their threads; harmless when repeated. Delivery ends in its loop if that still runs."""
        self.interrupt()
        self.delivery.shut()
        self._dispatcher.stop()
        self._notifier.stop()
        self._forwarder.stop()
        self._outside.close()
        self._ticker.close()
