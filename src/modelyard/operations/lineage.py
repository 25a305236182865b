"""Where versions come from, what uses an input, and how a metric went along the way."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class WalkLineage:
    """A version, and how far to walk from it: up to what it was made from, down to what was made from it."""

    reference: str
    up: bool = True
    down: bool = True
    depth: int | None = None
    """Edges between the version and the farthest nodes; all of them where it is left out."""


@dataclass(frozen=True, kw_only=True)
class UsedBy:
    """An input by its kind and its name, or by the beginning of its name: `payments-*`.

    A plain name stands for all versions of the input too: `payments` finds `payments@3`.
    """

    kind: str
    name: str
    live: bool = True
    """Only versions that are live: in an exclusive stage (production), under an alias, or with traffic."""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class ListRefs:
    """Which inputs versions name: of one kind, and with names of one beginning, where they are given."""

    kind: str = ""
    name: str = ""
    """A name, or its beginning with `*` behind it."""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A version and a metric; `across` is `line` (its ancestors) or `versions` (all of its model)."""

    reference: str
    metric: str
    across: str = "line"
    direction: str = ""
    """`higher` or `lower`, for metrics whose direction modelyard does not know."""


LINEAGE_GRAPH = Operation(
    "lineage_graph", "GET", "/api/models/{reference}/lineage-graph", "version.read", WalkLineage, wire.LineageGraph,
    "Show what a version was made from, and what was made from it, as nodes and edges",
)  # fmt: skip
USED_BY = Operation(
    "used_by", "GET", "/api/lineage/used-by", "version.read", UsedBy, wire.LineageUsePage,
    "List the versions that name a dataset, a feature, a commit or a run",
)  # fmt: skip
LINEAGE_REFS = Operation(
    "lineage_refs", "GET", "/api/lineage/refs", "version.read", ListRefs, wire.LineageRefPage,
    "List the datasets, features, commits and runs that versions name",
)  # fmt: skip
TREND = Operation(
    "trend", "GET", "/api/models/{reference}/trend", "version.read", Trend, wire.TrendRecord,
    "Follow a metric along a version's ancestors, or along all versions of its model",
)  # fmt: skip
