"""Stage graphs: which stages there are, which moves are legal, and what each of them needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain import wire
from modelyard.domain.contract import Operation
from modelyard.operations.registry import Empty, NamedModel


@dataclass(frozen=True, kw_only=True)
class SetGraph:
    """A stage graph for the registry, in the form that `modelyard.domain.graph` draws."""

    document: dict[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    """Check it and tell what would change, without changing it."""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class SetModelGraph(SetGraph):
    """A stage graph for one model, instead of the registry's."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ResetModelGraph:
    """A model that shall follow the registry's stage graph again."""

    name: str
    dry_run: bool = False
    if_match: int | None = None


_EXAMPLE = {"document": {"initial": "development", "moves": {"development": ["archived"], "archived": []}}}

GET_GRAPH = Operation(
    "get_graph", "GET", "/api/stage-graph", "policy.read", Empty, wire.GraphRecord,
    "Show the stage graph of the registry",
)  # fmt: skip
SET_GRAPH = Operation(
    "set_graph", "PUT", "/api/stage-graph", "policy.manage", SetGraph, wire.GraphRecord,
    "Set the stage graph of the registry", example=_EXAMPLE, everywhere=True,
)  # fmt: skip
GET_MODEL_GRAPH = Operation(
    "get_model_graph", "GET", "/api/models/{name}/stage-graph", "policy.read", NamedModel, wire.GraphRecord,
    "Show the stage graph that holds for a model",
)  # fmt: skip
SET_MODEL_GRAPH = Operation(
    "set_model_graph", "PUT", "/api/models/{name}/stage-graph", "policy.manage", SetModelGraph, wire.GraphRecord,
    "Give a model a stage graph of its own", example=_EXAMPLE,
)  # fmt: skip
RESET_MODEL_GRAPH = Operation(
    "reset_model_graph", "DELETE", "/api/models/{name}/stage-graph", "policy.manage", ResetModelGraph,
    wire.GraphRecord, "Let a model follow the registry's stage graph again",
)  # fmt: skip
