"""What an import from another system says at its end: counts on both sides, and each version that is not whole."""

from __future__ import annotations

from dataclasses import dataclass

import click

from modelyard.cli.imports.proof import Proof, by_model, total
from modelyard.cli.lazy import tables
from modelyard.cli.outcomes import DONE, THERE, Outcome, Outcomes
from modelyard.cli.session import Session
from modelyard.domain.wording import counted, size

_HEAD = ("MODEL", "VERSIONS", "HERE", "FILES", "HERE ", "BYTES", "HERE  ", "PROVEN BY")


@dataclass(frozen=True, kw_only=True)
class Report:
    """An import: where from, each version's outcome, and the proof by model and in all."""

    origin: str
    versions: list[Outcome]
    models: list[Proof]
    total: Proof


def finish(
    ctx: click.Context, session: Session, origin: str, outcomes: Outcomes, proofs: list[Proof], *, dry_run: bool
) -> None:
    """Print the report of an import, and end the command with its exit code."""
    if dry_run:
        outcomes.finish(ctx, session)
        return
    models = by_model(proofs)
    report = Report(origin=origin, versions=outcomes.rows, models=models, total=total(proofs))
    session.emit(report, lambda: _table(models))
    for row in outcomes.rows:
        if row.outcome not in {DONE, THERE} or row.detail:
            session.note(f"{row.version}: {row.outcome}{f': {row.detail}' if row.detail else ''}")
    sums = report.total
    session.note(
        f"{outcomes.summary()}; there {counted(sums.versions_there, 'version')}, {counted(sums.files_there, 'file')}, "
        f"{size(sums.bytes_there)}; here {sums.versions_here}, {sums.files_here}, {size(sums.bytes_here)}"
    )
    ctx.exit(outcomes.exit_code)


def _table(models: list[Proof]) -> tables.Printable:
    rows = [
        (
            proof.model,
            str(proof.versions_there),
            str(proof.versions_here),
            str(proof.files_there),
            str(proof.files_here),
            size(proof.bytes_there),
            size(proof.bytes_here),
            proof.proven_by,
        )
        for proof in models
    ]
    return tables.table(_HEAD, rows, right=_HEAD[1:-1], empty="there is nothing to import")
