"""Commands for promotions that people agree to: `request`, `requests`, `approve`, `reject`; `gates` and `test`."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.lazy import tables
from modelyard.cli.options import Document
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.cli.waiting import summarise
from modelyard.domain.wire import GateReport, Promotion, SuiteResult
from modelyard.domain.wording import moment
from modelyard.errors import GateRefused, IntegrityError
from modelyard.reports import promotion as markdown

AS = click.option(
    "--as", "speaker", default="", metavar="NAME", help="Who says so, where the registry asks nobody to prove it."
)
COMMENT = click.option("--comment", default="", metavar="TEXT", help="Why; recorded with the decision.")
TARGET = click.option("--target-stage", required=True, metavar="STAGE", help="Stage to move to.")
REQUIREMENTS = click.option("--requirements", type=Document(), help="What the move needs beyond the stage graph.")


@command(
    "request",
    "modelyard request fraud/1.4.0 --target-stage production --comment 'beats 1.3 on all segments'",
    "modelyard request fraud@candidate --target-stage production --requirements ./requirements.json --expires-after 3d",
)
@click.argument("reference")
@TARGET
@REQUIREMENTS
@click.option("--expires-after", default="", metavar="TIME", help="How long it waits, such as 12h or 7d; 14d if unset.")
@COMMENT
@AS
@pass_session
def request(session: Session, /, reference: str, **given: Any) -> None:
    """Ask for a version to be moved, with the consent of others.

    Prints the id of the request. Gates that are not met yet do not refuse the request; they refuse its application.
    """
    record = session.open().request_promotion(
        reference,
        target_stage=given["target_stage"],
        requester=given["speaker"],
        requirements=given["requirements"],
        comment=given["comment"],
        expires_after=given["expires_after"],
    )
    _say(session, record, "is requested")


@command(
    "approve",
    "modelyard approve pr_0j3k5m --comment 'checked the report'",
    "modelyard approve pr_0j3k5m --apply",
)
@click.argument("promotion")
@COMMENT
@click.option("--apply", "also_apply", is_flag=True, help="Make the move too, if this was the last approval needed.")
@AS
@pass_session
def approve(session: Session, /, promotion: str, comment: str, speaker: str, *, also_apply: bool) -> None:
    """Agree to a promotion. Who asked for it, or made the version, cannot."""
    registry = session.open()
    record = registry.approve_promotion(promotion, speaker, comment=comment)
    if not (also_apply and record.state == "approved"):
        _say(session, record, "is approved")
        return
    # Who may approve need not be allowed to move: the approval stands, whatever becomes of the move.
    session.note(f"{record.id} is approved")
    _say(session, registry.apply_promotion(promotion), "is applied")


@command("reject", "modelyard reject pr_0j3k5m --comment 'recall fell on new merchants'")
@click.argument("promotion")
@COMMENT
@AS
@pass_session
def reject(session: Session, /, promotion: str, comment: str, speaker: str) -> None:
    """Refuse a promotion, which ends it."""
    _say(session, session.open().reject_promotion(promotion, speaker, comment=comment), "is rejected")


@click.group(
    "requests",
    cls=Group,
    invoke_without_command=True,
    examples=("modelyard requests list", "modelyard requests show pr_0j3k5m", "modelyard requests apply pr_0j3k5m"),
)
@click.pass_context
def requests(ctx: click.Context) -> None:
    """Show promotion requests and bring them to their end.

    Lists the open ones when no command is named.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(Session), None, "open", None)


@command("list", "modelyard requests list", "modelyard requests list fraud --state applied")
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--state", metavar="STATE", help="open, pending, approved, applied, rejected, expired, …")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The most to show.")
@pass_session
def list_requests(session: Session, /, name: str | None, state: str | None, limit: int | None) -> None:
    """List promotions, the newest first."""
    _list(session, name, state, limit)


