"""A server that predicts: real sockets, a real database, and versions that are played in the server's process.

Routes are written as use cases write them, row by row, so that a test says exactly what changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2

from components.backends import Fleet, Scripted
from components.templates import prepared
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller, open_yard
from modelyard.config import load
from modelyard.domain.wire.delivery import Arm, EndpointConfiguration, Route, Rule
from modelyard.metadata import endpoints, models
from modelyard.metadata.database import known
from modelyard.server.app import create_app
from modelyard.server.serve import Server, bind, configuration, url_of

AT = "2026-03-01T12:00:00.000000Z"


class Predicting:
    """A registry behind a server, with endpoints.

    Attributes:
        caller: the registry, from behind.
        fleet: what plays the versions; real workers where `workers` was asked for.
        client: a client of the server.
        ids: version → its id, of the model that was registered last.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str = "",
        *,
        workers: bool = False,
        broken: str = "",
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        given = {"registry.path": str(folder), "cache.path": str(folder.parent / "cache"), **(overrides or {})}
        if database_url:
            given["database.url"] = database_url
        prepared(folder, database_url)
        self.settings = load(environ={}, working_folder=folder.parent, overrides=given)
        yard = open_yard(self.settings, expose_paths=False)
        self.caller = EmbeddedCaller(yard)
        self.fleet = Fleet()
        self.fleet.broken[broken] = "its files are damaged"
        self.app = create_app(yard, self.settings, fleet=None if workers else self.fleet)
        listener = bind("127.0.0.1", 0)
        self.url = url_of("127.0.0.1", listener)
        ready = Event()
        self._server = Server(configuration(self.app), on_ready=ready.set, on_end=self.app.interrupt)
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        assert ready.wait(30)
        self.client = httpx2.Client(base_url=self.url, timeout=60, verify=False)
        self.ids: dict[str, str] = {}

    def version(self, version: str, name: str = "fraud", **fields: Any) -> str:
        """Register a version of a model; gives its id."""
        made = register(self.caller, name, content=version.encode(), version=version, **fields)
        self.ids[version] = made.id
        return made.id

    def route(
        self,
        weights: dict[str, float],
        *,
        name: str = "fraud",
        environment: str = "production",
        shadow: Iterable[str] = (),
        warm: Iterable[str] = (),
        rules: Iterable[Rule] = (),
        **fields: Any,
    ) -> int:
        """Write the next route of an endpoint, which is made if need be; gives the epoch.

        `fields` are those of the configuration, where it changes.
        """
        yard = self.caller.yard
        with yard.database.write() as tx:
            row = endpoints.by_name(tx, name, environment)
            if row is None:
                model = known(models.by_name(tx, name))
                made = {"id": f"ep_{name}_{environment}", "model_id": model.id, "environment": environment}
                endpoints.add(tx, {**made, "kind": "cloud", "at": AT}, EndpointConfiguration())
                row = known(endpoints.by_name(tx, name, environment))
            if fields:
                endpoints.configure(tx, row.id, EndpointConfiguration(**fields), AT)
            route = Route(
                epoch=row.epoch + 1,
                deployment_id=f"dp_{row.epoch + 1}",
                salt="salt",
                arms=[self._arm(version, weight) for version, weight in weights.items()],
                shadow=[self._arm(version, 1.0) for version in shadow],
                warm=[self.ids[version] for version in warm],
                rules=list(rules),
            )
            assert endpoints.reroute(tx, row, route, cause="test", at=AT)
        return route.epoch

    def serve(self, weights: dict[str, float], **how: Any) -> int:
        """Write the next route, and wait until it is followed; gives the epoch."""
        epoch = self.route(weights, **how)
        self.follow(epoch, name=how.get("name", "fraud"), environment=how.get("environment", "production"))
        return epoch

    def follow(self, epoch: int, *, name: str = "fraud", environment: str = "production") -> None:
        """Wait until requests to an endpoint enter an epoch."""
        waiting = self.app.delivery.follower.reached(f"ep_{name}_{environment}", epoch, 60)
        assert self.in_server(waiting), f"epoch {epoch} is not followed"

    def in_server(self, work: Any) -> Any:
        """Run a coroutine in the server's loop."""
        loop = self.app.delivery._loop
        assert loop is not None
        return asyncio.run_coroutine_threadsafe(work, loop).result(90)

    def backend(self, version: str) -> Scripted:
        """What plays a version."""
        found = self.fleet.running[self.ids[version]]
        assert isinstance(found, Scripted)
        return found

    def hold(self, version: str, *, back: bool) -> None:
        """Hold a version's answers back, or let them go."""
        gate = self.backend(version).gate

        async def turn() -> None:
            gate.clear() if back else gate.set()

        self.in_server(turn())

    def predict(self, body: Any = None, *, name: str = "fraud", **how: Any) -> httpx2.Response:
        """Ask for a prediction."""
        return self.client.post(f"/api/models/{name}/predict", json=body or {"input": [[1]]}, **how)

    def stop(self) -> None:
        """End the server; returns when it has closed the registry."""
        self.client.close()
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _arm(self, version: str, weight: float) -> Arm:
        return Arm(version_id=self.ids[version], version=version, weight=weight)
