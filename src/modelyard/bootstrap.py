"""The composition root: settings become real parts, and nowhere else.

`EmbeddedCaller` runs operations on those parts in the caller's own process; its twin over HTTP is
`modelyard.client.remote.RemoteCaller`.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, TypeVar

from modelyard.artifacts.fetch import Progress
from modelyard.artifacts.layout import BLOBS
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.store import ArtifactStore
from modelyard.artifacts.tree import ingest, restore
from modelyard.config import Settings, database_url, store_url
from modelyard.delivery import deploying, deployments, endpoints, explaining, guard, rollback, snapshots
from modelyard.delivery.embedded import Plant
from modelyard.domain.graph import StageGraph, default_graph, normalise_stage
from modelyard.domain.ids import ENTROPY_BYTES, new_id
from modelyard.domain.parameters import LLMS
from modelyard.domain.permissions import Principal, local
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import DeploymentRecord, EventRecord, VersionRecord
from modelyard.errors import InvalidConfig, NotServing, RegistryCorrupt
from modelyard.metadata import schema
from modelyard.metadata.database import Database
from modelyard.metadata.vault import FILE as KEY_FILE
from modelyard.metadata.vault import Vault
from modelyard.operations import (
    DEPLOY,
    PREDICT,
    PROMOTE_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    ListEvents,
    Operation,
    RegisterVersion,
)
from modelyard.outside.outbound import Outbound
from modelyard.registry import (
    aliases,
    audit,
    care,
    catalog,
    comparison,
    copying,
    deprecation,
    describe,
    feed,
    forwards,
    lineage,
    outbox,
    policies,
    principals,
    promotions,
    publish,
    renaming,
    reports,
    retire,
    signatures,
    stages,
    testing,
    tokens,
    webhooks,
)
from modelyard.registry.context import Views, Yard
from modelyard.registry.dispatch import perform
from modelyard.registry.extensions import TestCommands, installed_gates
from modelyard.registry.fetch import opened
from modelyard.registry.following import follow
from modelyard.registry.graphs import Graphs
from modelyard.registry.trees import CloudPlaces, LocalViews
from modelyard.registry.views import settle_all
from modelyard.watch import alerts, feedback, metrics, profiles
from modelyard.watch.forwarding.sender import EmbeddedForwarder
from modelyard.watch.forwarding.targets import targets_of

Request = TypeVar("Request")
Response = TypeVar("Response")

USE_CASES = (
    alerts,
    aliases,
    audit,
    care,
    catalog,
    comparison,
    copying,
    deploying,
    deployments,
    deprecation,
    describe,
    endpoints,
    explaining,
    feed,
    feedback,
    forwards,
    guard,
    lineage,
    metrics,
    outbox,
    policies,
    principals,
    profiles,
    promotions,
    publish,
    renaming,
    reports,
    retire,
    rollback,
    signatures,
    snapshots,
    stages,
    testing,
    tokens,
    webhooks,
)
"""The modules whose use cases serve the operations table; importing them is what registers them."""

DRIVEN = frozenset({DEPLOY.name, PROMOTE_DEPLOYMENT.name, RESUME_DEPLOYMENT.name})
"""Operations after which a deployment may go on by itself."""

TEST_COMMANDS = {"default": "tests.command", "cloud": "tests.cloud.command", "edge": "tests.edge.command"}
"""Suite of tests → the setting of the command that runs it."""


def now() -> str:
    """Return the present moment as `2026-03-01T12:00:00.000000Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def fresh_id(prefix: str) -> str:
    """Return a new identifier."""
    return new_id(prefix, time.time_ns() // 1_000_000, secrets.token_bytes(ENTROPY_BYTES))


def open_yard(settings: Settings, *, expose_paths: bool = True) -> Yard:
    """Put the real parts together: open the database, migrate it, open the store, finish what a crash left undone.

    Args:
        settings: which database and which store.
        expose_paths: whether records tell absolute paths of files; a server tells paths relative to the registry.

    Raises:
        RegistryUnusable: the database or the store cannot serve.
    """
    database = Database(
        database_url(settings),
        pool_size=settings["database.pool_size"],
        busy_timeout=settings["database.busy_timeout_s"],
    )
    try:
        store = open_store(store_url(settings), compression=settings["storage.local.compression"])
        _refuse_lost_database(database, store)
        schema.ensure(database)
        graph = default_graph()
        yard = Yard(
            database=database,
            store=store,
            graph=graph,
            default_stage=_default_stage(database, graph, settings["registry.default_stage"]),
            clock=now,
            new_id=fresh_id,
            views=_views(database, store, store_url(settings), absolute=expose_paths),
            gates=installed_gates(),
            commands=_test_commands(settings),
            vault=_vault(settings, database),
            courier=Outbound(allow_private=settings["webhooks.allow_private"], timeout=settings["webhooks.timeout_s"]),
            llm_models={kind: settings[f"providers.{kind}.model"] for kind in LLMS},
            forwards=targets_of(settings),
        )
        settle_all(yard)
    except BaseException:
        database.close()
        raise
    return yard


def _refuse_lost_database(database: Database, store: ArtifactStore) -> None:
    """Refuse to open stored files with an empty database: the next collection would take them all for garbage."""
    # The files are looked for first: what another process puts in meanwhile comes after it has made the tables.
    has_files = store.root is not None and any(True for _ in store.backend.list(BLOBS))
    if has_files and schema.is_empty(database):
        raise RegistryCorrupt(
            f"{store.root} holds model files, but the database is empty: it was lost, or it is not theirs",
            hint="restore the database from a backup, or name the right one; the files are untouched",
        )


def _default_stage(database: Database, graph: StageGraph, text: str) -> ModelStage:
    """Return the stage of the setting. Where a registry has graphs of its own, they decide at each registration."""
    with database.read() as tx:
        if Graphs(tx, graph).rows:
            return ModelStage(text)
    stage = normalise_stage(graph, text)
    if not graph.can_start_in(stage):
        raise InvalidConfig(
            f"registry.default_stage is {stage}, where no version can start", hint=f"use {graph.initial}"
        )
    return stage


def _vault(settings: Settings, database: Database) -> Vault:
    """What seals secrets; processes on one SQLite file share its folder, and so a key file there."""
    file = database.path.resolve().parent / KEY_FILE if database.is_sqlite else None
    return Vault(str(settings["webhooks.secret_key"] or ""), file)


def _test_commands(settings: Settings) -> TestCommands:
    given = {suite: settings[name] for suite, name in TEST_COMMANDS.items()}
    try:
        commands = {suite: tuple(shlex.split(text)) for suite, text in given.items() if text}
    except ValueError as error:
        raise InvalidConfig(f"a command of tests cannot be read: {error}", hint="close every quote") from error
    return TestCommands(commands=commands, timeout_s=settings["tests.timeout_s"], folder=str(settings.working_folder))


def _views(database: Database, store: ArtifactStore, url: str, *, absolute: bool) -> Views:
    if store.root is None:
        return CloudPlaces(url)
    return LocalViews(database, store, store.root, absolute=absolute)


class EmbeddedCaller:
    """Runs operations in this process.

    Args:
        yard: the parts to run on; closed together with the caller.
        address: what the user named the registry by.
        actor: who is recorded in events.
        settings: what versions are run with; without them nothing is deployed or predicted in this process.
        principal: who asks; by default somebody of the actor's name who may do everything, as whoever can write the
            registry's files could anyway.
    """

    def __init__(
        self,
        yard: Yard,
        *,
        address: str = "",
        actor: str = "local",
        principal: Principal | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.yard, self.address, self.principal = yard, address, principal or local(actor)
        self._plant = Plant(yard, settings) if settings is not None else None
        self._forwarder = EmbeddedForwarder(yard, settings) if settings is not None and yard.forwards else None

    def call(self, operation: Operation[Request, Response], request: Request, *, idempotency_key: str = "") -> Response:
        """Run one operation; a deployment that it sets in motion is driven as far as it goes now."""
        answer = perform(self.yard, operation, request, principal=self.principal, idempotency_key=idempotency_key)
        if operation.mutates:
            self._nudge()
        if operation.name in DRIVEN and self._plant is not None and isinstance(answer, DeploymentRecord) and answer.id:
            return self._plant.drive(answer.id)  # type: ignore[return-value]  # the row's response is this record
        if operation.mutates and self._plant is not None:
            self._plant.settle()
        return answer

    def predict(self, name: str, body: bytes, environment: str, headers: Mapping[str, str]) -> bytes:
        """Answer a prediction in this process with the JSON that a server would send."""
        self.principal.require(PREDICT, name)
        if self._plant is None:
            raise NotServing("this registry was opened without settings and runs no versions")
        return self._plant.predict(name, body, environment, headers)

    def drive(self, deployment_id: str) -> bool:
        """Take a deployment on as far as it goes now, for somebody who waits for it."""
        if self._plant is not None:
            self._plant.drive(deployment_id)
        return self._plant is not None

    def upload(
        self, request: RegisterVersion, source: Path, *, progress: Progress | None = None, idempotency_key: str = ""
    ) -> VersionRecord:
        """Put a file or a folder into the store and register it as a version."""
        manifest = ingest(self.yard.store, source, progress)
        version = publish.publish(
            self.yard, request, manifest, principal=self.principal, idempotency_key=idempotency_key
        )
        self._nudge()
        return version

    def download(self, reference: str, target: Path, *, path: str = "", progress: Progress | None = None) -> list[Path]:
        """Write a version's files, or one of them, below a folder; each is verified before it appears."""
        fetched = opened(self.yard, reference, path=path, principal=self.principal)
        wanted = [fetched.entry] if path and fetched.entry is not None else fetched.manifest.files
        return restore(self.yard.store, wanted, target, progress)

    @contextmanager
    def folder(self, version: VersionRecord) -> Iterator[Path]:
        """A folder with all files of a version, verified, for as long as the block lasts."""
        with TemporaryDirectory(prefix="modelyard-") as folder:
            self.download(version.id, Path(folder))
            yield Path(folder)

    def follow(self, request: ListEvents) -> Generator[EventRecord]:
        """Yield events behind `request.after` as they happen, for ever."""
        return follow(self.yard, request, self.principal)

    def close(self) -> None:
        """End what was started, and close the database; what is to be sent on is waited for, for a while."""
        if self._forwarder is not None:
            self._forwarder.close()
        if self._plant is not None:
            self._plant.close()
        self.yard.database.close()

    def _nudge(self) -> None:
        """Have sent on what may have been queued."""
        if self._forwarder is not None:
            self._forwarder.nudge()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
