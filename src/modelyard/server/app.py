"""Puts the ASGI application together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from modelyard.config import Settings
from modelyard.delivery.serving import Backends
from modelyard.errors import ModelyardError
from modelyard.mlflow.fetching import fetcher
from modelyard.registry.context import Yard
from modelyard.server.auth import Guard
from modelyard.server.background import Background
from modelyard.server.dashboard import Dashboard
from modelyard.server.dashboard_routes import add_dashboard
from modelyard.server.docs import add_docs
from modelyard.server.errors import answer_error, answer_fault, answer_nobody
from modelyard.server.events import add_events
from modelyard.server.health import add_health
from modelyard.server.hot import FrontDoor
from modelyard.server.hub import HubDoor, add_hub
from modelyard.server.identity import Doorkeeper
from modelyard.server.lost import answer_lost
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.metrics import add_metrics
from modelyard.server.mlflow import MlflowRoutes
from modelyard.server.mlflow_artifacts import add_artifact_proxy
from modelyard.server.ofrep import add_ofrep
from modelyard.server.predict import add_predictions
from modelyard.server.predictions import Predictions
from modelyard.server.routes import add_routes
from modelyard.server.service import Service
from modelyard.server.stream import add_downloads
from modelyard.server.traffic import Traffic
from modelyard.server.uploads import add_uploads
from modelyard.watch.exporter import Exporter

CACHE_BYTES = 64 << 20


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
        add_hub(self.api, self.service)
        add_artifact_proxy(self.api, self.service)
        self._background = Background(yard, settings, self.service, fleet)
        self.delivery = self._background.delivery
        predictions = Predictions(self.service, self.delivery)
        add_predictions(self.api, predictions)
        add_routes(self.api, self.service)
        doorkeeper = Doorkeeper(self.service, asks=settings["auth.enabled"])
        mlflow = MlflowRoutes(self.service, fetcher(yard, settings["mlflow.tracking_uri"]))
        self._door = Traffic(HubDoor(FrontDoor(self.api, self.service, Guard(host), doorkeeper, predictions, mlflow)))
        most = settings["telemetry.prometheus_series"]
        self.exporter = Exporter(yard, self.delivery, self._background.tally, self._door.take, most=most)
        add_metrics(self.api, self.exporter)
        # Last, so that no request for anything else is held against these paths first.
        add_dashboard(self.api, Dashboard())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        await self._door(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _api: FastAPI) -> AsyncIterator[None]:
        await self._background.start()
        self.exporter.start()
        yield
        await self.delivery.close()
        await self.exporter.close()
        self.close()

    def interrupt(self) -> None:
        """End what would go on for ever: streams of events, and the sending of webhooks and alerts."""
        self.service.ending.set()
        self._streams.end()
        self._background.interrupt()

    def close(self) -> None:
        """End the threads and close the database; harmless when repeated."""
        self.interrupt()
        self._background.close()
        self.exporter.shut()
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
