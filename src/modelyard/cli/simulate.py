"""`simulate`: what the judge would make of one's own traffic, before anything is released."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.judge_options import judge_from, judge_options
from modelyard.cli.lazy import tables
from modelyard.cli.options import Names
from modelyard.cli.progress import bar
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.domain.simulation import SimulatedEffect, Simulation
from modelyard.domain.verdicts import OFF
from modelyard.errors import InvalidRequest
from modelyard.facade.simulating import simulate as simulated

_TRAFFIC = (
    click.option("--traffic", default="500/min", show_default=True, metavar="N/TIME", help="Requests to both."),
    click.option("--error-rate", default="1%", show_default=True, metavar="SHARE", help="Share that fails now."),
    click.option("--p50", metavar="TIME", help="Median latency, such as 80ms; without it, errors only are simulated."),
    click.option("--p99", metavar="TIME", help="99th percentile of the latency, such as 400ms."),
    click.option("--tokens", type=float, metavar="N", help="Median of a request's tokens, for models that take some."),
    click.option(
        "--sticky", type=click.IntRange(min=0), default=0, metavar="USERS", help="Users who stay with their version."
    ),
    click.option("--troubled", default="100%", metavar="SHARE", help="Share of these users that all errors happen to."),
    click.option("--drift", type=float, default=1.0, metavar="TIMES", help="How many times as many errors in the end."),
)
_PLAN = (
    click.option("--weight", metavar="SHARE", help="The new version's share of the traffic throughout; 10%."),
    click.option("--steps", type=Names(), metavar="N,N", help="Or else its shares in percent, such as 10,50,100."),
    click.option("--step-seconds", type=float, metavar="SECONDS", help="How long a step lasts; 600."),
    click.option(
        "--requests", type=int, metavar="N", help="Requests of a release at most; 20000 where there are no steps."
    ),
)
_METRICS = click.option(
    "--metrics", type=Names(), metavar="NAME,NAME", help="Of errors, latency, tokens; all if left out."
)
_RUNS = (
    click.option(
        "--effect",
        "effects",
        multiple=True,
        metavar="TEXT",
        help="'errors x2', 'errors 5%', 'latency +20%', … ; repeatable.",
    ),
    click.option("--runs", type=click.IntRange(min=1), metavar="N", help="Releases of each kind; 200 if time allows."),
    click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Start of the random numbers."),
)
_USUAL_RUNS = 200
_PATIENCE_S = 10.0
"""How long it goes on where the number of runs was not asked for."""


def _options(function: Any) -> Any:
    for option in reversed(_RUNS):
        function = option(function)
    function = judge_options(_METRICS(function))
    for option in reversed((*_TRAFFIC, *_PLAN)):
        function = option(function)
    return function


@command(
    "simulate",
    "modelyard simulate --traffic 500/min --error-rate 0.5%",
    "modelyard simulate --traffic 20/s --p50 80ms --p99 400ms --steps 10,50,100 --step-seconds 600",
    "modelyard simulate --error-rate 0.1% --effect 'errors 1%' --effect 'errors x5 after 5000' --runs 1000",
)
@_options
@pass_session
def simulate(session: Session, /, **given: Any) -> None:
    """Show what the judge will find, how soon, and how often in error.

    New versions with several faults are released to simulated traffic, by the engine that judges real releases. No
    registry is needed.
    """
    if given["weight"] and given["steps"]:
        raise InvalidRequest("a release has steps or one weight", hint="leave --weight or --steps out")
    judge = judge_from(given) or {}
    if judge.get("mode") == OFF:
        raise InvalidRequest("nothing is found where nobody judges", hint="leave --judge out")
    runs = given.pop("runs")
    patience = None if runs else _PATIENCE_S
    asked = {name: value for name, value in given.items() if value is not None and value != ()}
    with bar(session, "simulating releases", None, is_bytes=False) as progress:
        found = simulated(**_read(asked), **judge, runs=runs or _USUAL_RUNS, seconds=patience, progress=progress)
    session.emit(found, lambda: _drawn(found, errors_only=not (given["p50"] or given["tokens"])))


def _read(asked: dict[str, Any]) -> dict[str, Any]:
    """Turn texts into what the function takes."""
    if "steps" in asked:
        try:
            asked["steps"] = [float(step.rstrip("% ")) for step in asked["steps"]]
        except ValueError:
            raise InvalidRequest(
                f"the steps are {','.join(asked['steps'])}", hint="give rising percentages, such as 10, 50, 100"
            ) from None
    return asked


def _drawn(found: Simulation, *, errors_only: bool) -> tables.Printable:
    head = ("NEW VERSION", "RUNS", "ROLLED BACK", "ITS REQUESTS", "90%", "TIME", "90%", "PROVEN", "HARM")
    table = tables.table(head, [_row(row) for row in found.effects], right=head[1:])
    notes = list(found.words)
    if errors_only:
        notes.append("Only errors were simulated; --p50 adds latencies, which cost false rollbacks of their own.")
    notes.append(
        f"ROLLED BACK: share of the releases. ITS REQUESTS, TIME: until then, in the median and in 90 of 100. "
        f"PROVEN: not {found.proof_ratio:g} times as many errors. HARM: failed requests of a release."
    )
    return tables.stacked(table, "\n".join(notes))


def _row(row: SimulatedEffect) -> tuple[object, ...]:
    return (
        row.effect,
        row.runs,
        f"{100 * row.rolled_back:.1f}% ±{100 * row.rolled_back_error:.1f}",
        _whole(row.requests),
        _whole(row.requests_q90),
        _clock(row.seconds),
        _clock(row.seconds_q90),
        f"{100 * row.proven:.0f}%",
        f"{row.harm:.3g}" if row.harm else "",
    )


def _whole(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"


def _clock(seconds: float | None) -> str:
    """A time as hours, minutes and seconds: 17:05, 1:02:30."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
