"""The `stages` commands: which stages there are, which moves are legal, and what each of them needs."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from modelyard.cli.lazy import tables
from modelyard.cli.options import Document
from modelyard.cli.session import Session, pass_session, write
from modelyard.cli.shape import Group, command
from modelyard.domain.wire import GraphRecord


@click.group(
    "stages",
    cls=Group,
    examples=(
        "modelyard stages show",
        "modelyard stages show fraud --yaml > stages.yaml",
        "modelyard stages set ./stages.yaml --dry-run",
    ),
)
def stages() -> None:
    """Show or set the stages, and what each move needs."""


@command("show", "modelyard stages show", "modelyard stages show fraud", "modelyard stages show --yaml > stages.yaml")
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--yaml", "as_yaml", is_flag=True, help="As the document that `stages set` takes.")
@pass_session
def show(session: Session, /, name: str | None, *, as_yaml: bool) -> None:
    """Show the stage graph of the registry, or the one that holds for a model."""
    record = session.open().stage_graph(name)
    if as_yaml:
        write(msgspec.yaml.encode(record.document).decode().rstrip("\n"))
        return
    session.emit(record, lambda: _table(record))


@command(
    "set",
    "modelyard stages set ./stages.yaml --dry-run",
    "modelyard stages set ./stages.yaml",
    "modelyard stages set ./fraud-stages.yaml --model fraud",
)
@click.argument("document", type=Document())
@click.option("--model", "name", metavar="NAME", help="For this model only; for the registry when left out.")
@click.option("--dry-run", is_flag=True, help="Check it and tell what would change, without changing it.")
@pass_session
def set_graph(session: Session, /, document: dict[str, Any], name: str | None, *, dry_run: bool) -> None:
    """Set the stage graph of the registry, or of one model.

    Refused where a version stands in a stage that the new graph does not have.
    """
    record = session.open().set_stage_graph(document, name, dry_run=dry_run)
    _say(session, record)


@command("reset", "modelyard stages reset fraud")
@click.argument("name", metavar="MODEL")
@click.option("--dry-run", is_flag=True, help="Tell what would change, without changing it.")
@pass_session
def reset(session: Session, /, name: str, *, dry_run: bool) -> None:
    """Let a model follow the registry's stage graph again."""
    _say(session, session.open().reset_stage_graph(name, dry_run=dry_run))


for _command in (show, set_graph, reset):
    stages.add_command(_command)


def _say(session: Session, record: GraphRecord) -> None:
    whose = f"of {record.name}" if record.name else "of the registry"
    done = "would change" if record.dry_run else "has changed"
    told = f"the stage graph {whose} {done if record.changes else 'stays as it is'}"
    rows = [(kind.replace("_", " "), ", ".join(found)) for kind, found in record.changes.items()]
    session.say(record, told)
    if session.output == "table" and rows and not session.quiet:
        session.emit(record, lambda: tables.table(("CHANGE", "WHAT"), rows))


def _table(record: GraphRecord) -> Any:
    document = record.document
    placed = {stage: name for name, found in document.get("environments", {}).items() for stage in found}
    rows = []
    for stage in record.stages:
        targets = document["moves"][stage]
        rules = targets if isinstance(targets, dict) else {key: {} for key in targets}
        kind = "initial" if stage == document["initial"] else "exclusive" if stage in document["exclusive"] else ""
        for number, (target, rule) in enumerate(rules.items() or [("", {})]):
            rows.append((*((stage, kind, placed.get(stage, "")) if not number else ("", "", "")), target, _needs(rule)))
    return tables.table(("STAGE", "KIND", "ENVIRONMENT", "MAY MOVE TO", "WHICH NEEDS"), rows)


def _needs(rule: dict[str, Any]) -> str:
    parts = [f"{name}: {value}" for name, value in rule.get("requirements", {}).items()]
    if rule.get("approvals"):
        who = f" of {', '.join(rule['approvers'])}" if rule.get("approvers") else ""
        parts.append(f"{rule['approvals']} approvals{who}")
    return "; ".join(parts)
