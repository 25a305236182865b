"""The options of `deploy` that the judge goes by, and how they become one argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


class Part(click.ParamType[float]):
    """A part of something: `10%`, or `0.1`."""

    name = "N%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the part, as 0.1 for ten per cent."""
        if not isinstance(value, str):
            return value
        try:
            number = float(value.strip().removesuffix("%"))
        except ValueError:
            self.fail(f"{value!r} is no part such as 10% or 0.1", param, ctx)
        return number / 100 if value.strip().endswith("%") else number


_PART = Part()
_FIELDS = {
    "judge": "mode",
    "alpha": "alpha",
    "require_proof": "require_proof",
    "slo_error_rate": "max_error_rate",
    "tolerate_errors": "tolerate_errors",
    "tolerate_latency": "tolerate_latency",
    "fast_enough": "fast_enough_s",
    "tolerate_tokens": "tolerate_tokens",
}
"""Option → field of `JudgeOptions`."""
_OPTIONS = (
    click.option(
        "--judge", type=click.Choice(["act", "observe", "off"]),
        help="Whether evidence rolls it back, is only told, or is not looked at; act if unset.",
    ),
    click.option("--alpha", type=_PART, metavar="P", help="Risk of sending back what is no worse; 5% if unset."),
    click.option(
        "--require-proof", type=float, metavar="N", help="Leave a step only with proof of less than N times the errors."
    ),
    click.option(
        "--slo-error-rate", type=_PART, metavar="R",
        help="Roll back on evidence that more than this share fails, whatever the old version does.",
    ),
    click.option("--tolerate-errors", type=float, metavar="N", help="So many times as many errors are no reason; 1."),
    click.option("--tolerate-latency", type=_PART, metavar="N%", help="So much slower is no reason, such as 10%."),
    click.option("--fast-enough", type=float, metavar="S", help="Latencies up to this are all alike; 0.005 if unset."),
    click.option("--tolerate-tokens", type=_PART, metavar="N%", help="So many more tokens are no reason, such as 10%."),
)  # fmt: skip


def judge_options(function: Function) -> Function:
    """Give a command the options that the judge goes by."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def judge_from(given: dict[str, Any]) -> dict[str, Any] | None:
    """Take these options out of what was given; return those that were given as the `judge` argument, or None."""
    taken = {field: given.pop(option) for option, field in _FIELDS.items()}
    return {field: value for field, value in taken.items() if value is not None} or None
