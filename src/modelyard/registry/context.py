"""What a use case works with: the parts of a yard, and the context of one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.evidence import Finding
from modelyard.domain.graph import StageGraph
from modelyard.domain.permissions import Principal
from modelyard.domain.posting import Reply
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import EndpointConfiguration, FileRecord
from modelyard.errors import ModelyardError
from modelyard.metadata import journal
from modelyard.metadata.database import Database, Transaction
from modelyard.metadata.vault import Vault
from modelyard.registry.extensions import CustomGate, TestCommands
from modelyard.registry.graphs import Graphs


class Courier(Protocol):
    """Posts JSON to places outside; `modelyard.outside.outbound` has the real one."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, listen: bool = False) -> Reply:
        """Post and wait for the answer, of which the beginning is read where `listen`; never raises for the way."""

    def check_place(self, host: str) -> None:
        """Refuse a host that is written as an address which may not be reached.

        Raises:
            InvalidRequest: it is one.
        """


SEEING = "version.read"
"""The permission without which the versions of a model are not there, for whoever does not have it."""


class Views(Protocol):
    """Knows where people find a version's files, and looks after the readable tree where the store has one."""

    writes: bool
    """Whether there is a tree to look after."""

    def refresh(self, model: str, version: str) -> None:
        """Make the tree of one version what the database says: write, rewrite or remove it."""

    def locate(self, model: str, version: str, files: Sequence[FileRecord]) -> str | None:
        """Return where a version's files are: its only file, or its folder; None where they have no single place."""


class Engine(Protocol):
    """Starts and probes versions, in this process or for it; `modelyard.delivery.engine` has the real one."""

    def preflight(
        self, version_id: str, configuration: EndpointConfiguration, probes: int
    ) -> Sequence[tuple[bool, float, str]]:
        """Start a version and probe it that many times: whether it answered, in how many seconds, and what was wrong.

        Raises:
            ModelyardError: it cannot be started.
        """

    def probe(self, version_id: str) -> tuple[bool, float, str] | None:
        """Probe a version that runs; None where it does not run here."""

    def applied(self, endpoint_id: str) -> int | None:
        """The epoch that this process serves of an endpoint; None where it serves none."""

    def fault(self, endpoint_id: str) -> str:
        """Why this process cannot serve an endpoint as its route says; empty where it can."""


@dataclass
class EngineSlot:
    """Where a yard's engine is found: a server puts its own there, and others get one when they first ask."""

    make: Callable[[], Engine] | None = None
    current: Engine | None = None

    def get(self) -> Engine | None:
        """Return the engine; None where this process runs nothing."""
        if self.current is None and self.make is not None:
            self.current = self.make()
        return self.current


@dataclass(frozen=True, kw_only=True)
class Yard:
    """The real parts that use cases run on; `modelyard.bootstrap` puts them together.

    `clock` returns the moment as `2026-03-01T12:00:00.000000Z`, `new_id` a fresh id with the given prefix.
    """

    database: Database
    store: ArtifactStore
    graph: StageGraph
    default_stage: ModelStage
    clock: Callable[[], str]
    new_id: Callable[[str], str]
    views: Views
    gates: Mapping[str, CustomGate] = field(default_factory=dict)
    """Gates that were added to modelyard's own, by the name of their requirement."""
    commands: TestCommands = field(default_factory=TestCommands)
    """What runs the tests that a move may need."""
    llm_models: Mapping[str, str] = field(default_factory=dict)
    """Kind of provider → the model that it runs where a version names none."""
    engine: EngineSlot = field(default_factory=EngineSlot)
    """What runs versions."""
    vault: Vault = field(default_factory=Vault)
    """What seals the secrets of webhooks."""
    courier: Courier | None = None
    """What webhooks are tried out with."""
    forwards: tuple[str, ...] = ()
    """The tracking systems that versions are sent on to."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What modules keep in memory of what they computed, each under a key of its own; nobody depends on it."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One request: its transaction, who asks, and the moment that everything it changes happens at."""

    yard: Yard
    tx: Transaction
    principal: Principal
    now: str
    permission: str = ""
    """What the operation takes of its model; where it is left out, only who may do everything finds a model."""
    stale_views: list[int] = field(default_factory=list)
    """Notes of trees to refresh once the transaction has been committed."""
    findings: Mapping[str, Finding] = field(default_factory=dict)
    """What was found out before the transaction began; see `modelyard.registry.gating`."""
    refusals: list[ModelyardError] = field(default_factory=list)
    """What to raise after the commit: a refusal that is itself a fact on record."""

    @property
    def actor(self) -> str:
        """The name of who asks, as it stands in events."""
        return self.principal.name

    @property
    def models(self) -> tuple[str, ...]:
        """Patterns of the models that the operation may show to who asks; `*` alone for all."""
        return self.principal.models(self.permission)

    def tell(
        self, *, model_id: str, kind: str, version_id: str | None = None, data: Mapping[str, Any] | None = None
    ) -> int:
        """Append an event of this request to a model's chain, whose lock is held; return its place there."""
        return journal.append(
            self.tx,
            model_id=model_id,
            kind=kind,
            at=self.now,
            actor=self.actor,
            version_id=version_id,
            data=dict(data or {}),
        )

    def require(self, permission: str, model: str = "", target: str = "") -> None:
        """Refuse what who asks may not do; arguments as in `Principal.allows`.

        Raises:
            PermissionDenied: naming the permission that is missing.
        """
        self.principal.require(permission, model, target)

    def sees(self, model: str) -> bool:
        """Whether who asks may know that something of a model is there."""
        return self.principal.allows(SEEING, model) or self.principal.allows(self.permission, model)

    @cached_property
    def graphs(self) -> Graphs:
        """The stage graphs that hold at this moment."""
        return Graphs(self.tx, self.yard.graph)
