"""`deployment explain`: how a deployment was judged, in words and as a plot of the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import click

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.cli.lazy import tables
from modelyard.cli.session import Session, pass_session, write
from modelyard.cli.shape import Group, command
from modelyard.cli.text import number, safe
from modelyard.domain.wire import Explanation
from modelyard.errors import DeploymentNotFound
from modelyard.facade.arguments import path_of
from modelyard.facade.registry import ModelRegistry
from modelyard.reports.judgement import judgement_page

STDOUT = "-"
WIDTH, HEIGHT = 64, 12
LOWEST = 1e-3
MARKS = "●○◆◇"
"""One for each version; a fifth one looks like the first."""


@click.group("deployment", cls=Group, examples=("modelyard deployment explain dp_01hz3",))
def deployment() -> None:
    """Look into one deployment."""


@command(
    "explain",
    "modelyard deployment explain dp_01hz3",
    "modelyard explain fraud",
    "modelyard deployment explain dp_01hz3 --html judgement.html",
    "modelyard deployment explain dp_01hz3 --output json",
)
@click.argument("what", metavar="MODEL|ID")
@click.option("-e", "--environment", metavar="NAME", help="Of a model: only its deployments in this environment.")
@click.option("--full", is_flag=True, help="Compute it again from its log however long that is.")
@click.option("--html", "html", metavar="FILE", help="Write a page that needs nothing else; - prints it.")
@pass_session
def explain(session: Session, /, what: str, environment: str | None, html: str | None, *, full: bool) -> None:
    """Tell how a deployment was judged, and what followed.

    It is computed again from the log of evidence. A model stands for its newest deployment. The plot shows the evidence
    that the new version is worse (E) on a logarithmic scale; where it reaches the limit, the version goes back.
    """
    registry = session.open()
    found = registry.explain_deployment(_id_of(registry, what, environment), full=full)
    if html is None:
        session.emit(found, lambda: _shown(found))
        return
    document = judgement_page(found)
    if html == STDOUT:
        write(document.rstrip("\n"))
        return
    target = path_of("--html", html)
    with replacing(target) as descriptor:
        write_all(descriptor, document.encode())
    session.say({"id": found.id, "path": str(target)}, f"explained {found.id}: {target}")


deployment.add_command(explain)


def plot(series: Sequence[Sequence[float]], limit: float, *, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    """Draw evidence on a logarithmic scale, with its limit.

    Args:
        series: for each version its evidence, in the order in which it came; all of the same length.
        limit: the evidence at which a version goes back.
        width: columns of the drawing, without the numbers on its left.
        height: lines.

    Returns:
        The lines, without the one below that tells what is drawn.
    """
    levels = [[_level(value) for value in line] for line in series]
    border = _level(limit)
    low = min([0.0, *(level for line in levels for level in line)])
    high = max([border, *(level for line in levels for level in line)]) + 0.1
    rows = [[" "] * width for _ in range(height)]
    rows[_row(border, low, high, height)] = list("╌" * width)
    for place, line in enumerate(levels):
        for column in range(width):
            level = line[column * (len(line) - 1) // max(1, width - 1)]
            rows[_row(level, low, high, height)][column] = MARKS[place % len(MARKS)]
    labels = {
        _row(low, low, high, height): f"{10**low:.3g}",
        _row(high, low, high, height): f"{10**high:.3g}",
        _row(border, low, high, height): f"{limit:.3g}",
    }
    return [f"{labels.get(place, ''):>8} ┤{''.join(row)}" for place, row in enumerate(rows)]


def _level(value: float) -> float:
    return math.log10(min(max(value, LOWEST), 1e100))


def _row(level: float, low: float, high: float, height: int) -> int:
    return round((high - level) / (high - low) * (height - 1))


def _shown(found: Explanation) -> Any:
    from rich.text import Text  # noqa: PLC0415 - drawing is loaded where something is drawn

    parts: list[Any] = [Text("\n".join(safe(line) for line in found.words))]
    if found.course and found.judgement is not None:
        names = {one.version_id: one.version for one in found.course[-1].challengers}
        series = [
            [one.e_value for point in found.course for one in point.challengers if one.version_id == name]
            for name in names
        ]
        key = ", ".join(f"{MARKS[place % len(MARKS)]} {safe(name)}" for place, name in enumerate(names.values()))
        below = f"{'':>9}E of {key} by batches 1 to {found.course[-1].position:,}; ╌ limit {found.judgement.limit:g}"
        parts += [Text(""), Text("\n".join(plot(series, found.judgement.limit)), no_wrap=True), Text(below)]
    if found.judgement is not None:
        parts += [Text(""), _table(found)]
    return tables.stacked(*parts)


def _table(found: Explanation) -> Any:
    judgement = found.judgement
    rows = [
        (
            one.version,
            f"{one.failed:,} of {one.units:,}",
            f"{one.base_failed:,} of {one.base_units:,}",
            number(one.e_value),
            number(one.peak),
            number(one.proof),
            "" if one.needed is None else f"{one.needed:,}",
        )
        for one in (judgement.challengers if judgement is not None else ())
    ]
    head = ("VERSION", "FAILED", "BEFORE", "E", "MOST", "PROOF", "NEEDED")
    return tables.table(head, rows, right=head[1:], empty="no versions")


def _id_of(registry: ModelRegistry, what: str, environment: str | None) -> str:
    """The id of the deployment that is meant: by its id, or the newest one of a model."""
    if what.startswith("dp_") and not {"/", "@"} & set(what):
        return what
    found = registry.list_deployments(what, environment=environment, limit=1)
    if not found:
        raise DeploymentNotFound(f"{what} was never deployed" + (f" to {environment}" if environment else ""))
    return found[0].id
