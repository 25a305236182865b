"""Where versions come from: the line of ancestors, the graph of inputs, who uses an input, and metrics along the way.

Rules
- The line of a version follows the parent that it names, else the version of its model that was registered before it.
  A parent that was deleted ends the line.
- What belongs to a model that the caller may not see is left out, and ends lines and walks.
- The graph follows named parents only, through deleted ones too; see `modelyard.domain.lineage`.
- A version is live where it stands in a stage that its graph calls exclusive (production, unless a graph says
  otherwise), be it its own stage or one of an environment, under an alias, or where an endpoint gives it traffic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, TypedDict

import msgspec
from sqlalchemy import Row

from modelyard.domain.directions import direction
from modelyard.domain.inputs import KINDS, Inputs, check_kind, input_name, inputs_of
from modelyard.domain.lineage import UNLIMITED, VERSION, Nodes, neighbourhood
from modelyard.domain.names import metric_name, shown
from modelyard.domain.paging import check_limit, key_of, token_after
from modelyard.domain.trend import ACROSS, LINE, trend, value_of
from modelyard.domain.wire import (
    LineageGraph,
    LineageNode,
    LineageRef,
    LineageRefPage,
    LineageUse,
    LineageUsePage,
    TrendPoint,
    TrendRecord,
    VersionPage,
)
from modelyard.errors import InvalidMetric, InvalidRequest
from modelyard.metadata import aliases, placements
from modelyard.metadata import lineage as index
from modelyard.metadata.models import BATCH
from modelyard.operations import (
    LINEAGE,
    LINEAGE_GRAPH,
    LINEAGE_REFS,
    TREND,
    USED_BY,
    ListRefs,
    Named,
    Trend,
    UsedBy,
    WalkLineage,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find, records
from modelyard.registry.serving import served_anywhere, shares_of_versions

LONGEST = 10_000
"""Versions in one line, and in each direction of one graph."""

STRETCH = 500
"""Versions that are fetched at once where a line follows the numbers of a model."""

SHOWN = 10
"""Metrics that a refusal lists."""

ANY_NUMBER = (1 << 31) - 1
"""A number that no version reaches."""


class _Told(TypedDict, total=False):
    """The parts of a metadata document that lineage reads; the rest is not even decoded."""

    training_data: str
    data_version: str
    feature_version: str
    code_version: str
    training_run_id: str
    data_lineage: dict[str, Any]
    created_by: str
    training_timestamp: str


class _Measured(TypedDict, total=False):
    """The parts of a metadata document that trends read."""

    metrics: dict[str, float]
    validation_metrics: dict[str, float]
    training_metrics: dict[str, float]


_told = msgspec.json.Decoder(_Told)
_measured = msgspec.json.Decoder(_Measured)


@serves(LINEAGE)
def lineage(context: Context, request: Named) -> VersionPage:
    """Return a version's line, the oldest first and the version itself last."""
    return VersionPage(versions=records(context, _line(context, find(context, request.reference))[::-1]))


@serves(LINEAGE_GRAPH)
def lineage_graph(context: Context, request: WalkLineage) -> LineageGraph:
    """Return what a version was made from, and what was made from it, as nodes and edges.

    Raises:
        InvalidRequest: the depth is negative.
    """
    if request.depth is not None and request.depth < 0:
        raise InvalidRequest(f"depth is {request.depth}, which is less than 0", hint="1 shows the nearest nodes")
    root = find(context, request.reference)
    depth = UNLIMITED if request.depth is None else request.depth
    walk = {"depth": min(depth, LONGEST), "limit": LONGEST + 1}
    above = index.parents(context.tx, root.id, **walk) if request.up else [root.id]
    below = index.children(context.tx, root.id, **walk) if request.down else []
    truncated = max(len(above), len(below)) > LONGEST
    found = _nodes(context, above[:LONGEST], below[:LONGEST])
    return neighbourhood(found, root.id, up=request.up, down=request.down, depth=depth, truncated=truncated)


