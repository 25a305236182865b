"""Commands that change what is served: `deploy`, `pause`, `resume`, `advance`, `abort`; `deployments` lists."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.judge_options import judge_from, judge_options
from modelyard.cli.lazy import deployment_view
from modelyard.cli.options import pairs, parse_json
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.cli.status import conclude, follow
from modelyard.domain.wire import DeploymentRecord
from modelyard.errors import DeploymentNotFound
from modelyard.facade.registry import ModelRegistry

ENVIRONMENT = click.option(
    "-e", "--environment", default="production", show_default=True, metavar="NAME", help="Where the endpoint is."
)
REASON = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history.")
_SECONDS = click.FloatRange(min=0)


class Shares(click.ParamType[list[float]]):
    """Shares in per cent, separated by commas."""

    name = "N,N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the list of numbers."""
        if not isinstance(value, str):
            return value
        try:
            return [float(part.strip().removesuffix("%")) for part in value.split(",") if part.strip()]
        except ValueError:
            self.fail(f"{value!r} is no list of shares such as 10,50,100", param, ctx)


@command(
    "deploy",
    "modelyard deploy fraud 1.4.2",
    "modelyard deploy fraud@champion --strategy blue-green --wait",
    "modelyard deploy fraud 1.4.2 --strategy canary --steps 10,50,100 --max-error-rate 0.02 --max-p95 0.3",
    "modelyard deploy fraud 1.4.2 --strategy canary --alpha 1% --tolerate-latency 10% --require-proof 2",
    "modelyard deploy fraud 1.4.2 --strategy ab-test --split 1.4.1=50 --option metric=converted",
    "modelyard deploy fraud 1.4.2 --window 'sat,sun 02:00-05:00 Europe/Berlin'",
)
@click.argument("reference", metavar="MODEL")
@click.argument("version", metavar="[VERSION]", required=False)
@click.option(
    "--strategy", default="direct", show_default=True, metavar="NAME",
    help="direct, blue-green, canary, rolling, ab-test, shadow, or one that was installed.",
)  # fmt: skip
@ENVIRONMENT
@click.option("--steps", type=Shares(), help="Shares of the new version step by step, in per cent.")
@click.option("--step-seconds", type=_SECONDS, metavar="S", help="Time that each step lasts at least.")
@click.option(
    "--min-requests", type=click.IntRange(min=0), metavar="N", help="Requests that each step needs of the new version."
)
@click.option("--max-step-seconds", type=_SECONDS, metavar="S", help="Time after which a step is inconclusive.")
@click.option(
    "--on-inconclusive", type=click.Choice(["hold", "promote", "rollback"]), help="What then happens; hold if unset."
)
@click.option("--bake-seconds", type=_SECONDS, metavar="S", help="Time that the last step is watched.")
@click.option("--holdback", type=float, metavar="N", help="Share of the old version through that time, in per cent.")
@click.option("--keep-warm-seconds", type=_SECONDS, metavar="S", help="How long the old version stays loaded.")
@click.option("--replicas", type=click.IntRange(min=1), metavar="N", help="Worker processes of the version.")
@click.option(
    "--split", multiple=True, metavar="VERSION=N", help="For A/B tests: another version's share, in per cent."
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE",
    help="For A/B tests: metric, alpha, promote_winner, higher_is_better; or what an installed strategy takes.",
)  # fmt: skip
@click.option("--max-error-rate", type=float, metavar="R", help="Roll back where more than this share failed, in 0..1.")
@click.option("--max-p95", type=float, metavar="S", help="Roll back where 95 of 100 answers take longer than this.")
@click.option("--max-p99", type=float, metavar="S", help="Roll back where 99 of 100 answers take longer than this.")
@judge_options
@click.option("--probes", type=click.IntRange(min=0), metavar="N", help="Probes that have to pass before traffic.")
@click.option("--max-probe-seconds", "max_probe_s", type=float, metavar="S", help="Time that a probe may take.")
@click.option("--start-at", metavar="TIME", help="When it begins, such as 2026-03-01T02:00Z.")
@click.option("--window", metavar="TEXT", help="When it may go on: days, from-to, time zone.")
@click.option("--expected-version", metavar="VERSION", help="Refuse it where another version is served.")
@click.option("--supersede", is_flag=True, default=None, help="Roll a live deployment back first.")
@click.option("--deprecate", is_flag=True, default=None, help="Deprecate the version if its verdict rolls it back.")
@click.option("--kind", type=click.Choice(["cloud", "edge"]), help="Kind of the endpoint, where it is a new one.")
@REASON
@click.option("--dry-run", is_flag=True, help="Only tell the plan.")
@click.option("--wait", is_flag=True, help="Show it until it ends; exit code 1 where it does not succeed.")
@click.option("--timeout", type=_SECONDS, metavar="S", help="With --wait: give up after this time, with exit code 8.")
@pass_session
def deploy(session: Session, /, reference: str, version: str | None, strategy: str, **given: Any) -> None:
    """Begin to serve a version.

    What is left out is as the strategy says. Without a server the deployment goes as far as it can without traffic;
    a server takes it on from there.
    """
    dry_run, wait, timeout = (given.pop(name) for name in ("dry_run", "wait", "timeout"))
    registry = session.open()
    record = registry.deploy(reference, version, strategy, dry_run=dry_run, **_options(given))
    if dry_run:
        session.emit(record, lambda: deployment_view.plan(record))
        return
    if wait:
        if session.output == "table":
            session.note(_begun(record))
        record = follow(session, registry, record, timeout=timeout, silent=session.output != "table")
    session.say(record, _begun(record), bare=record.id)
    if wait:
        conclude(record)


