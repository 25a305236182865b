"""Records of where versions come from, what was made of them, and how a metric went along the way."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class LineageNode:
    """A version, or something that versions were made from.

    The id of a version is its own; that of an input is its kind and name: `dataset:payments-2026-03`.
    """

    id: str
    kind: str
    """`version`, `dataset`, `feature`, `code` or `run`."""
    name: str
    """What people call it; `fraud/1.2.0` for a version."""
    model: str = ""
    version: str = ""
    number: int = 0
    stage: str = ""
    aliases: list[str] = field(default_factory=list)
    created_by: str = ""
    """Who trained it, as they said."""
    trained_at: str = ""
    registered_by: str = ""
    """Who registered it, as the event says."""
    registered_at: str = ""
    deprecated: bool = False
    serving: dict[str, float] = field(default_factory=dict)
    """Environment → the version's share of the traffic there, above 0 and up to 1."""
    deleted: bool = False
    """It was deleted; only that it existed, and what it was made from, is still known."""
    facts: dict[str, str] = field(default_factory=dict)
    """What else is known of an input: where a dataset lies (`source`), its `version`."""


@dataclass(frozen=True, kw_only=True)
class LineageEdge:
    """`source` was made from `target`; `relation` is `parent`, or the kind of the target."""

    source: str
    target: str
    relation: str
    note: str = ""
    """`uncommitted changes`, where a version was made from more than the commit of its code."""


@dataclass(frozen=True, kw_only=True)
class LineageGraph:
    """The neighbourhood of a version: each node once, `root` first, then by distance."""

    root: str
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool = False
    """There is more than one answer holds; a depth narrows it."""


@dataclass(frozen=True, kw_only=True)
class LineageUse:
    """A version that names an input; where it is live, `live_as` tells by what."""

    id: str
    name: str
    version: str
    number: int
    stage: str
    kind: str
    input: str
    """The input's name as the version has it."""
    aliases: list[str] = field(default_factory=list)
    environments: dict[str, str] = field(default_factory=dict)
    """Environment → the stage that the version has there."""
    serving: dict[str, float] = field(default_factory=dict)
    """Environment → the version's share of the traffic there, above 0 and up to 1."""
    live: bool = False
    live_as: list[str] = field(default_factory=list)
    """Such as `stage production`, `stage eu-production (eu)`, `alias champion` and `25 % of production`.

    One of them makes a version live.
    """
    deprecated: bool = False
    registered_at: str = ""


@dataclass(frozen=True, kw_only=True)
class LineageUsePage:
    """A page of versions that name an input, by the input's name and then in the order of their registration."""

    uses: list[LineageUse]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class LineageRef:
    """An input that versions name, and how many versions do."""

    kind: str
    name: str
    versions: int


@dataclass(frozen=True, kw_only=True)
class LineageRefPage:
    """A page of inputs, by kind and name."""

    refs: list[LineageRef]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """A version and its value of a metric; `delta` is the change since the last version that has a value."""

    id: str
    name: str
    version: str
    number: int
    stage: str
    registered_at: str
    value: float | None = None
    delta: float | None = None
    change: str = ""
    """`better`, `worse` or `same` than that version; empty where nothing tells."""


@dataclass(frozen=True, kw_only=True)
class TrendRecord:
    """A metric along a version's line of ancestors, or along all versions of its model; the oldest first."""

    metric: str
    model: str
    across: str
    """`line` or `versions`."""
    direction: str
    """`higher` or `lower`: which values are better; empty where that is not known."""
    points: list[TrendPoint]
    first: float | None = None
    last: float | None = None
    best: str | None = None
    """The id of the version with the best value; None where the direction is not known."""
    trend: str = ""
    """`better`, `worse` or `same`: the last value against the first; empty where nothing tells."""
    truncated: bool = False
    """Older versions were left out."""
