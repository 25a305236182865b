"""`compare`: two versions on the screen, or any number of them in a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from modelyard.cli.lazy import tables
from modelyard.cli.options import Names
from modelyard.cli.session import Session, pass_session, write
from modelyard.cli.shape import command
from modelyard.cli.text import number
from modelyard.domain.wire import ComparisonReport
from modelyard.facade.registry import ModelRegistry

STDOUT = "-"
_TWO = 2


@command(
    "compare",
    "modelyard compare fraud/1.0.0 fraud/1.1.0",
    "modelyard compare fraud@champion fraud/latest --metrics accuracy,f1_score --output json",
    "modelyard compare fraud/1.0.0 fraud/1.1.0 fraud/2.0.0 --html report.html --markdown report.md",
)
@click.argument("references", metavar="A B [C …]", nargs=-1, required=True)
@click.option("--metrics", type=Names(), help="Only these metrics.")
@click.option("--html", "html", metavar="FILE", help="Write a report as a page that needs nothing else; - prints it.")
@click.option("--markdown", "markdown", metavar="FILE", help="Write it as Markdown for GitHub; - prints it.")
@pass_session
def compare(session: Session, /, references: Sequence[str], metrics: list[str] | None, **files: str | None) -> None:
    """Compare versions and say which one is better.

    Of two versions: metrics and parameters side by side, the winner, and how sure that is on what basis. Of more: each
    beside the first one, the baseline. A report holds all that is recorded: metrics, parameters, signatures, lineage,
    files and what happened.
    """
    if len(references) < _TWO:
        raise click.UsageError("name two versions or more")
    registry = session.open()
    wanted = {form: file for form, file in files.items() if file is not None}
    if wanted:
        _write_reports(session, registry, references, metrics, wanted)
    elif len(references) == _TWO:
        a, b = references
        record = registry.compare_models(a, b, metrics or None)
        session.emit(record, lambda: tables.comparison(record))
    else:
        report = registry.compare_many(references, metrics=metrics or None)
        session.emit(report, lambda: _side_by_side(report))


def _write_reports(
    session: Session,
    registry: ModelRegistry,
    references: Sequence[str],
    metrics: list[str] | None,
    files: dict[str, str],
) -> None:
    written = []
    for form, file in files.items():
        if file == STDOUT:
            write(registry.generate_comparison_report(references, format=form, metrics=metrics).rstrip("\n"))
        else:
            registry.generate_comparison_report(references, path=file, format=form, metrics=metrics)
            written.append({"format": form, "path": str(Path(file))})
    if written:
        names = " and ".join(item["path"] for item in written)
        session.say(written, f"compared {len(references)} versions: {names}")


def _side_by_side(report: ComparisonReport) -> tables.Printable:
    """A metric a row, a version a column, and the outcome below."""
    names = {version.id: f"{version.name}/{version.version}" for version in report.versions}
    values: dict[str, dict[str, Any]] = {}
    for made in report.comparisons:
        for row in made.metrics:
            held = values.setdefault(row.name, {})
            held.setdefault(made.a.id, row.a)
            held[made.b.id] = row.b
    rows = [[name, *(number(held.get(identifier)) for identifier in names)] for name, held in sorted(values.items())]
    outcome = (
        ("baseline", names[report.versions[0].id]),
        ("winner", names.get(report.winner or "", "none")),
        ("confidence", f"{report.confidence_score:.3f}"),
        ("because", tables.with_names(report.explanation, names)),
    )
    head = ("METRIC", *names.values())
    metrics = tables.table(head, rows, right=tuple(names.values()), empty="no metrics")
    return tables.stacked(metrics, tables.facts(outcome))