@command("show", "modelyard requests show pr_0j3k5m")
@click.argument("promotion")
@pass_session
def show(session: Session, /, promotion: str) -> None:
    """Show a promotion with its gates, votes and comments."""
    record = session.open().get_promotion(promotion)
    session.emit(record, lambda: _whole(record))


@command("apply", "modelyard requests apply pr_0j3k5m")
@click.argument("promotion")
@pass_session
def apply(session: Session, /, promotion: str) -> None:
    """Make the move of an approved promotion, after judging its gates once more. Repeating it changes nothing."""
    _say(session, session.open().apply_promotion(promotion), "is applied")


@command("evaluate", "modelyard requests evaluate pr_0j3k5m")
@click.argument("promotion")
@pass_session
def evaluate(session: Session, /, promotion: str) -> None:
    """Judge the gates of a promotion again, on what is recorded now."""
    record = session.open().evaluate_promotion(promotion)
    session.emit(record, lambda: tables.verdicts(record.verdicts))


@command("comment", "modelyard requests comment pr_0j3k5m 'which threshold is this?'")
@click.argument("promotion")
@click.argument("text")
@AS
@pass_session
def comment(session: Session, /, promotion: str, text: str, speaker: str) -> None:
    """Say something about a promotion."""
    record = session.open().comment_promotion(promotion, text, speaker)
    session.say(record, f"noted on {record.id}", bare=record.id)


@command("withdraw", "modelyard requests withdraw pr_0j3k5m")
@click.argument("promotion")
@COMMENT
@pass_session
def withdraw(session: Session, /, promotion: str, comment: str) -> None:
    """Take a request back, which ends it."""
    _say(session, session.open().withdraw_promotion(promotion, comment=comment), "is withdrawn")


for _command in (list_requests, show, apply, evaluate, comment, withdraw):
    requests.add_command(_command)


@command("gates", "modelyard gates fraud/1.4.0 --target-stage production")
@click.argument("reference")
@TARGET
@REQUIREMENTS
@click.option("--summary", type=click.Path(dir_okay=False), default="", help="Add them to this file, as Markdown.")
@pass_session
def gates(
    session: Session, /, reference: str, target_stage: str, requirements: dict[str, Any] | None, summary: str
) -> None:
    """Tell what a move would need, and whether it is there.

    Exit code 6 when a gate is not met.
    """
    report = session.open().check_gates(reference, target_stage, requirements)
    summarise(session, summary, markdown.of_check(report))
    show_gates(session, report)


@command(
    "test",
    "modelyard test fraud/1.4.0",
    "modelyard test fraud/1.4.0 --suite cloud",
    "modelyard test fraud/1.4.0 --suite edge --report passed",
    "modelyard test fraud/1.4.0 --list",
)
@click.argument("reference")
@click.option("--suite", default="default", metavar="NAME", help="Which tests; default, cloud and edge have settings.")
@click.option("--report", type=click.Choice(["passed", "failed"]), help="Record how they ended elsewhere instead.")
@click.option("--list", "listed", is_flag=True, help="Show how each suite ended last instead.")
@pass_session
def test(session: Session, /, reference: str, suite: str, report: str | None, *, listed: bool) -> None:
    """Run the tests of a version, as evidence for its promotion.

    The command is the setting tests.command. Exit code 7 when the tests fail.
    """
    registry = session.open()
    if listed:
        results = registry.test_results(reference)
        session.emit(results, lambda: _suites(results))
        return
    if report is None:
        result = registry.run_tests(reference, suite)
    else:
        result = registry.report_tests(reference, suite, passed=report == "passed")
    word = "passed" if result.passed else "failed"
    session.say(result, f"the tests of {suite} {word} on {result.name}/{result.version}", bare=word)
    if not result.passed and report is None:
        raise IntegrityError(f"the tests of {suite} failed", hint=result.output[-2000:] or "they printed nothing")


