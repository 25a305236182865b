"""Commands that follow lineage: `lineage`, `used-by`, `lineage-refs`, `trend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.cli.lazy import tables
from modelyard.cli.session import Session, pass_session, write
from modelyard.cli.shape import command
from modelyard.cli.text import number, safe
from modelyard.domain.inputs import KINDS
from modelyard.domain.lineage_text import dot, tree
from modelyard.domain.trend import ACROSS
from modelyard.domain.wire import LineageGraph, LineageRef, LineageUse, TrendRecord
from modelyard.facade.arguments import path_of
from modelyard.reports.lineage import lineage_page, trend_page, trend_svg

FIRST = 100
"""Rows of a table when no limit was given; JSON and YAML hold everything."""

_limit = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help=f"At most so many; {FIRST} in a table, else all."
)
BLOCKS = "▁▂▃▄▅▆▇█"
BAR = 12
"""Columns of the longest bar."""

FORMS: dict[str, Callable[[LineageGraph], str]] = {
    "tree": lambda graph: "\n".join(safe(line) for line in tree(graph)),
    "dot": dot,
    "html": lineage_page,
}


@command(
    "lineage",
    "modelyard lineage fraud/1.2.0",
    "modelyard lineage fraud@champion --output tree",
    "modelyard lineage fraud/1.2.0 --up --depth 2 --output json",
    "modelyard lineage fraud/1.2.0 --output html --file lineage.html",
    "modelyard lineage fraud/1.2.0 --output dot > lineage.dot",
    outputs=tuple(FORMS),
)
@click.argument("reference")
@click.option("--up", is_flag=True, help="Only what it was made from.")
@click.option("--down", is_flag=True, help="Only what was made from it.")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="At most so many steps away.")
@click.option("--file", "file", metavar="FILE", help="Write it to a file; a page where no --output is given.")
@pass_session
def lineage(session: Session, /, reference: str, file: str | None, **walk: Any) -> None:
    """Show where a version comes from, and what was made from it.

    Without options, a table of the versions before it, the oldest first. The other forms show the graph of data,
    features, code, runs and models: --output tree for people, json and yaml for programs, dot for graphviz, html for
    everybody else.
    """
    registry = session.open()
    both = walk["up"] == walk["down"]
    asked = both and walk["depth"] is None
    if session.output == "table" and asked and file is None:
        records = registry.get_model_lineage(reference)
        session.emit(records, lambda: tables.versions(records))
        return
    graph = registry.lineage_graph(reference, walk["up"] or both, walk["down"] or both, walk["depth"])
    if file is not None:
        _save(session, file, _written(session, graph))
    elif session.output in {"json", "yaml"}:
        session.emit(graph, tables.nothing)
    else:
        write(FORMS.get(session.output, FORMS["tree"])(graph).rstrip("\n"))


@command(
    "used-by",
    "modelyard used-by dataset payments-2026-03",
    "modelyard used-by dataset 'payments-*' --all",
    "modelyard used-by code 4f2a91c --output json",
)
@click.argument("kind", metavar=f"[{'|'.join(KINDS)}]")
@click.argument("name")
@click.option("--live/--all", "live", default=True, show_default=True, help="Only live versions, or all of them.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help=f"At most so many; {FIRST} in a table, else all."
)
@pass_session
def used_by(session: Session, /, kind: str, name: str, limit: int | None, *, live: bool) -> None:
    """List the versions that use a dataset, feature, commit or run.

    Live is what stands in a stage for one version only (such as production), under an alias, or takes traffic in an
    endpoint. NAME finds all versions of that name (NAME@3); with * behind it, it is the beginning of a name.
    """
    found = session.open().used_by(kind, name, live, limit=_asked(session, limit))
    shown = _cut(session, found, limit)
    session.emit(shown, lambda: _uses(shown, live=live))
    if not found and live:
        session.note("--all also shows versions that are not live")


@command(
    "lineage-refs",
    "modelyard lineage-refs",
    "modelyard lineage-refs --kind dataset 'payments*'",
)
@click.argument("name", required=False)
@click.option("--kind", metavar="|".join(KINDS), help="Only inputs of this kind.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help=f"At most so many; {FIRST} in a table, else all."
)
@pass_session
def lineage_refs(session: Session, /, name: str | None, kind: str | None, limit: int | None) -> None:
    """List the inputs of versions: datasets, features, code, runs."""
    found = session.open().lineage_refs(kind, name, limit=_asked(session, limit))
    shown = _cut(session, found, limit)
    session.emit(shown, lambda: _refs(shown))


@command(
    "trend",
    "modelyard trend fraud --metric accuracy",
    "modelyard trend fraud@champion --metric f1 --across versions",
    "modelyard trend fraud --metric accuracy --html trend.html --svg trend.svg",
)
@click.argument("reference", metavar="MODEL|REFERENCE")
@click.option("--metric", required=True, metavar="NAME", help="The metric to follow.")
@click.option(
    "--across", type=click.Choice(ACROSS), default=ACROSS[0], show_default=True,
    help="The version's line of ancestors, or all versions of its model.",
)  # fmt: skip
@click.option("--direction", type=click.Choice(["higher", "lower"]), help="Which values are better, where unknown.")
@click.option("--html", "html", metavar="FILE", help="Write a page with a plot.")
@click.option("--svg", "svg", metavar="FILE", help="Write the plot alone.")
@pass_session
def trend(session: Session, /, reference: str, html: str | None, svg: str | None, **given: Any) -> None:
    """Follow a metric from version to version, the oldest first."""
    record = session.open().metric_trend(
        reference, given["metric"], across=given["across"], direction=given["direction"]
    )
    for file, made in ((html, trend_page), (svg, trend_svg)):
        if file is not None:
            _save(session, file, made(record))
    if html is None and svg is None:
        session.emit(record, lambda: _trend(record))


def _written(session: Session, graph: LineageGraph) -> str:
    """Return the text of a file: in the form that was asked for, else a page."""
    if session.output in {"json", "yaml"}:
        return session.serialised(graph) + "\n"
    return FORMS.get(session.output, FORMS["html"])(graph)


def _save(session: Session, file: str, text: str) -> None:
    target = path_of("file", file)
    with replacing(target) as descriptor:
        write_all(descriptor, memoryview(text.encode("utf-8", "backslashreplace")))
    session.note(f"wrote {target}")


def _asked(session: Session, limit: int | None) -> int | None:
    """Return how many rows to ask for: one more than a table will show, which tells whether there are more."""
    return limit if limit or session.output != "table" else FIRST + 1


def _cut(session: Session, records: list[Any], limit: int | None) -> list[Any]:
    if limit is None and session.output == "table" and len(records) > FIRST:
        session.note(f"the first {FIRST}; --limit shows more, --output json all")
        return records[:FIRST]
    return records


def _uses(records: Sequence[LineageUse], *, live: bool) -> tables.Printable:
    rows = (
        (
            f"{record.name}/{record.version}",
            tables.stage(record.stage),
            ", ".join(record.live_as),
            record.input,
            record.registered_at[:10],
            "deprecated" if record.deprecated else "",
        )
        for record in records
    )
    empty = "no live version names it" if live else "no version names it"
    return tables.table(("REFERENCE", "STAGE", "LIVE AS", "INPUT", "REGISTERED", "NOTE"), rows, empty=empty)


def _refs(records: Sequence[LineageRef]) -> tables.Printable:
    rows = ((record.kind, record.name, record.versions) for record in records)
    return tables.table(("KIND", "NAME", "VERSIONS"), rows, right=("VERSIONS",), empty="no version names any")


def _trend(record: TrendRecord) -> tables.Printable:
    values = [point.value for point in record.points]
    rows = (
        (
            f"{point.name}/{point.version}",
            tables.stage(point.stage),
            number(point.value),
            "" if point.delta is None else f"{point.delta:+.6g}",
            "best" if point.id == record.best else point.change,
            "█" * round(share * BAR) or "▏" if (share := _share(point.value, values)) is not None else "",
            point.registered_at[:10],
        )
        for point in record.points
    )
    head = ("REFERENCE", "STAGE", "VALUE", "CHANGE", "WHICH IS", "BAR", "REGISTERED")
    known = f"{record.direction} is better" if record.direction else "not known which is better; --direction tells"
    told = f"; {record.trend} than at first" if record.trend and len(_known(values)) > 1 else ""
    summary = tables.facts(
        (
            (record.metric, sparkline(values)),
            ("", f"{number(record.first)} → {number(record.last)}{told}; {known}"),
            ("", "older versions were left out" if record.truncated else ""),
        )
    )
    return tables.stacked(tables.table(head, rows, right=("VALUE", "CHANGE")), summary)


def sparkline(values: Sequence[float | None]) -> str:
    """Return one character a value, the higher the fuller; a blank where there is none."""
    shares = (_share(value, values) for value in values)
    return "".join(" " if share is None else BLOCKS[round(share * (len(BLOCKS) - 1))] for share in shares)


def _share(value: float | None, values: Sequence[float | None]) -> float | None:
    """Return where a value lies between the lowest and the highest, in 0..1; 1 where all are equal."""
    if value is None:
        return None
    low, high = min(_known(values)), max(_known(values))
    # In halves, because the difference of two huge numbers is infinite.
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span else 1.0


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
