"""`abtest` and `feedback`: how a test between versions stands, how long one takes, and how predictions went."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.deploying import ENVIRONMENT, live_id
from modelyard.cli.lazy import abtest_view
from modelyard.cli.options import parse_json
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain import sample_size
from modelyard.domain.wording import counted
from modelyard.errors import InvalidRequest

ADVISE = "advise"


class Rate(click.ParamType[float]):
    """A share: 0.05, or 5%."""

    name = "RATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return it as a number."""
        text = str(value)
        try:
            return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is no share; write 0.05 or 5%", param, ctx)


class _Tests(Group):
    """Shows a test where the first argument is no command: `abtest ID` is `abtest show ID`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            return "show", self.commands["show"], args
        return super().resolve_command(ctx, args)


@click.group(
    "abtest",
    cls=_Tests,
    examples=(
        "modelyard abtest dp_01hz3",
        "modelyard abtest fraud",
        "modelyard abtest advise --base-rate 5% --effect 1%",
    ),
)
def abtest() -> None:
    """Show how an A/B test stands, or how long one will take.

    `abtest MODEL` shows the live test of a model, `abtest ID` any. Deploy with `--strategy ab-test` to begin one;
    `modelyard advance ID --winner VERSION` ends it.
    """


@command("show", "modelyard abtest show fraud", "modelyard abtest show dp_01hz3 --output json")
@click.argument("deployment", metavar="MODEL|ID")
@ENVIRONMENT
@pass_session
def show(session: Session, /, deployment: str, environment: str) -> None:
    """Show how a test stands, and who has won."""
    registry = session.open()
    result = registry.ab_result(live_id(registry, deployment, environment))
    session.emit(result, lambda: abtest_view.drawn(result))


@command(
    ADVISE,
    "modelyard abtest advise --base-rate 5% --effect 1%",
    "modelyard abtest advise --base-rate 0.3 --effect -0.05 --split 20% --power 0.9",
)
@click.option("--base-rate", type=Rate(), required=True, metavar="RATE", help="How often it happens now: 0.05 or 5%.")
@click.option("--effect", type=Rate(), required=True, metavar="RATE", help="The smallest difference worth finding.")
@click.option("--split", type=Rate(), default=0.5, show_default=True, metavar="RATE", help="The new version's share.")
@click.option("--alpha", type=Rate(), default=0.05, show_default=True, metavar="RATE", help="Risk of a false decision.")
@click.option("--power", type=Rate(), default=0.8, show_default=True, metavar="RATE", help="Chance to find it.")
@pass_session
def advise(session: Session, /, **given: float) -> None:
    """Tell how many users a test will take to find a difference.

    It may be looked at all the time, and ends earlier where the difference is larger. No registry is needed.
    """
    advice = sample_size.advise(**given)
    session.emit(advice, lambda: abtest_view.advice(advice))


@command(
    "feedback",
    "modelyard feedback pn_ZXBf… converted true",
    "modelyard feedback pn_ZXBf… revenue 12.90 --at 2026-03-01T12:00Z",
)
@click.argument("prediction", metavar="PREDICTION_ID")
@click.argument("metric")
@click.argument("value")
@click.option("--at", metavar="TIME", help="When it happened; now if left out.")
@pass_session
def feedback(session: Session, /, prediction: str, metric: str, value: str, at: str | None) -> None:
    """Tell how a prediction went: a number, or true or false."""
    receipt = session.open().feedback(prediction, metric, _value(value), at=at)
    done = "recorded" if receipt.recorded else "had been recorded"
    session.say(receipt, f"{counted(1, 'value')} of {metric} {done}")


def _value(text: str) -> float | bool:
    try:
        found = parse_json(text, "the value")
    except ValueError:
        found = text
    if not isinstance(found, bool | int | float):
        raise InvalidRequest(f"the value is {text!r}", hint="give a finite number, or true or false")
    return found


for each in (show, advise):
    abtest.add_command(each)
