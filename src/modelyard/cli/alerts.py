"""`alerts`: what is wrong. `alert`: the rules that say so, silences, and the channels that people are told through."""

from __future__ import annotations

import click

from modelyard.cli.alert_channels import channel
from modelyard.cli.alert_rules import rule
from modelyard.cli.interrupts import interruptible
from modelyard.cli.lazy import sending, tables
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain.wire import AlertRecord
from modelyard.domain.wording import moment


@command("alerts", "modelyard alerts", "modelyard alerts fraud --state firing --output json")
@click.argument("model", required=False)
@click.option(
    "--state",
    type=click.Choice(["live", "pending", "firing", "resolved", "all"]),
    default="live",
    show_default=True,
    help="Only those in this state; live are all that are not resolved.",
)
@click.option("--environment", metavar="NAME", help="Only those of this environment.")
@click.option("--rule", metavar="NAME", help="Only those of this rule.")
@click.option("--severity", type=click.Choice(["info", "warning", "critical"]), help="Only so severe ones, or more.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many.")
@pass_session
def alerts(
    session: Session,
    /,
    model: str | None,
    state: str,
    environment: str | None,
    rule: str | None,
    severity: str | None,
    limit: int,
) -> None:
    """List what is wrong, the newest first."""
    records = session.open().list_alerts(
        model,
        state=None if state == "all" else state,
        environment=environment,
        rule=rule,
        severity=severity,
        limit=limit,
    )
    session.emit(records, lambda: _table(records, "no alerts" if model is None else f"no alerts about {model}"))


@click.group(
    "alert",
    cls=Group,
    examples=(
        "modelyard alert rule defaults",
        "modelyard alert rule set slow --kind threshold --model fraud --metric p95 --above 0.3 --for 2m",
        "modelyard alert channel set team --kind slack --url-env SLACK_WEBHOOK_URL",
        "modelyard alert silence add --model fraud --for 2h --reason 'the feature store is moved'",
    ),
)
def alert() -> None:
    """Say what shall be watched, and who is told.

    A server looks for what is wrong and sends the messages.
    """


@command("show", "modelyard alert show al_01hz3")
@click.argument("alert_id", metavar="ALERT")
@pass_session
def show(session: Session, /, alert_id: str) -> None:
    """Show one alert."""
    record = session.open().get_alert(alert_id)
    session.emit(record, lambda: tables.facts(_facts(record)))


@command("send", "modelyard alert send", "modelyard alert send --once")
@click.option("--once", is_flag=True, help="Try what is due once, and end.")
@pass_session
def send(session: Session, /, *, once: bool) -> None:
    """Send what channels wait for, without a server.

    Any number may run, beside servers too.
    """
    settings = session.settings_of_present()
    if not once:
        session.note("sending; Ctrl-C ends it")
    with interruptible() as interrupted:
        counts = sending.notify(settings, once=once, interrupted=interrupted)
    session.say(counts, f"{counts['sent']} sent, {counts['failed']} failed")


@click.group("silence", cls=Group, examples=("modelyard alert silence list",))
def silence() -> None:
    """Keep people from being told of some alerts for some time."""


@command(
    "add",
    "modelyard alert silence add --model fraud --for 2h --reason 'the feature store is moved'",
    "modelyard alert silence add --rule latency-worse --environment edge --until 2026-03-01T12:00Z",
)
@click.option("--rule", metavar="PATTERN", help="Of which rules; a * may end each pattern.")
@click.option("--model", metavar="PATTERN", help="Of which models.")
@click.option("--environment", metavar="PATTERN", help="Of which environments.")
@click.option("--version", metavar="PATTERN", help="Of which versions.")
@click.option("--severity", metavar="PATTERN", help="Of which severity.")
@click.option("--for", "duration", metavar="LENGTH", help="For how long, such as 2h.")
@click.option("--until", metavar="MOMENT", help="Until when, instead.")
@click.option("--reason", metavar="TEXT", default="", help="Why.")
@pass_session
def add(
    session: Session, /, duration: str | None, until: str | None, reason: str, **patterns: str | None
) -> None:  # fmt: skip
    """Tell nobody of these alerts; they are recorded all the same."""
    match = {name: pattern for name, pattern in patterns.items() if pattern is not None}
    record = session.open().silence_alerts(duration=duration, until=until, reason=reason, **match)
    session.say(record, f"silent until {moment(record.until)} ({record.id})", bare=record.id)


@command("list", "modelyard alert silence list")
@pass_session
def list_(session: Session) -> None:
    """List the silences that hold now."""
    records = session.open().list_silences()
    rows = [
        (
            one.id,
            one.match.rule,
            one.match.model,
            one.match.environment,
            one.match.version,
            one.match.severity,
            moment(one.until),
            one.created_by,
            one.reason,
        )
        for one in records
    ]
    head = ("SILENCE", "RULE", "MODEL", "ENVIRONMENT", "VERSION", "SEVERITY", "UNTIL (UTC)", "BY", "REASON")
    session.emit(records, lambda: tables.table(head, rows, empty="nothing is silenced"))


@command("end", "modelyard alert silence end si_01hz3")
@click.argument("silence_id", metavar="SILENCE")
@pass_session
def end(session: Session, /, silence_id: str) -> None:
    """End a silence now."""
    record = session.open().end_silence(silence_id)
    session.say(record, f"{record.id} is over")


for each in (add, list_, end):
    silence.add_command(each)
for one in (show, send, rule, channel, silence):
    alert.add_command(one)


def _table(records: list[AlertRecord], empty: str) -> tables.Printable:
    rows = [
        (
            one.id,
            f"{one.state} (silenced)" if one.silenced and one.state != "resolved" else one.state,
            one.severity,
            one.rule,
            one.model,
            one.environment,
            one.version,
            moment(one.started_at),
            one.reason if one.state == "resolved" and one.reason else one.summary,
        )
        for one in records
    ]
    head = ("ALERT", "STATE", "SEVERITY", "RULE", "MODEL", "ENVIRONMENT", "VERSION", "SINCE (UTC)", "WHAT")
    return tables.table(head, rows, empty=empty)


def _facts(record: AlertRecord) -> list[tuple[str, object]]:
    return [
        ("alert", record.id),
        ("state", f"{record.state}, silenced" if record.silenced else record.state),
        ("severity", record.severity),
        ("rule", record.rule),
        ("model", record.model),
        ("environment", record.environment),
        ("version", record.version),
        ("what", record.summary),
        ("value", "" if record.value is None else f"{record.value:.6g}"),
        ("limit", "" if record.limit is None else f"{record.limit:.6g}"),
        ("since", moment(record.started_at)),
        ("fired", moment(record.fired_at) if record.fired_at else ""),
        ("resolved", moment(record.resolved_at) if record.resolved_at else ""),
        ("reason", record.reason),
    ]