@command("deployments", "modelyard deployments", "modelyard deployments fraud --state live")
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("-e", "--environment", metavar="NAME", help="Only those in this environment.")
@click.option("--state", metavar="STATE", help="Only those in this state; live for all that have not ended.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="The most to show."
)
@pass_session
def deployments(session: Session, /, name: str | None, **given: Any) -> None:
    """List past and present deployments, the newest first."""
    records = session.open().list_deployments(name, **given)
    session.emit(records, lambda: deployment_view.deployments(records))


@command("pause", "modelyard pause fraud", "modelyard pause dp_01hz3 --reason 'looking at the logs'")
@click.argument("deployment", metavar="MODEL|ID")
@ENVIRONMENT
@REASON
@pass_session
def pause(session: Session, /, deployment: str, environment: str, reason: str) -> None:
    """Stop a deployment at its step.

    Its limits and probes go on counting.
    """
    registry = session.open()
    record = registry.pause_deployment(live_id(registry, deployment, environment), reason=reason)
    session.say(record, told(record), bare=record.id)


@command("resume", "modelyard resume fraud", "modelyard resume dp_01hz3")
@click.argument("deployment", metavar="MODEL|ID")
@ENVIRONMENT
@REASON
@pass_session
def resume(session: Session, /, deployment: str, environment: str, reason: str) -> None:
    """Let a paused deployment go on."""
    registry = session.open()
    record = registry.resume_deployment(live_id(registry, deployment, environment), reason=reason)
    session.say(record, told(record), bare=record.id)


@command(
    "advance",
    "modelyard advance fraud",
    "modelyard advance dp_01hz3 --full",
    "modelyard advance fraud --winner 1.4.1",
)
@click.argument("deployment", metavar="MODEL|ID")
@ENVIRONMENT
@click.option("--full", is_flag=True, help="To its end, and not only to its next step.")
@click.option("--winner", metavar="VERSION", help="End an A/B test: this version serves from now on.")
@REASON
@pass_session
def advance(session: Session, /, deployment: str, environment: str, **given: Any) -> None:
    """Take a deployment to its next step now.

    `modelyard promote ID` does the same.
    """
    registry = session.open()
    record = registry.promote_deployment(live_id(registry, deployment, environment), **given)
    session.say(record, told(record), bare=record.id)


@command("abort", "modelyard abort fraud --reason 'wrong version'", "modelyard abort dp_01hz3")
@click.argument("deployment", metavar="MODEL|ID")
@ENVIRONMENT
@REASON
@pass_session
def abort(session: Session, /, deployment: str, environment: str, reason: str) -> None:
    """End a deployment: what served before serves again."""
    registry = session.open()
    record = registry.abort_deployment(live_id(registry, deployment, environment), reason=reason)
    session.say(record, told(record), bare=record.id)


def live_id(registry: ModelRegistry, text: str, environment: str) -> str:
    """Return the id of a deployment that is named by its id, or by the model whose live deployment it is.

    Raises:
        DeploymentNotFound: the model has no live deployment there.
    """
    if is_deployment(text):
        return text
    live = registry.get_endpoint(text, environment).deployment
    if live is None:
        hint = f"past ones: modelyard deployments {text}"
        raise DeploymentNotFound(f"{text} has no live deployment in {environment}", hint=hint)
    return live.id


def is_deployment(text: str) -> bool:
    """Whether a text is the id of a deployment, and no reference."""
    return text.startswith("dp_") and not {"/", "@"} & set(text)


def told(record: DeploymentRecord) -> str:
    """Return how a deployment stands in one sentence."""
    reason = f": {record.reason}" if record.reason else ""
    return f"{record.id} of {record.name}/{record.version} in {record.environment} is {record.state}{reason}"


def _begun(record: DeploymentRecord) -> str:
    more = f"; watch it with `modelyard status {record.id} --watch`" if record.live else ""
    return f"{told(record)}{more}"


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given, as keyword arguments of `ModelRegistry.deploy`."""
    limits = {
        "max_error_rate": given.pop("max_error_rate"),
        "max_p95_s": given.pop("max_p95"),
        "max_p99_s": given.pop("max_p99"),
    }
    judge = judge_from(given)
    split = {}
    for version, text in pairs(given.pop("split")).items():
        try:
            split[version] = float(text.removesuffix("%"))
        except ValueError:
            raise click.BadParameter(f"{text!r} is no share in per cent", param_hint="--split") from None
    options = {name: _value(text) for name, text in pairs(given.pop("options")).items()}
    found = {**given, "split": split or None, "options": options or None}
    found["judge"] = judge
    found["limits"] = {name: value for name, value in limits.items() if value is not None} or None
    return {name: value for name, value in found.items() if value not in (None, "")}


def _value(text: str) -> Any:
    """The value of an option: JSON, or else a text."""
    try:
        return parse_json(text, "the option")
    except ValueError:
        return text
