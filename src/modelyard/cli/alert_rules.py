"""`alert rule`: what shall be watched."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.alert_options import Length, members
from modelyard.cli.lazy import tables
from modelyard.cli.options import Document, Names
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain.alert_checks import BASELINES, RULE_KINDS, check_burn_windows
from modelyard.domain.alert_measures import METRICS
from modelyard.domain.alerts import SEVERITIES
from modelyard.domain.durations import told
from modelyard.domain.wire import AlertRule, AlertRuleRecord
from modelyard.domain.wording import counted


@click.group(
    "rule",
    cls=Group,
    examples=(
        "modelyard alert rule defaults --model 'fraud*'",
        "modelyard alert rule set slow --kind threshold --model fraud --metric p95 --above 0.3 --for 2m",
        "modelyard alert rule list",
    ),
)
def rule() -> None:
    """Say what shall be watched."""


@command(
    "set",
    "modelyard alert rule set slow --kind threshold --model fraud --metric p95 --above 0.3 --resolve-at 0.25 --for 2m",
    "modelyard alert rule set worse --kind degradation --metric error_rate --ratio 2 --baseline previous",
    "modelyard alert rule set slo --kind burn_rate --objective 0.995 --severity critical --channels pager",
    "modelyard alert rule set silent --kind no_data --model fraud --window 10m",
    "modelyard alert rule set slow rule.json",
)
@click.argument("name")
@click.argument("document", type=Document(), required=False)
@click.option("--kind", type=click.Choice(RULE_KINDS), help="What is looked for.")
@click.option("--metric", type=click.Choice(METRICS), help="Of thresholds and degradations.")
@click.option("--model", metavar="PATTERN", help="Which models; a * may end each pattern.")
@click.option("--environment", metavar="PATTERN", help="Which environments.")
@click.option("--version", metavar="PATTERN", help="Which versions.")
@click.option("--above", type=float, metavar="N", help="Of a threshold: fires beyond this. Of drift: the PSI.")
@click.option("--below", type=float, metavar="N", help="Of a threshold: fires under this.")
@click.option("--ratio", type=float, metavar="N", help="Of a degradation: how many times as bad.")
@click.option("--baseline", type=click.Choice(BASELINES), help="The version's own past, or the version before it.")
@click.option("--baseline-window", "baseline_s", type=Length(), help="How far back the baseline goes; a day.")
@click.option("--objective", type=float, metavar="SHARE", help="Of a burn rate: the share of good answers; 0.999.")
@click.option("--burn", metavar="LONG/SHORT/FACTOR,…", help="Windows of a burn rate, in seconds; Google's are usual.")
@click.option("--window", "window_s", type=Length(), help="How long a window is; 5m.")
@click.option("--for", "for_s", type=Length(), help="How long it has to hold before it fires.")
@click.option("--resolve-at", type=float, metavar="N", help="What it has to come back to; the limit.")
@click.option("--keep-firing", "keep_firing_s", type=Length(), help="How long it has to be well to resolve; 5m.")
@click.option("--min-requests", type=click.IntRange(min=0), metavar="N", help="Nothing follows from fewer; 50.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="How bad it is; warning.")
@click.option("--channels", type=Names(), help="Who is told; everybody who wants to hear of it if left out.")
@click.option("--description", metavar="TEXT", help="What it is about, for people.")
@click.option("--enabled/--disabled", default=None, help="Whether it is looked for.")
@pass_session
def set_(session: Session, /, name: str, document: dict[str, Any] | None, burn: str | None, **fields: Any) -> None:
    """Make a rule, or replace the one of that name.

    It is said by options, or by a document with the same members as JSON or YAML; options count over it.
    """
    fields["burn"] = check_burn_windows(burn) if burn is not None else None
    record = session.open().set_alert_rule(name, **members(AlertRule, document, fields))
    session.say(record, f"rule {record.name} ({record.rule.kind}) watches {_where(record.rule)}")


@command("defaults", "modelyard alert rule defaults", "modelyard alert rule defaults --model fraud --prefix fraud-")
@click.option("--model", metavar="PATTERN", default="*", help="Which models; all if left out.")
@click.option("--prefix", metavar="TEXT", default="", help="What the names of the rules begin with.")
@pass_session
def defaults(session: Session, /, model: str, prefix: str) -> None:
    """Switch on the rules that are there for everybody; what is there already stays as it is."""
    records = session.open().set_default_alert_rules(model, prefix=prefix)
    names = ", ".join(one.name for one in records)
    session.say(records, f"{counted(len(records), 'rule')}: {names}")


@command("list", "modelyard alert rule list", "modelyard alert rule list --output json")
@pass_session
def list_(session: Session) -> None:
    """List the rules."""
    records = session.open().list_alert_rules()
    rows = [
        (
            one.name,
            one.rule.kind,
            what_of(one.rule),
            _where(one.rule),
            _window(one.rule),
            one.rule.severity,
            ", ".join(one.rule.channels) or "all",
            "" if one.rule.enabled else "off",
        )
        for one in records
    ]
    head = ("RULE", "KIND", "FIRES", "WATCHES", "WINDOW", "SEVERITY", "CHANNELS", "STATE")
    session.emit(
        records, lambda: tables.table(head, rows, empty="no rules; `modelyard alert rule defaults` makes some")
    )


@command("show", "modelyard alert rule show slow")
@click.argument("name")
@pass_session
def show(session: Session, /, name: str) -> None:
    """Show one rule."""
    record = session.open().get_alert_rule(name)
    session.emit(record, lambda: tables.facts(_facts(record)))


@command("delete", "modelyard alert rule delete slow")
@click.argument("name")
@pass_session
def delete(session: Session, /, name: str) -> None:
    """Delete a rule; its alerts resolve."""
    record = session.open().delete_alert_rule(name)
    session.say(record, f"deleted rule {record.name}")


for each in (set_, defaults, list_, show, delete):
    rule.add_command(each)


def what_of(given: AlertRule) -> str:
    """When a rule fires, in few words."""
    if given.kind == "threshold":
        limits = [
            f"{word} {limit:g}" for word, limit in (("above", given.above), ("below", given.below)) if limit is not None
        ]
        return f"{given.metric} {' or '.join(limits)}"
    if given.kind == "degradation":
        return f"{given.metric} {given.ratio:g} times as bad as {given.baseline}"
    if given.kind == "burn_rate":
        return f"budget of {given.objective:g} burns {' or '.join(f'{one.factor:g}' for one in given.burn)} times"
    return "no requests" if given.kind == "no_data" else f"PSI above {0.25 if given.above is None else given.above:g}"


def _window(given: AlertRule) -> str:
    """How long a rule looks back; of a burn rate, its long windows."""
    return ", ".join(told(one.long_s) for one in given.burn) if given.burn else told(given.window_s)


def _where(given: AlertRule) -> str:
    return f"{given.model}/{given.environment}/{given.version}"


def _facts(record: AlertRuleRecord) -> list[tuple[str, object]]:
    members = [(name, getattr(record.rule, name)) for name in record.rule.__dataclass_fields__]
    return [("rule", record.name), *members, ("revision", record.revision), ("by", record.created_by)]
