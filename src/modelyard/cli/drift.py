"""`reference` and `drift`: what a version was trained on, and how far its traffic has moved from that."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.lazy import drift_view
from modelyard.cli.options import Names
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.domain.wording import counted, moment


@command(
    "reference",
    "modelyard reference fraud 1.0.0 train.csv",
    "modelyard reference fraud 1.0.0 train.csv --predictions score --exclude label,customer_id",
    "modelyard reference fraud 1.0.0 --output json",
)
@click.argument("model")
@click.argument("version")
@click.argument("file", required=False)
@click.option("--predictions", metavar="COLUMN", help="Column that holds the model's predictions.")
@click.option("--exclude", type=Names(), metavar="COLUMN,…", help="Columns that do not go into the model.")
@pass_session
def reference(session: Session, /, model: str, version: str, file: str | None, **given: Any) -> None:
    """Keep how training data are spread, or show it.

    The file, CSV or JSON lines, is read here; only counts are sent and stored, and no row.
    """
    registry = session.open()
    named = f"{model}/{version}"
    if file is None:
        if given["predictions"] or given["exclude"]:
            raise click.UsageError("--predictions and --exclude go with a file")
        record = registry.get_reference(named)
    else:
        record = registry.set_reference(named, file, **given)
    inputs, outputs = counted(len(record.features), "feature"), counted(len(record.outputs), "output")
    told = f"{record.name} {record.version}: {counted(record.rows, 'row')} of {inputs}, {outputs}"
    session.say(record, f"{told}; since {moment(record.updated_at)}", bare=record.digest)


@command(
    "drift",
    "modelyard drift fraud",
    "modelyard drift fraud 1.1.0 --since 7d --environment eu",
    "modelyard drift fraud 1.1.0 --against 1.0.0 --output json",
)
@click.argument("model")
@click.argument("version", required=False)
@click.option("--environment", metavar="NAME", help="Only the traffic there.")
@click.option("--since", metavar="TIME", help="A moment, or a length of time; 24h.")
@click.option("--against", metavar="reference|VERSION", help="The training data, or the traffic of a version.")
@pass_session
def drift(session: Session, /, model: str, version: str | None, **given: Any) -> None:
    """Show how far inputs and predictions have moved.

    Compared with the training data where there are any, else with the version before. PSI from 0.1 on is slight drift,
    from 0.25 on strong drift, if chance alone would not make it.
    """
    report = session.open().drift(model, version, **given)
    session.emit(report, lambda: drift_view.drawn(report))
