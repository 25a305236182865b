"""Puts the ASGI application together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from modelyard.config import Settings
from modelyard.delivery.serving import Backends, Serving
from modelyard.errors import ModelyardError
from modelyard.registry.checkpoints import make_in_passing
from modelyard.registry.context import Yard
from modelyard.runtimes.fleet import Fleet
from modelyard.runtimes.opening import backends_of
from modelyard.server.auth import Guard
from modelyard.server.checkpoints import Ticker
from modelyard.server.dispatcher import Dispatcher
from modelyard.server.docs import add_docs
from modelyard.server.errors import answer_error, answer_fault, answer_nobody
from modelyard.server.events import add_events
from modelyard.server.health import add_health
from modelyard.server.hot import FrontDoor
from modelyard.server.identity import Doorkeeper
from modelyard.server.lost import answer_lost
from modelyard.server.metrics import Traffic, add_metrics
from modelyard.server.ofrep import add_ofrep
from modelyard.server.outbound import outside_of
from modelyard.server.predictions import Predictions, add_predictions
from modelyard.server.routes import add_routes
from modelyard.server.service import Service
from modelyard.server.stream import add_downloads
from modelyard.server.uploads import add_uploads
from modelyard.telemetry.tally import Tally
from modelyard.watch.exporter import Exporter
from modelyard.watch.jobs import jobs_of
from modelyard.watch.sending import Notifier

CACHE_BYTES = 64 << 20
SERVED_WITHIN_S = 10.0
"""How long the answer to a change of a route waits at most until this process serves it."""


class Application:
    """An ASGI application over a yard; it closes the yard at the end of its lifespan, or by `close`.

    Attributes:
        api: the FastAPI application inside, whose `routes` and `openapi` others may look at.
        service: the parts that the routes work with.
        delivery: the parts that serve endpoints; they start with the lifespan, or with the first prediction.
    """

    def __init__(
        self, yard: Yard, settings: Settings, *, host: str, cache_bytes: int, fleet: Backends | None = None
    ) -> None:
        self.service = Service(yard, settings, cache_bytes=cache_bytes)
        self.api = FastAPI(
            title="modelyard",
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=self._lifespan,
        )
        self.api.add_exception_handler(ModelyardError, answer_error)
        self.api.add_exception_handler(HTTPException, answer_lost)
        self.api.add_exception_handler(ConnectionAbortedError, answer_nobody)
        self.api.add_exception_handler(Exception, answer_fault)
        add_health(self.api, self.service)
        add_docs(self.api)
        add_uploads(self.api, self.service)
        add_downloads(self.api, self.service)
        self._streams = add_events(self.api, self.service, most=settings["server.max_event_streams"])
        add_ofrep(self.api, self.service)
        fleet = fleet or Fleet(settings, backends_of(yard.store, settings))
        tally = Tally()
        self.delivery = Serving(
            yard, settings, changes=self.service.watch.count, fleet=fleet, jobs=jobs_of(yard, settings), sinks=(tally,)
        )
        self.service.served = partial(self.delivery.caught_up, SERVED_WITHIN_S)
        predictions = Predictions(self.service, self.delivery)
        add_predictions(self.api, predictions)
        add_routes(self.api, self.service)
        self._dispatcher = Dispatcher(yard, settings, changes=self.service.watch.count)
        self._ticker = Ticker(partial(make_in_passing, yard), settings["audit.checkpoint_minutes"] * 60)
        self._sends = settings["webhooks.threads"] > 0
        self._outside = outside_of(settings)
        self._notifier = Notifier(yard, settings, self._outside, changes=self.service.watch.count)
        self._notifies = settings["alerts.threads"] > 0
        doorkeeper = Doorkeeper(self.service, asks=settings["auth.enabled"])
        self._door = Traffic(FrontDoor(self.api, self.service, Guard(host), doorkeeper, predictions))
        most = settings["telemetry.prometheus_series"]
        self.exporter = Exporter(yard, self.delivery, tally, self._door.take, most=most)
        add_metrics(self.api, self.exporter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        await self._door(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _api: FastAPI) -> AsyncIterator[None]:
        if self._sends:
            self._dispatcher.start()
        if self._notifies:
            self._notifier.start()
        self._ticker.start()
        await self.delivery.start()
        self.exporter.start()
        yield
        await self.delivery.close()
        await self.exporter.close()
        self.close()

    def interrupt(self) -> None:
        """End what would go on for ever: streams of events, and the sending of webhooks and alerts."""
        self.service.ending.set()
        self._streams.end()
        self._dispatcher.interrupt()
        self._notifier.interrupt()
        self.delivery.interrupt()

    def close(self) -> None:
        """End the threads and close the database; harmless when repeated."""
        self.interrupt()
        self.delivery.shut()
        self.exporter.shut()
        self._dispatcher.stop()
        self._notifier.stop()
        self._outside.close()
        self._ticker.close()
        self.service.close()


def create_app(
    yard: Yard,
    settings: Settings,
    *,
    host: str | None = None,
    cache_bytes: int = CACHE_BYTES,
    fleet: Backends | None = None,
) -> Application:
    """An ASGI application that serves a registry.

    Args:
        yard: the registry's parts, made with `open_yard(settings, expose_paths=False)`.
        settings: the `server.*` settings are read, and `auth.enabled`.
        host: the address that the server listens on, where it is not `server.host`.
        cache_bytes: the most memory for cached answers.
        fleet: what runs versions, instead of worker processes and providers.
    """
    own_host = host or settings["server.host"]
    return Application(yard, settings, host=own_host, cache_bytes=cache_bytes, fleet=fleet)
