"""Where a version comes from, and how a metric went along the way, as pages that need nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from modelyard.domain.lineage import PARENT, VERSION
from modelyard.domain.lineage_text import Line, caption, outline
from modelyard.domain.wire import LineageGraph, LineageNode, TrendRecord
from modelyard.reports.markup import NOTHING, Html, element, escape, join, number
from modelyard.reports.page import Section, Series, bar, facts, line_plot, page, table
from modelyard.reports.style import LIGHT

_PLOT_STYLE = (
    f"svg{{background:{LIGHT['page']}}}text{{fill:{LIGHT['text']};font:12px system-ui,sans-serif}}"
    f".left{{text-anchor:end;dominant-baseline:middle}}.last{{text-anchor:end}}.grid{{stroke:{LIGHT['line']}}}"
    f"polyline{{fill:none;stroke:{LIGHT['c1']};stroke-width:2}}circle{{fill:{LIGHT['c1']}}}"
)


def lineage_page(graph: LineageGraph) -> str:
    """A version's lineage as a page: an outline, a table of the versions, and one of what they were made from."""
    lines = outline(graph)
    root = lines[0].node
    more = "There is more than this page holds; a depth narrows it." if graph.truncated else ""
    return page(
        f"Lineage of {root.name}",
        Section("Made from", _list([line for line in lines if not line.below], 0), note=more),
        Section("Made from it", _list([line for line in lines if line.below], 1)),
        Section("Versions", _versions(graph)),
        Section("Data, features, code and runs", _inputs(graph)),
        subtitle=f"{root.id}, registered {root.registered_at[:10]}",
        footer="Written by modelyard.",
    )


def trend_page(record: TrendRecord) -> str:
    """A metric from version to version as a page: a plot, and a table with the changes."""
    values = [point.value for point in record.points]
    known = {
        "higher": "higher is better",
        "lower": "lower is better",
    }.get(record.direction, "not known which is better")
    names = {point.id: f"{point.name}/{point.version}" for point in record.points}
    rows: list[Sequence[Html | str | float | None]] = [
        (
            names[point.id],
            point.stage,
            point.value,
            bar(point.value, values, best=point.id == record.best),
            "" if point.delta is None else f"{point.delta:+.6g}",
            "best" if point.id == record.best else point.change,
            point.registered_at[:10],
        )
        for point in record.points
    ]
    marked = [place for place, point in enumerate(record.points) if point.id == record.best]
    head = ("Version", "Stage", record.metric, "", "Change", "Which is", "Registered")
    summary = facts(
        (
            ("metric", f"{record.metric} ({known})"),
            ("first", record.first),
            ("last", record.last),
            ("last against first", record.trend),
            ("best", names.get(record.best or "", "")),
        )
    )
    return page(
        f"{record.metric} of {record.model}",
        Section("Trend", _plot(record), summary, note="Older versions were left out." if record.truncated else ""),
        Section("Versions", table(_plot_caption(record), head, rows, numeric=(2, 4), marked=marked)),
        footer="Written by modelyard.",
    )


def trend_svg(record: TrendRecord) -> str:
    """A metric from version to version as a drawing that stands alone."""
    drawn = _plot(record)
    start, end = drawn.find("<svg"), drawn.find("</svg>")
    inner = drawn[drawn.find(">", start) + 1 : end]
    said = escape(_plot_caption(record))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 220" width="640" height="220" role="img">'
        f"<title>{said}</title><style>{_PLOT_STYLE}</style>{inner}</svg>\n"
    )


def _plot_caption(record: TrendRecord) -> str:
    along = "the line of ancestors" if record.across == "line" else "the versions"
    return f"{record.metric} along {along} of {record.model}"


def _plot(record: TrendRecord) -> Html:
    labels = [point.version for point in record.points]
    series = Series(name=record.metric, values=[point.value for point in record.points])
    return line_plot(labels, [series], caption=_plot_caption(record))


def _list(lines: Sequence[Line], level: int) -> Html:
    """The lines of an outline as nested lists, put together from the last one."""
    found: dict[int, list[Html]] = defaultdict(list)
    for line in reversed(lines):
        inner = found.pop(line.level + 1, [])
        found[line.level].append(element("li", escape(caption(line)), _unordered(inner)))
    return _unordered(found[level])


def _unordered(items: Iterable[Html]) -> Html:
    backwards = list(items)
    return element("ul", join(backwards[::-1])) if backwards else NOTHING


def _versions(graph: LineageGraph) -> Html:
    names = {node.id: node.name for node in graph.nodes}
    parents = {edge.source: names[edge.target] for edge in graph.edges if edge.relation == PARENT}
    rows = [
        (
            node.name,
            "deleted" if node.deleted else node.stage,
            ", ".join(node.aliases),
            _signed(node.created_by, node.trained_at),
            _signed(node.registered_by, node.registered_at),
            parents.get(node.id, ""),
        )
        for node in graph.nodes
        if node.kind == VERSION
    ]
    head = ("Version", "Stage", "Aliases", "Trained by", "Registered by", "Parent")
    return table("Versions, the nearest first", head, rows, marked=(0,))


def _inputs(graph: LineageGraph) -> Html:
    users: dict[str, list[str]] = defaultdict(list)
    names = {node.id: _short(node) for node in graph.nodes}
    for edge in graph.edges:
        note = f" ({edge.note})" if edge.note else ""
        users[edge.target].append(f"{names[edge.source]}{note}")
    rows = [
        (
            node.name,
            node.kind,
            "\n".join(f"{key}: {fact}" for key, fact in node.facts.items()),
            _few(users[node.id]),
        )
        for node in graph.nodes
        if node.kind != VERSION
    ]
    return table("What the versions above were made from", ("Name", "Kind", "Known of it", "Used by"), rows)


def _short(node: LineageNode) -> str:
    return node.name if node.kind == VERSION else f"{node.kind} {node.name}"


def _few(names: Sequence[str], most: int = 10) -> str:
    rest = f", and {number(len(names) - most)} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _signed(who: str, at: str) -> str:
    return ", ".join(part for part in (who, at[:10]) if part)