@serves(USED_BY)
def used_by(context: Context, request: UsedBy) -> LineageUsePage:
    """Return a page of the versions that name an input, and by what those are live that are.

    Raises:
        InvalidRequest: there is no such kind of inputs, or the name is none.
    """
    limit, kind, name = check_limit(request.limit), check_kind(request.kind), _searched(request.name)
    if not name:
        raise InvalidRequest(f"{shown(request.name)} names no {kind}", hint="give a name, or its beginning and *")
    number, last = _key(request.page_token, "0")
    if not number.isdecimal():
        raise _no_token(request.page_token)
    matching = _matching(context, kind, name, after=(last, int(number)), only_live=request.live, batch=limit + 1)
    found = list(islice(matching, limit + 1))
    token = ""
    if len(found) > limit:
        row = found[limit - 1][0]
        token = token_after(f"{row.seq}:{row.input}")
    return LineageUsePage(uses=[use for _row, use in found[:limit]], next_page_token=token)


@serves(LINEAGE_REFS)
def lineage_refs(context: Context, request: ListRefs) -> LineageRefPage:
    """Return a page of the inputs that versions name, by kind and name."""
    limit = check_limit(request.limit)
    kinds = [check_kind(request.kind)] if request.kind else list(KINDS)
    after = _key(request.page_token, "")
    name, seen = _searched(request.name) or "*", context.models
    rows = index.refs(context.tx, kinds, name, after=after, limit=limit + 1, seen=seen)
    refs = [LineageRef(kind=row.kind, name=row.name, versions=row.versions) for row in rows[:limit]]
    token = token_after(f"{refs[-1].kind}:{refs[-1].name}") if len(rows) > limit else ""
    return LineageRefPage(refs=refs, next_page_token=token)


@serves(TREND)
def metric_trend(context: Context, request: Trend) -> TrendRecord:
    """Return the values of a metric along a version's line, or along all versions of its model.

    Raises:
        InvalidRequest: `across` or the direction is another word.
        InvalidMetric: no version there has the metric.
    """
    metric = metric_name(request.metric)
    _one_of("across", request.across, ACROSS)
    way = _one_of("direction", request.direction, ("higher", "lower")) if request.direction else direction(metric) or ""
    row = find(context, request.reference)
    if request.across == LINE:
        rows = _line(context, row)
    else:
        rows = list(index.earlier(context.tx, row.model_id, ANY_NUMBER, LONGEST + 1))
    points = [_point(row, metric) for row in rows[:LONGEST][::-1]]
    if all(point.value is None for point in points):
        there = dict.fromkeys(shown(name) for row in rows for name in _measured.decode(row.document).get("metrics", {}))
        hint = f"recorded are {', '.join(list(there)[:SHOWN])}" if there else "no metrics are recorded there"
        raise InvalidMetric(f"no version there has the metric {shown(request.metric)}", hint=hint)
    record = trend(points, metric=metric, model=row.name, across=request.across, way=way)
    return replace(record, truncated=len(rows) > LONGEST)


def _line(context: Context, row: Row[Any]) -> list[Row[Any]]:
    """Return a version's line, itself first."""
    line, seen, grown = [row], {row.id}, True
    while grown and len(line) < LONGEST:
        grown = False
        for before in _before(context, line[-1], LONGEST - len(line)):
            if before.id in seen or not _may_see(context, before.name):
                return line
            seen.add(before.id)
            line.append(before)
            grown = True
    return line


def _before(context: Context, row: Row[Any], most: int) -> Iterator[Row[Any]]:
    """Yield what comes before a version, as far as one query tells."""
    if row.parent_id is None:
        for earlier in index.earlier(context.tx, row.model_id, row.number, min(most, STRETCH)):
            yield earlier
            if earlier.parent_id is not None:
                return
        return
    ids = index.parents(context.tx, row.id, depth=most, limit=most + 1)[1:]
    rows = index.by_ids(context.tx, ids)
    for key in ids:
        if rows[key].deleted_at is not None:
            return
        yield rows[key]


def _nodes(context: Context, above: Sequence[str], below: Sequence[str]) -> Nodes:
    """Read versions; those above with what they were made from."""
    with_inputs, ids = set(above), list(dict.fromkeys([*above, *below]))
    rows = {key: row for key, row in index.by_ids(context.tx, ids).items() if _may_see(context, row.name)}
    served = shares_of_versions(context, (row.model_id for row in rows.values()))
    actors = index.registered_by(context.tx, ids)
    names = _aliases(context, ids)
    found = Nodes()
    for key in (key for key in ids if key in rows):
        row = rows[key]
        told = _told.decode(row.document)
        node = LineageNode(
            id=key,
            kind=VERSION,
            name=f"{row.name}/{row.version}",
            model=row.name,
            version=row.version,
            number=row.number,
            stage=row.stage,
            aliases=names.get(key, []),
            created_by=told.get("created_by", ""),
            trained_at=told.get("training_timestamp", ""),
            registered_by=actors.get(key, ""),
            registered_at=row.created_at,
            deprecated=row.deprecation is not None,
            serving=served.get(key, {}),
            deleted=row.deleted_at is not None,
        )
        parent = row.parent_id if row.parent_id in rows else None
        found.add(node, parent, inputs_of(told) if key in with_inputs else Inputs())
    return found


