"""How tests between versions look to people: a sentence, the versions, and the evidence both ways."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from modelyard.cli.deployment_view import share
from modelyard.cli.tables import Printable, facts, table
from modelyard.cli.text import number, safe
from modelyard.domain.wire import AbComparison, AbResult, SampleAdvice

_VERDICTS = {"better": "green", "worse": "red"}
_LARGEST = 1e6


def drawn(result: AbResult) -> Printable:
    """Return how a test stands."""
    options = result.options
    ends = "the winner ends it" if options.promote_winner else f"modelyard advance {result.deployment_id} --winner …"
    return Group(
        Text(safe(result.said), style="green" if result.winner else ""),
        Text(""),
        facts(
            (
                ("test", f"{result.deployment_id} of {result.name} in {result.environment}, {result.state}"),
                ("metric", f"{options.metric}, {'higher' if options.higher_is_better else 'lower'} is better"),
                ("alpha", f"{options.alpha:g}, over the whole test"),
                ("decides", f"evidence of {result.standing.limit:g}, either way"),
                ("ends", ends if result.state == "STAGE" else ""),
            )
        ),
        Text(""),
        _arms(result),
        Text(""),
        _comparisons(result),
    )


def advice(told: SampleAdvice) -> Printable:
    """Return how long a test will take."""
    return facts(
        (
            ("to find", f"{told.base_rate:g} -> {told.base_rate + told.effect:g}"),
            ("units", f"{told.units:,} of both versions together"),
            ("new version", f"{told.challenger_units:,}"),
            ("reference", f"{told.reference_units:,}"),
            ("found with", f"a probability of {told.power:g} at least, earlier where the difference is larger"),
            ("false alarm", f"a probability of {told.alpha:g} at most, however often somebody looks"),
        )
    )


def _arms(result: AbResult) -> Printable:
    rows = [
        (
            arm.version,
            "reference" if arm.version == result.reference else "",
            share(arm.weight) if arm.weight else "",
            f"{arm.units:,}",
            number(arm.mean),
        )
        for arm in result.standing.arms
    ]
    return table(("VERSION", "ROLE", "SHARE", "UNITS", "MEAN"), rows, right=("SHARE", "UNITS", "MEAN"))


def _comparisons(result: AbResult) -> Printable:
    rows = [
        (
            one.version,
            Text(one.verdict or "open", style=_VERDICTS.get(one.verdict, "dim")),
            _evidence(one.e_better),
            _evidence(one.e_worse),
            number(one.effect),
            _interval(one),
            "" if one.needed is None else f"{one.needed:,}",
        )
        for one in result.standing.comparisons
    ]
    head = ("VERSION", "VERDICT", "E BETTER", "E WORSE", "EFFECT", "INTERVAL", "NEEDS")
    return table(head, rows, right=("E BETTER", "E WORSE", "EFFECT", "INTERVAL", "NEEDS"))


def _evidence(value: float) -> str:
    return f"{value:.3g}" if value < _LARGEST else f"> {_LARGEST:,.0f}"


def _interval(one: AbComparison) -> str:
    return "" if one.low is None or one.high is None else f"{number(one.low)} … {number(one.high)}"
