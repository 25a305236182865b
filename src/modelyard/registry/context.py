"""What a use case works with: the parts of a yard, and the context of one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.permissions import Principal
from modelyard.domain.stages import ModelStage, StageGraph
from modelyard.domain.wire import FileRecord
from modelyard.errors import ModelyardError
from modelyard.metadata.database import Database, Transaction


class Views(Protocol):
    """Knows where people find a version's files, and looks after the readable tree where the store has one."""

    writes: bool
    """Whether there is a tree to look after."""

    def refresh(self, model: str, version: str) -> None:
        """Make the tree of one version what the database says: write, rewrite or remove it."""

    def locate(self, model: str, version: str, files: Sequence[FileRecord]) -> str | None:
        """Return where a version's files are: its only file, or its folder; None where they have no single place."""


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


@dataclass(frozen=True, kw_only=True)
class Context:
    """One request: its transaction, who asks, and the moment that everything it changes happens at."""

    yard: Yard
    tx: Transaction
    principal: Principal
    now: str
    stale_views: list[int] = field(default_factory=list)
    """Notes of trees to refresh once the transaction has been committed."""
    refusals: list[ModelyardError] = field(default_factory=list)
    """What to raise after the commit: a refusal that is itself a fact on record."""

    @property
    def actor(self) -> str:
        """The name of who asks, as it stands in events."""
        return self.principal.name
