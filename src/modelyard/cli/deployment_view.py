"""How deployments look to people: the picture that `status --watch` renews, a line for each change, and tables.

The picture fits 80 columns. It tells who has how much of the traffic, the state and the verdict, when it goes on, what
each version did in this step, and what happened so far.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from modelyard.cli.tables import Printable, facts, table
from modelyard.cli.text import number, safe
from modelyard.domain.deployment import step_of
from modelyard.domain.durations import elapsed, told
from modelyard.domain.verdicts import one_in
from modelyard.domain.wire import Arm, DeploymentRecord, EndpointRollback, Judgement, Step, Window
from modelyard.domain.wording import counted, moment

BAR = 30
"""Characters of a traffic bar."""
NEWEST = 8
"""Changes that the picture shows."""

_STATES = {
    "STAGE": "cyan",
    "BAKE": "cyan",
    "PAUSED": "yellow",
    "SUCCEEDED": "green",
    "ROLLING_BACK": "red",
    "ROLLED_BACK": "red",
    "REJECTED": "red",
}
_VERDICTS = {"HEALTHY": "green", "REGRESSED": "red", "INCONCLUSIVE": "yellow"}


def picture(record: DeploymentRecord, now: str) -> Printable:
    """Return a deployment as it stands at a moment."""
    parts: list[Printable] = [
        facts(
            (
                ("deployment", f"{record.id}, {record.strategy}"),
                ("endpoint", f"{record.name} in {record.environment}"),
                ("version", f"{record.version}, instead of {record.base}" if record.base else record.version),
                ("state", _state(record)),
                ("step", _step(record)),
                ("verdict", _verdict(record)),
                ("goes on", _going_on(record, now)),
                ("reason", record.reason),
            )
        ),
        Text(""),
        traffic_bars([(arm.version, arm.weight) for arm in traffic(record)]),
    ]
    if record.judgement is not None and record.judgement.challengers:
        parts += [Text(""), judgement(record.judgement)]
    if record.observed:
        parts += [Text(""), observations(record)]
    if record.history:
        parts += [Text(""), history(record, NEWEST)]
    return Group(*parts)


def line(record: DeploymentRecord, now: str) -> str:
    """Return a deployment in one line: the moment, its state, the traffic, and what the new version did."""
    shares = ", ".join(f"{arm.version} {share(arm.weight)}" for arm in traffic(record))
    new = next((seen for seen in record.observed if seen.version_id == record.version_id), None)
    did = f"{counted(new.requests, 'request')}, {counted(new.errors, 'error')}" if new and new.requests else ""
    parts = (moment(now), record.state, _step(record), shares, record.verdict.state if record.live else "", did)
    text = "  ".join(part for part in parts if part)
    return f"{text}  {record.reason}".rstrip()


def traffic(record: DeploymentRecord) -> list[Arm]:
    """Return who has which share of the traffic, by what the deployment's plan says of its weight."""
    for arms in (step_of(record).arms, record.plan.final):
        if record.weight > 0 and _weight(record.version_id, arms) == record.weight:
            return _served(record, arms)
    new = [Arm(version_id=record.version_id, version=record.version, weight=record.weight)] if record.weight else []
    if record.base and record.base_id and record.weight < 1:
        return [*new, Arm(version_id=record.base_id, version=record.base, weight=1 - record.weight)]
    return new


def _served(record: DeploymentRecord, arms: Sequence[Arm]) -> list[Arm]:
    """Return the arms that have traffic, that of the new version first."""
    return sorted((arm for arm in arms if arm.weight > 0), key=lambda arm: arm.version_id != record.version_id)


def traffic_bars(shares: Sequence[tuple[str, float]]) -> Printable:
    """Return a bar for each version, with its share of the traffic."""
    if not shares:
        return Text("no traffic is served", style="dim")
    width = max(len(safe(version)) for version, _ in shares)
    made = Text()
    for place, (version, weight) in enumerate(shares):
        full = round(BAR * weight)
        made.append("\n" if place else "")
        made.append(f"{safe(version):<{width}}  ")
        made.append("█" * full, style="green" if place == 0 else "blue")
        made.append("░" * (BAR - full), style="dim")
        made.append(f"  {share(weight)}")
    return made


def observations(record: DeploymentRecord) -> Printable:
    """Return what each version did since the step began."""
    roles = {record.version_id: "new", record.base_id: "before"}
    rows = [
        (
            seen.version,
            roles.get(seen.version_id, ""),
            f"{seen.requests:,}",
            f"{seen.errors:,}",
            "" if seen.error_rate is None else f"{seen.error_rate:.2%}",
            *(_seconds(value) for value in (seen.p50_s, seen.p95_s, seen.p99_s)),
        )
        for seen in record.observed
    ]
    head = ("VERSION", "ROLE", "REQUESTS", "ERRORS", "ERROR RATE", "P50", "P95", "P99")
    return table(head, rows, right=head[2:])


def judgement(said: Judgement) -> Printable:
    """Return the evidence against each version, the limit beyond which it goes back, and what a proof still takes."""
    rows = [
        (
            one.version,
            number(one.e_value),
            one_in(one.peak),
            f"1 in {said.limit:,.4g}",
            f"{one.failed:,} of {one.units:,}",
            f"{one.base_failed:,} of {one.base_units:,}",
            "proven" if one.needed == 0 else "" if one.needed is None else f"{one.needed:,} more",
        )
        for one in said.challengers
    ]
    head = ("JUDGED", "E", "BY CHANCE", "LIMIT", "FAILED", "BEFORE", "PROOF")
    return table(head, rows, right=head[1:])