def _aliases(context: Context, ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start in range(0, len(ids), BATCH):
        found |= aliases.of_versions(context.tx, ids[start : start + BATCH])
    return found


def _matching(
    context: Context, kind: str, name: str, *, after: tuple[str, int], only_live: bool, batch: int
) -> Iterator[tuple[Row[Any], LineageUse]]:
    """Yield the versions that name an input, batch after batch: of those the database takes for live, some are not.

    A stage may be exclusive in the graph of one model, and not in another's.
    """
    live = None
    if only_live:
        stages = [str(stage) for graph in context.graphs.every for stage in graph.exclusive]
        live = index.Live(stages=stages, version_ids=served_anywhere(context))
    while True:
        rows = index.uses(context.tx, kind, name, after=after, limit=batch, live=live)
        for row, use in zip(rows, _uses(context, kind, rows), strict=True):
            if (use.live or not only_live) and _may_see(context, row.name):
                yield row, use
        if len(rows) < batch:
            return
        after = (rows[-1].input, rows[-1].seq)


def _uses(context: Context, kind: str, rows: Sequence[Row[Any]]) -> list[LineageUse]:
    names = aliases.of_versions(context.tx, [row.id for row in rows])
    placed = placements.of_versions(context.tx, [row.seq for row in rows])
    served = shares_of_versions(context, (row.model_id for row in rows))
    return [
        _use(context, kind, row, _Live(names.get(row.id, []), placed.get(row.seq, {}), served.get(row.id, {})))
        for row in rows
    ]


class _Live(NamedTuple):
    """What makes a version live, beside its own stage."""

    names: Sequence[str]
    environments: Mapping[str, str]
    serving: Mapping[str, float]


def _use(context: Context, kind: str, row: Row[Any], by: _Live) -> LineageUse:
    exclusive = context.graphs.of(row.model_id).exclusive
    live_as = [f"stage {row.stage}"] if row.stage in exclusive else []
    live_as += [f"stage {stage} ({where})" for where, stage in by.environments.items() if stage in exclusive]
    live_as += [f"alias {name}" for name in by.names]
    live_as += [f"{100 * share:.4g} % of {where}" for where, share in sorted(by.serving.items())]
    return LineageUse(
        id=row.id,
        name=row.name,
        version=row.version,
        number=row.number,
        stage=row.stage,
        kind=kind,
        input=row.input,
        aliases=list(by.names),
        environments=dict(by.environments),
        serving=dict(by.serving),
        live=bool(live_as),
        live_as=live_as,
        deprecated=row.deprecation is not None,
        registered_at=row.created_at,
    )


def _point(row: Row[Any], metric: str) -> TrendPoint:
    return TrendPoint(
        id=row.id,
        name=row.name,
        version=row.version,
        number=row.number,
        stage=row.stage,
        registered_at=row.created_at,
        value=value_of(_measured.decode(row.document), metric),
    )


def _may_see(context: Context, model: str) -> bool:
    """Whether who asks may see versions of a model; those of others are left out, as if they were not there."""
    return context.principal.allows(context.permission, model)


def _searched(text: str) -> str:
    """Return what to search for, as names are stored: a name, or the beginning of one with `*` behind it."""
    start = text.rstrip()
    if not start.endswith("*"):
        return input_name(start)
    return f"{input_name(start[:-1])}*"


def _key(token: str, default: str) -> tuple[str, str]:
    """Return the two parts of a page token's key."""
    key = key_of(token, str)
    first, separator, second = (default, ":", "") if key is None else str(key).partition(":")
    if not separator:
        raise _no_token(token)
    return first, second


def _no_token(token: str) -> InvalidRequest:
    return InvalidRequest(f"the page token {token[:80]!r} is not valid", hint="pass next_page_token back as it came")


def _one_of(what: str, value: str, words: Sequence[str]) -> str:
    if value not in words:
        raise InvalidRequest(f"{what} is {shown(value)}", hint=f"it is {' or '.join(words)}")
    return value
