"""Commands for auditors: `as-of`, `audit log`, `audit verify`, `audit checkpoint`, `audit export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from modelyard.cli.lazy import database, tables
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.cli.text import pairs, safe
from modelyard.domain.wire import AsOfRecord, AuditReport, ChainedEvent
from modelyard.domain.wording import counted, moment
from modelyard.errors import IntegrityError
from modelyard.facade.proof import check_evidence

_Function = TypeVar("_Function", bound=Callable[..., Any])
FIRST = 100
SHORT = {
    "metadata", "changes", "verdicts", "chains", "configuration", "content", "evidence", "options", "plan", "route",
}  # fmt: skip
"""Facts of events that the table leaves to the JSON output."""


def _period(function: _Function) -> _Function:
    for name, text in (("--until", "Only up to this moment."), ("--since", "Only from this moment on: ISO 8601.")):
        function = click.option(name, metavar="MOMENT", help=text)(function)
    return function


@command(
    "as-of",
    "modelyard as-of fraud --at 2026-03-01T12:00Z",
    "modelyard as-of fraud --at 2026-03-01 --stage staging --output json",
)
@click.argument("name", metavar="MODEL")
@click.option("--at", "at", required=True, metavar="MOMENT", help="ISO 8601; a date alone is its beginning, in UTC.")
@click.option("--stage", metavar="STAGE", help="Stage that is meant; production when left out.")
@pass_session
def as_of(session: Session, /, name: str, at: str, stage: str | None) -> None:
    """Tell which version was in production at a moment.

    And who put it there, on which evidence; and which versions took traffic then, in which environment.
    """
    record = session.open().who_was_live(name, at, stage=stage)
    session.emit(record, lambda: _answer(record))


@click.group(
    "audit",
    cls=Group,
    examples=("modelyard audit log fraud --since 2026-03-01", "modelyard audit verify --database ./copy.db"),
)
def audit() -> None:
    """Show who did what, and prove that nobody changed the record."""


@command(
    "log",
    "modelyard audit log fraud --since 2026-03-01 --until 2026-04-01",
    "modelyard audit log --actor ana --type version.stage_moved --output json",
)
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--actor", metavar="NAME", help="Only what this person or service did.")
@click.option("--type", "kind", metavar="TYPE", help="Only events of this type; 'version.*' for all that begin so.")
@_period
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The most to show.")
@pass_session
def log(session: Session, /, name: str | None, kind: str | None, limit: int | None, **given: str | None) -> None:
    """List who did what, in order; events of deleted models too."""
    most = limit if limit or session.output != "table" else FIRST + 1
    found = session.open().audit_log(name, type=kind, limit=most, **given)
    if limit is None and session.output == "table" and len(found) > FIRST:
        session.note(f"the first {FIRST}; --limit shows more, --output json all")
        found = found[:FIRST]
    session.emit(found, lambda: _log(found))


@command("checkpoint", "modelyard audit checkpoint", "modelyard audit checkpoint --quiet > anchor.txt")
@pass_session
def checkpoint(session: Session) -> None:
    """Record the ends of all chains of events, and print the hash to keep outside.

    Where nothing has happened since the last checkpoint, its hash is printed again.
    """
    record = session.open().audit_checkpoint()
    done = "made" if record.made else "nothing has happened since the last one of"
    sentence = f"checkpoint {done} {moment(record.at)}: {counted(record.events, 'event')}\nanchor  {record.hash}"
    session.say(record, sentence, bare=record.hash)


@command(
    "verify",
    "modelyard audit verify",
    "modelyard audit verify --database ./copy.db --anchor HASH",
    "modelyard audit verify --export ./evidence.zip --output json",
)
@click.option(
    "--database", "copy", metavar="FILE|URL", help="Check this database; nothing is written, no server needed."
)
@click.option("--export", "export", metavar="DIR|ZIP", help="Check what `audit export` wrote; no registry is needed.")
@click.option("--anchor", default="", metavar="HASH", help="Hash of a checkpoint that was kept outside.")
@pass_session
def verify(session: Session, /, copy: str | None, export: str | None, anchor: str) -> None:
    """Check that nobody changed the record.

    Computes every hash again, follows every chain of events, and compares the tables with what the events tell. Exit
    code 7 when anything differs.
    """
    if copy and export:
        raise click.UsageError("--database and --export are two things to check; give one")
    report = _report(session, copy, export, anchor)
    session.emit(report, lambda: _findings(report))
    for limit in report.limits:
        session.note(f"not shown by this: {limit}")
    if not report.sound:
        total = len(report.findings) + report.unlisted
        raise IntegrityError(
            f"the record is not as it was written: {counted(total, 'finding')}",
            hint="compare it with a backup; the findings name the events and the rows",
            details={"findings": total},
        )


@command(
    "export",
    "modelyard audit export ./evidence.zip --since 2026-01-01 --until 2026-04-01",
    "modelyard audit export ./evidence fraud",
)
@click.argument("target", metavar="DIR|FILE.zip")
@click.argument("name", metavar="[MODEL]", required=False)
@_period
@pass_session
def export(session: Session, /, target: str, name: str | None, **period: str | None) -> None:
    """Write the evidence of a period for a regulator.

    Events with their hashes, checkpoints, promotions with verdicts and approvals, versions, and how to check all that.
    The end of the period, --until, must have passed: what is still to happen is no evidence.
    """
    path = session.open().export_audit(target, name, **period)
    session.say(
        {"path": str(path)}, f"wrote {path}; `modelyard audit verify --export {path}` checks it", bare=str(path)
    )


def _report(session: Session, /, copy: str | None, export: str | None, anchor: str) -> AuditReport:
    if export:
        return check_evidence(Path(export).expanduser(), anchor)
    if copy:
        return database.audit_copy(copy, anchor)
    if session.is_remote:
        return session.open().verify_record(anchor or None)
    return database.audit(session.settings_of_present(), anchor)


def _findings(report: AuditReport) -> tables.Printable:
    rows = [
        (found.kind, found.subject, found.position or "", found.sequence or "", found.problem)
        for found in report.findings
    ]
    checked = f"{counted(report.events, 'event')} in {counted(report.chains, 'chain')}"
    checked += f", {counted(report.versions, 'version')}, {counted(report.checkpoints, 'checkpoint')}"
    facts = [("checked", checked), ("anchor", f"{report.anchor}  {moment(report.anchor_at)}".strip())]
    if report.unlisted:
        facts.append(("not listed", counted(report.unlisted, "finding")))
    head = ("WHAT", "WHERE", "EVENT", "SEQUENCE", "PROBLEM")
    found = tables.table(head, rows, right=("EVENT", "SEQUENCE"), empty="the record is as it was written")
    return tables.stacked(found, tables.facts(facts))


def _answer(record: AsOfRecord) -> tables.Printable:
    return tables.stacked(*_standing(record), *_traffic(record))


def _standing(record: AsOfRecord) -> list[tables.Printable]:
    if record.version is None:
        return [tables.facts([("", f"no version of {record.name} stood in {record.stage} at {moment(record.at)}")])]
    facts = [
        ("version", f"{record.name}/{record.version.version}"),
        ("stage", record.stage),
        ("at", moment(record.at)),
        ("since", moment(record.since or "")),
        ("until", moment(record.until) if record.until else "now"),
        ("by", record.by or ""),
        ("event", f"{record.event.type}, event {record.event.position} of the model" if record.event else ""),
        ("hash", record.event.hash if record.event else ""),
        ("approved by", ", ".join(f"{one.by} ({moment(one.at)})" for one in record.approvals)),
        ("also there", ", ".join(record.others)),
        ("aliases", pairs(record.aliases)),
        ("content", record.version.digest),
        ("id", record.version.id),
    ]
    parts: list[tables.Printable] = [tables.facts(facts)]
    if record.verdicts:
        head = ("REQUIREMENT", "NEEDS", "FOUND", "VERDICT", "DETAIL")
        parts.append(tables.table(head, [_verdict(verdict) for verdict in record.verdicts]))
    return parts


def _traffic(record: AsOfRecord) -> list[tables.Printable]:
    """What took traffic, as a table; nothing where the model had no endpoint."""
    rows = [
        (
            endpoint.environment,
            ", ".join(f"{arm.version} {100 * arm.weight:.4g} %" for arm in endpoint.route.arms if arm.weight > 0),
            endpoint.epoch,
            moment(endpoint.since),
            moment(endpoint.until) if endpoint.until else "now",
            endpoint.by,
            endpoint.deployment_id,
        )
        for endpoint in record.endpoints
    ]
    head = ("ENDPOINT", "TRAFFIC", "EPOCH", "SINCE", "UNTIL", "BY", "LIVE DEPLOYMENT")
    return [tables.table(head, rows, right=("EPOCH",))] if rows else []


def _verdict(verdict: dict[str, Any]) -> tuple[str, ...]:
    told = [str(verdict.get(key, "")) for key in ("requirement", "required", "actual")]
    return (*told, "met" if verdict.get("met") else "not met", str(verdict.get("reason", "")))


def _log(events: list[ChainedEvent]) -> tables.Printable:
    rows = [
        (event.sequence, moment(event.at), event.type, event.model or "registry", event.actor, _told(event))
        for event in events
    ]
    head = ("SEQUENCE", "AT (UTC)", "EVENT", "MODEL", "BY", "DATA")
    return tables.table(head, rows, right=("SEQUENCE",), empty="no event is like that")


def _told(event: ChainedEvent) -> str:
    told = {key: value for key, value in event.data.items() if key not in SHORT and value not in ("", None, [], {})}
    return safe(pairs(told))


for _command in (log, verify, checkpoint, export):
    audit.add_command(_command)