def history(record: DeploymentRecord, newest: int | None = None) -> Printable:
    """Return what happened to a deployment, the newest last."""
    rows = [
        (moment(change.at), change.event, change.to_state, change.step + 1, change.actor, change.reason)
        for change in record.history[-newest if newest else 0 :]
    ]
    return table(("AT (UTC)", "EVENT", "STATE", "STEP", "BY", "DETAIL"), rows, right=("STEP",))


def deployments(records: Sequence[DeploymentRecord]) -> Printable:
    """Return a table of deployments."""
    rows = [
        (
            record.id,
            f"{record.name}/{record.version}",
            record.environment,
            record.strategy,
            Text(record.state, style=_STATES.get(record.state, "")),
            share(record.weight) if record.live else "",
            moment(record.created_at),
            record.actor,
        )
        for record in records
    ]
    head = ("ID", "VERSION", "ENVIRONMENT", "STRATEGY", "STATE", "WEIGHT", "SINCE (UTC)", "BY")
    return table(head, rows, right=("WEIGHT",), empty="no deployments")


def plan(record: DeploymentRecord) -> Printable:
    """Return what a deployment would do."""
    rows = [
        (
            place,
            ", ".join(f"{arm.version} {share(arm.weight)}" for arm in _served(record, step.arms)) or "none",
            ", ".join(f"{arm.version} {share(arm.weight)}" for arm in step.shadow),
            _needs(step),
        )
        for place, step in enumerate(record.plan.steps, 1)
    ]
    parts = [table(("STEP", "TRAFFIC", "COPIES", "GOES ON"), rows, right=("STEP",))]
    last = f"then {record.plan.bake_seconds:g} s under watch" if record.plan.bake_seconds else ""
    final = ", ".join(f"{arm.version} {share(arm.weight)}" for arm in record.plan.final)
    return Group(*parts, Text(""), facts((("bake", last), ("at the end", final), ("window", _window(record)))))


def rollbacks(records: Sequence[EndpointRollback]) -> Printable:
    """Return a table of rollbacks."""
    rows = [
        (
            moment(record.at),
            record.name,
            record.environment,
            f"{record.left or 'nothing'} -> {record.version or 'nothing'}",
            record.cause,
            f"{record.seconds:.3f} s",
            record.actor,
            record.reason,
        )
        for record in records
    ]
    head = ("AT (UTC)", "MODEL", "ENVIRONMENT", "VERSIONS", "CAUSE", "TOOK", "BY", "DETAIL")
    return table(head, rows, right=("TOOK",), empty="no rollbacks")


def share(weight: float) -> str:
    """Return a share of the traffic in per cent."""
    return f"{number(weight * 100)} %"


def _state(record: DeploymentRecord) -> Text:
    return Text(record.state, style=_STATES.get(record.state, "bold"))


def _step(record: DeploymentRecord) -> str:
    steps = record.plan.steps
    if not record.live or len(steps) < 2 or record.state in {"PENDING", "PREFLIGHT"}:  # noqa: PLR2004 - one is no way
        return ""
    return f"{min(record.step + 1, len(steps))} of {len(steps)}"


def _verdict(record: DeploymentRecord) -> Text:
    verdict = record.verdict
    if not verdict.reason and verdict.state == "PENDING":
        return Text("")
    made = Text(verdict.state, style=_VERDICTS.get(verdict.state, ""))
    return made.append(f": {safe(verdict.reason)}", style="not bold") if verdict.reason else made


def _going_on(record: DeploymentRecord, now: str) -> str:
    if not record.live:
        return ""
    if record.state == "PAUSED":
        return f"by hand: modelyard resume {record.id}"
    if record.state not in {"PENDING", "PREFLIGHT", "ROLLING_BACK"} and step_of(record).hold:
        return f"by hand: modelyard advance {record.id}"
    if record.due_at is None:
        return ""
    left = elapsed(now, record.due_at)
    when = f"in {told(round(left))} at the earliest" if left >= 1 else "any moment"
    needed = step_of(record).min_requests if record.state == "STAGE" else 0
    return f"{when}, after {counted(needed, 'request')}" if needed else when


def _needs(step: Step) -> str:
    if step.hold:
        return "when somebody says so"
    parts = [
        f"after {step.min_seconds:g} s" if step.min_seconds else "",
        f"{'and' if step.min_seconds else 'after'} {counted(step.min_requests, 'request')}"
        if step.min_requests
        else "",
    ]
    return " ".join(part for part in parts if part) or "at once"


def _window(record: DeploymentRecord) -> str:
    window: Window | None = record.options.window
    if window is None:
        return ""
    return f"{','.join(window.days) or 'every day'} {window.start}-{window.end} {window.timezone}"


def _weight(version_id: str, arms: Sequence[Arm]) -> float:
    return sum(arm.weight for arm in arms if arm.version_id == version_id)


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def changed(one: DeploymentRecord | None, two: DeploymentRecord) -> bool:
    """Whether a deployment looks different to somebody who reads lines."""
    return one is None or _visible(one) != _visible(two)


def _visible(record: DeploymentRecord) -> tuple[object, ...]:
    return record.state, record.step, record.weight, record.verdict.state, record.reason
