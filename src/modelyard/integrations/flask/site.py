"""The parts that serve one registry in a WSGI process.

Rules
- They are made with the blueprint, so that a wrong setting is told at once, and begin with the first request: an
  application that is only looked at (`flask routes`) starts nothing. `start` begins them earlier.
- Predictions, deployments and what else takes an event loop have one in a thread; requests are answered in the threads
  of the WSGI server.
- A process that was forked after the registry was opened is refused: connections and threads do not survive a fork.
- Where nobody has to prove who they are, only this machine is answered, unless `insecure` says otherwise. A server of
  somebody else's does the listening, so the sender's address is looked at with each request.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from modelyard.bootstrap import open_yard
from modelyard.config import Settings
from modelyard.delivery.serving import Backends
from modelyard.domain.permissions import LOCAL
from modelyard.errors import NotServing, PermissionDenied, RegistryUnusable
from modelyard.mlflow.fetching import fetcher
from modelyard.runtimes.loop import LoopThread
from modelyard.server.auth import PRINCIPAL, Guard, is_loopback
from modelyard.server.background import Background
from modelyard.server.identity import Doorkeeper, Found
from modelyard.server.messages import Scope
from modelyard.server.mlflow import MlflowRoutes
from modelyard.server.predictions import Predictions
from modelyard.server.service import Service
from modelyard.server.traffic import Counts
from modelyard.telemetry.totals import Totals
from modelyard.watch.exporter import Exporter

Result = TypeVar("Result")


class SharedCounts(Counts):
    """Counts of requests that many threads answer."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request, from any thread."""
        with self._lock:
            super().count(method, route, status, seconds)

    def take(self) -> Totals:
        """Take away what was counted, from any thread."""
        with self._lock:
            return super().take()


class Site:
    """A registry as a WSGI process serves it.

    Args:
        settings: which registry, and how; as for `modelyard serve`.
        host: the address that the WSGI server listens on, where it is not `server.host`.
        insecure: whether other machines are answered although everyone there is an administrator.
        fleet: what runs versions, instead of worker processes and providers.

    Raises:
        PermissionDenied: the address is not this machine's alone, and neither `insecure` nor `auth.enabled` is set.
        RegistryUnusable: the registry cannot be opened.
    """

    def __init__(
        self, settings: Settings, *, host: str | None = None, insecure: bool = False, fleet: Backends | None = None
    ) -> None:
        host = settings["server.host"] if host is None else host
        self._asks: bool = settings["auth.enabled"]
        self._local_only = not (self._asks or insecure)
        if self._local_only and not is_loopback(host):
            raise PermissionDenied(
                f"{host} can be reached from other machines, and everyone who reaches this server is its administrator",
                hint="set auth.enabled, or pass insecure=True if the network is trusted",
            )
        self.yard = open_yard(settings, expose_paths=False)
        self.service = Service(self.yard, settings, cache_bytes=0)
        self.counts = SharedCounts()
        self.most_streams: int = settings["server.max_event_streams"]
        self._background = Background(self.yard, settings, self.service, fleet)
        self.delivery = self._background.delivery
        self.predictions = Predictions(self.service, self.delivery)
        self.mlflow = MlflowRoutes(self.service, fetcher(self.yard, settings["mlflow.tracking_uri"]))
        most = settings["telemetry.prometheus_series"]
        self.exporter = Exporter(self.yard, self.delivery, self._background.tally, self.counts.take, most=most)
        self._guard = Guard(host)
        self._doorkeeper = Doorkeeper(self.service, asks=self._asks)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._loop: LoopThread | None = None
        self._is_closed = False

    def start(self) -> None:
        """Begin to serve endpoints, drive deployments and send what waits; harmless when repeated.

        Raises:
            NotServing: it was closed.
            RegistryUnusable: the registry was opened by another process, which then forked.
        """
        if os.getpid() != self._process:
            raise RegistryUnusable(
                "the registry was opened before the web server made its worker processes",
                hint="let each worker make the application: with gunicorn, leave out --preload",
            )
        with self._lock:
            if self._is_closed:
                raise NotServing("this process no longer serves the registry", hint="restart the web server")
            if self._loop is None:
                self._loop = LoopThread("modelyard-flask")
                self._loop.run(self._begin())
                _before_threads_end(self.close)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run something in the loop that serves endpoints, and wait for it.

        Raises:
            NotServing: there is no loop yet, or no longer.
        """
        # Another thread may be closing it all.
        loop = self._loop
        if loop is None:
            work.close()
            raise NotServing("this process does not serve the registry", hint="repeat the request in a moment")
        try:
            return loop.run(work)
        except CancelledError:
            raise NotServing("this process stops serving the registry", hint="repeat the request in a moment") from None

    def enter(self, scope: Scope) -> None:
        """Let a request in, and note in its head who sent it.

        Raises:
            PermissionDenied: it is not for this server, or comes from where nobody is trusted.
        """
        self.start()
        address = scope["client"]
        if self._local_only and address and not is_loopback(address):
            raise PermissionDenied(
                "the request comes from another machine, and nobody has to prove who they are here",
                hint="set auth.enabled, or make the blueprint with insecure=True if the network is trusted",
            )
        self._guard.check(scope)
        scope[PRINCIPAL] = self.find(scope)

    def find(self, scope: Scope) -> Found:
        """Who sent a request, or the error for those who did not prove it."""
        return self.run(self._doorkeeper.find(scope)) if self._asks else LOCAL

    @property
    def is_ending(self) -> bool:
        """Whether what lasts should come to its end."""
        return self.service.ending.is_set()

    def close(self) -> None:
        """End all of it and close the database; harmless when repeated."""
        with self._lock:
            if self._is_closed or os.getpid() != self._process:
                return
            self._is_closed = True
            loop, self._loop = self._loop, None
        self.service.ending.set()
        self._background.interrupt()
        if loop is not None:
            loop.run(self._end())
            loop.close()
        self._background.close()
        self.exporter.shut()
        self.service.close()

    async def _begin(self) -> None:
        await self._background.start()
        self.exporter.start()

    async def _end(self) -> None:
        await self.delivery.close()
        await self.exporter.close()


def _before_threads_end(close: Any) -> None:
    """Call something when the interpreter ends, while pools of threads still take work; `atexit` comes too late."""
    threading._register_atexit(close)  # type: ignore[attr-defined]  # noqa: SLF001 - it is what pools themselves use
