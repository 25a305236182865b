"""Commands that move versions and names: `promote`, `archive`, `rollback`, `alias`.

`promote` also takes the id of a deployment, and `rollback` brings back what an endpoint served: people think of both as
one thing, whether a stage or the traffic moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from modelyard.cli.alert_options import Length
from modelyard.cli.deploying import is_deployment, told
from modelyard.cli.lazy import tables
from modelyard.cli.options import Document
from modelyard.cli.promotions import show_gates
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.cli.snapshots import say_rollback
from modelyard.cli.waiting import Wish, make, make_or_wait, summarise
from modelyard.domain.wire import Promotion, PromotionRecord
from modelyard.errors import GateRefused, InvalidRequest
from modelyard.facade.registry import ModelRegistry
from modelyard.reports import promotion as markdown


@command(
    "promote",
    "modelyard promote fraud/1.0.0 --target-stage staging --requirements ./requirements.json",
    "modelyard promote fraud/1.0.0 --target-stage production --requirements '{\"min_accuracy\": 0.9}' --keep-previous",
    "modelyard promote fraud/1.0.0 --stage production --wait --timeout 30m",
    "modelyard promote dp_01hz3 --full",
)
@click.argument("reference", metavar="REFERENCE|ID")
@click.option("--target-stage", "--stage", "target_stage", metavar="STAGE", help="Stage to move a version to.")
@click.option(
    "--requirements", type=Document(), help="What the move needs: min_<metric>, max_<metric>, tests_passed, …"
)
@click.option(
    "--archive-previous/--keep-previous",
    default=None,
    help="Whether who stands in the stage is archived; as the stage graph says when left out.",
)
@click.option("--comment", default="", metavar="TEXT", help="Why; recorded with the move.")
@click.option("--dry-run", is_flag=True, help="Tell what the move would need, without moving anything.")
@click.option("--wait", is_flag=True, help="Where people have to agree: ask them, and wait until it is decided.")
@click.option("--timeout", type=Length(), help="With --wait: give up after this time, with exit code 8.")
@click.option("--summary", type=click.Path(dir_okay=False), default="", help="Add the gates to this file, as Markdown.")
@click.option("--full", is_flag=True, help="Of a deployment: to its end, and not only to its next step.")
@click.option("--winner", metavar="VERSION", help="Of an A/B test: the version that serves from now on.")
@pass_session
def promote(session: Session, /, reference: str, requirements: dict[str, Any] | None, **given: Any) -> None:
    """Move a version to a stage if it meets the requirements.

    Exit code 6 and a line for each requirement when it does not. With --wait also 6 when the request for it was
    rejected or has expired, and 8 when it was not decided in time; the request stays open then. With the id of a
    deployment, take that to its next step, as `modelyard advance` does.
    """
    registry = session.open()
    if is_deployment(reference):
        _take_on(session, registry, reference, requirements, given)
        return
    if given["full"] or given["winner"]:
        raise click.UsageError("--full and --winner are for deployments; name one by its id, dp_…")
    if given["target_stage"] is None:
        raise click.UsageError("to which stage? give --target-stage")
    if given["timeout"] is not None and not given["wait"]:
        raise click.UsageError("--timeout belongs to --wait")
    if given["dry_run"]:
        report = registry.check_gates(reference, given["target_stage"], requirements)
        summarise(session, given["summary"], markdown.of_check(report))
        show_gates(session, report)
        return
    wish = Wish(
        reference=reference,
        target_stage=given["target_stage"],
        requirements=requirements or {},
        archive_previous=given["archive_previous"],
        comment=given["comment"],
    )
    _move(session, registry, wish, given)


def _move(session: Session, registry: ModelRegistry, wish: Wish, given: dict[str, Any]) -> None:
    """Move a version, at once or after others have agreed, and tell what became of it."""
    summary: str = given["summary"]
    try:
        if given["wait"]:
            record = make_or_wait(session, registry, wish, timeout=given["timeout"], summary=summary)
        else:
            record = make(registry, wish)
    except GateRefused as error:
        summarise(session, summary, markdown.of_refusal(error))
        raise
    if isinstance(record, Promotion):
        move = f"{record.name}/{record.version} moved from {record.from_stage} to {record.target_stage}"
        session.say(record, f"{move} by {record.id}", bare=record.id)
        return
    summarise(session, summary, markdown.of_move(record))
    replaced = [_name(registry.get_model(identifier)) for identifier in record.archived]
    session.say(record, _moved(record, replaced))
    if session.output == "table" and record.verdicts and not session.quiet:
        session.emit(record, lambda: tables.verdicts(record.verdicts))


def _take_on(
    session: Session, registry: ModelRegistry, deployment: str, requirements: object, given: dict[str, Any]
) -> None:
    """Take a deployment to its next step; what is said of stages makes no sense with it."""
    flags = [given[name] or None for name in ("dry_run", "wait", "summary")]
    told_of_stages = [given["target_stage"], requirements, given["archive_previous"], given["timeout"], *flags]
    if any(value is not None for value in told_of_stages):
        raise click.UsageError("a deployment is taken on with --full, --winner and --comment only")
    record = registry.promote_deployment(
        deployment, full=given["full"], winner=given["winner"], reason=given["comment"]
    )
    session.say(record, told(record), bare=record.id)


@command("archive", "modelyard archive fraud/1.0.0 --reason 'replaced by 2.0.0'")
@click.argument("reference")
@click.option("--reason", default="", metavar="TEXT", help="Why; recorded with the move.")
@pass_session
def archive(session: Session, /, reference: str, reason: str) -> None:
    """Put a version away; a rollback can bring it back."""
    record = session.open().archive_model(reference, reason=reason)
    session.say(record, _moved(record))


@command(
    "rollback",
    "modelyard rollback fraud",
    "modelyard rollback fraud --to 1.0.0 --reason 'errors doubled'",
    "modelyard rollback fraud --snapshot sn_01hz3 --dry-run",
    "modelyard rollback fraud/2.0.0 --stage staging",
)
@click.argument("reference", metavar="MODEL")
@click.option("--to", "target", metavar="VERSION", help="Version to go back to; what was there before when left out.")
@click.option("--snapshot", default="", metavar="ID", help="Snapshot to go back to.")
@click.option("-e", "--environment", default="", metavar="NAME", help="Where the endpoint is; production if unset.")
@click.option("--stage", default="", metavar="STAGE", help="Give this stage back, and not the endpoint.")
@click.option("--reason", default="", metavar="TEXT", help="Why; recorded with the rollback.")
@click.option("--dry-run", is_flag=True, help="Only tell what a rollback of the endpoint would change.")
@click.option("--force", is_flag=True, help="Also to a version that does not answer probes, or is deprecated.")
@click.option(
    "--deprecate/--not-at-fault",
    default=True,
    help="Whether the version that leaves is deprecated; it is, unless said otherwise.",
)
@pass_session
def rollback(session: Session, /, reference: str, target: str | None, **given: Any) -> None:
    """Bring back what was served before, or who held a stage.

    A model that was deployed goes back to its last healthy snapshot, or to what is named. Where nothing was deployed,
    or a stage is named, the stage goes back.
    """
    registry = session.open()
    record = registry.rollback_model(reference, target, **given)
    if record.endpoint is not None:
        say_rollback(session, record.endpoint, record)
        return
    replaced = f", instead of {_name(registry.get_model(record.replaced))}" if record.replaced else ""
    session.say(record, f"{_name(record.version)} stands in {record.stage} again{replaced}")


@command(
    "alias",
    "modelyard alias fraud",
    "modelyard alias fraud champion 1.0.0",
    "modelyard alias fraud champion --delete",
)
@click.argument("name", metavar="MODEL")
@click.argument("alias_name", metavar="[ALIAS]", required=False)
@click.argument("version", metavar="[VERSION]", required=False)
@click.option("--delete", is_flag=True, help="Remove the alias.")
@pass_session
def alias(session: Session, /, name: str, alias_name: str | None, version: str | None, *, delete: bool) -> None:
    """Show, point or remove a model's aliases."""
    registry = session.open()
    if delete:
        if alias_name is None or version is not None:
            raise click.UsageError("--delete takes a model and an alias")
        registry.delete_alias(name, alias_name)
        session.say(registry.list_aliases(name), f"removed {name}@{alias_name}")
    elif alias_name is None:
        records = registry.list_aliases(name)
        session.emit(records, lambda: tables.aliases(records))
    elif version is None:
        hint = f"`modelyard alias {name} {alias_name} VERSION` points it to a version"
        raise InvalidRequest(f"to which version shall {name}@{alias_name} point?", hint=hint)
    else:
        record = registry.set_alias(name, alias_name, version)
        session.say(record, f"{name}@{alias_name} is {record.name}/{record.version}", bare=record.version_id)


def _name(record: Any) -> str:
    return f"{record.name}/{record.version}"


def _moved(record: PromotionRecord, archived: Sequence[str] = ()) -> str:
    if record.from_stage == record.to_stage:
        return f"{_name(record.version)} stands in {record.to_stage} already"
    replaced = f"; archived for it: {', '.join(archived)}" if archived else ""
    return f"{_name(record.version)} moved from {record.from_stage} to {record.to_stage}{replaced}"