def show_gates(session: Session, report: GateReport) -> None:
    """Show what a move would need; end with exit code 6 if it is not there."""
    session.emit(report, lambda: _gates(report))
    if not report.met:
        unmet = [verdict.requirement for verdict in report.verdicts if not verdict.met]
        raise GateRefused(
            f"{report.name}/{report.version} may not move to {report.target_stage}: {', '.join(unmet)}",
            hint="record what is missing, or register a better version",
        )


def _list(session: Session, name: str | None, state: str | None, limit: int | None) -> None:
    records = session.open().list_promotions(name, state=state, limit=limit)
    rows = (
        (
            record.id,
            f"{record.name}/{record.version}",
            f"{record.from_stage} -> {record.target_stage}",
            record.state,
            record.requester,
            _count(record),
            moment(record.created_at),
        )
        for record in records
    )
    head = ("ID", "VERSION", "MOVE", "STATE", "REQUESTED BY", "APPROVALS", "SINCE (UTC)")
    session.emit(records, lambda: tables.table(head, rows, empty="no promotion requests"))


def _count(record: Promotion) -> str:
    there = sum(vote.decision == "approve" for vote in record.votes)
    return f"{there} of {record.approvals_needed}" if record.approvals_needed else ""


def _whole(record: Promotion) -> Any:
    said = [(vote.by, f"{vote.decision}: {vote.comment}".rstrip(": "), vote.at) for vote in record.votes]
    said += [(one.by, one.text, one.at) for one in record.comments]
    facts = tables.facts(
        (
            ("promotion", record.id),
            ("version", f"{record.name}/{record.version}"),
            ("move", f"{record.from_stage} -> {record.target_stage}"),
            ("state", record.state),
            ("requested by", f"{record.requester}, {moment(record.created_at)}"),
            ("author", record.author),
            ("comment", record.comment),
            ("approvals", _count(record)),
            ("approvers", ", ".join(record.approvers)),
            ("expires", moment(record.expires_at) if record.expires_at and record.state == "pending" else ""),
            ("applied by", f"{record.applied_by}, {moment(record.applied_at)}" if record.applied_at else ""),
        )
    )
    parts = [facts]
    if record.verdicts:
        parts += [tables.verdicts(record.verdicts)]
    if said:
        ordered = sorted(said, key=lambda line: line[2])
        parts += [tables.table(("BY", "SAID", "AT (UTC)"), [(by, text, moment(at)) for by, text, at in ordered])]
    return tables.stacked(*parts)


def _gates(report: GateReport) -> Any:
    approvals = str(report.approvals_needed) if report.approvals_needed else "none"
    facts = tables.facts(
        (
            ("version", f"{report.name}/{report.version}"),
            ("move", f"{report.from_stage} -> {report.target_stage}"),
            ("gates", "met" if report.met else "not met"),
            ("approvals needed", approvals),
            ("would make room", ", ".join(report.would_replace)),
        )
    )
    return tables.stacked(*([facts, tables.verdicts(report.verdicts)] if report.verdicts else [facts]))


def _suites(results: list[SuiteResult]) -> Any:
    rows = ((r.suite, "passed" if r.passed else "failed", r.source, r.by, moment(r.at)) for r in results)
    return tables.table(("SUITE", "ENDED", "FROM", "BY", "AT (UTC)"), rows, empty="no tests are recorded")


def _say(session: Session, record: Promotion, done: str) -> None:
    move = f"{record.name}/{record.version} -> {record.target_stage}"
    waits = f"; it has {_count(record)} approvals" if record.state == "pending" else ""
    session.say(record, f"{record.id} {done}: {move} ({record.state}{waits})", bare=record.id)
    unmet = [verdict for verdict in record.verdicts if not verdict.met]
    if unmet and not session.quiet:
        names = ", ".join(verdict.requirement for verdict in unmet)
        session.note(f"not met yet: {names}; `modelyard requests show {record.id}` tells why")
