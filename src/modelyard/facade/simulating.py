"""`simulate`: what the judge would make of one's own traffic, before anything is released."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from modelyard.domain.names import shown
from modelyard.domain.plans import rising
from modelyard.domain.quantities import effect, length_s, per_minute, share
from modelyard.domain.releases import Scenario
from modelyard.domain.simulation import MOST_KEYS, MOST_REQUESTS, Simulation, Study, usual_effects
from modelyard.domain.wire.judge import JudgeOptions
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import build

MOST_RUNS = 100_000
_USUAL_STEP_S = 600.0
_USUAL_REQUESTS = 20_000


@dataclass(frozen=True, kw_only=True)
class Described:
    """Traffic and plan, in the words of people; what is left out is as usual."""

    p50: str | float | None = None
    """Median of the latency, such as `80ms` or a number of seconds; left out, errors only are simulated."""
    p99: str | float | None = None
    """99th percentile of the latency."""
    tokens: float | None = None
    """Median of the tokens of a request, for models that take some."""
    weight: str | float = "10%"
    """Share of the traffic that the new version gets, throughout."""
    steps: Sequence[float] | None = None
    """Or else its shares in percent, one after the other, such as [10, 50, 100]."""
    step_seconds: str | float = _USUAL_STEP_S
    """How long each of the steps lasts."""
    requests: int | None = None
    """After how many requests a release ends at the latest; 20,000 where there are no steps."""
    sticky: int = 0
    """Number of users who come again and stay with their version; 0 draws each request for itself."""
    troubled: str | float = 1.0
    """Share of these users that all errors happen to."""
    drift: float = 1.0
    """How many times as many errors both versions make in the end as in the beginning."""


def simulate(
    traffic: str | float = "500/min",
    error_rate: str | float = "1%",
    *,
    effects: Sequence[str] | None = None,
    runs: int = 200,
    seconds: float | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    **more: Any,
) -> Simulation:
    """Release new versions to simulated traffic, and tell what the judge makes of them.

    The engine is the one that judges real releases. Nothing is read from a registry or written to one.

    Args:
        traffic: requests of both versions, such as `500/min`; a number is per minute.
        error_rate: share of them that fail now, such as `0.5%` or 0.005.
        effects: what may be different about a new version, such as `errors x2`, `latency +20%`, `errors 5% after
            10000`; the usual ones where it is left out.
        runs: releases for each effect.
        seconds: stop after so much time, with fewer releases; no bound where it is left out.
        seed: where the random numbers come from; the same one gives the same result.
        progress: is told each time that releases are done, how many.
        **more: traffic and plan: p50, p99, tokens, weight, steps, step_seconds, requests, sticky, troubled, drift (see
            `Described`); and how he shall judge: alpha, metrics, require_proof, … (see `JudgeOptions`).

    Raises:
        InvalidRequest: a value is none, or nothing could be learnt from the scenario.
    """
    _check_whole("the runs", runs, 1, MOST_RUNS)
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
        raise InvalidRequest(f"the seconds are {shown(seconds)}", hint="give a number")
    described, judge = _sorted_out(more)
    scenario = _scenario(per_minute(traffic), share(error_rate, "the error rate"), described, judge)
    chosen = usual_effects(scenario) if effects is None else [effect(text) for text in effects]
    study = Study(scenario, chosen, seed)
    _go_on(study, runs, seconds, progress)
    return study.result()


def _sorted_out(given: dict[str, Any]) -> tuple[Described, JudgeOptions]:
    known = {kind: [one.name for one in fields(kind)] for kind in (Described, JudgeOptions)}
    names = [name for each in known.values() for name in each]
    for name in given:
        if name not in names:
            raise InvalidRequest(f"there is nothing called {shown(name)} to say", hint=f"there is {', '.join(names)}")
    parts = ({name: value for name, value in given.items() if name in each} for each in known.values())
    described, judge = parts
    metrics = judge.get("metrics", [])
    if not isinstance(metrics, list | tuple) or not all(isinstance(name, str) for name in metrics):
        raise InvalidRequest(
            f"the judge's metrics are {shown(metrics)}", hint='give a list such as ["errors", "latency"]'
        )
    return build(Described, described), build(JudgeOptions, judge)


def _scenario(traffic: float, error_rate: float, given: Described, judge: JudgeOptions) -> Scenario:
    _check_whole("the users", given.sticky, 0, MOST_KEYS)
    if given.requests is not None:
        _check_whole("the requests", given.requests, 1, MOST_REQUESTS)
    shares = None if given.steps is None else tuple(one / 100.0 for one in rising(given.steps))
    most = _USUAL_REQUESTS if given.requests is None and shares is None else given.requests
    return Scenario(
        per_minute=traffic,
        error_rate=error_rate,
        p50_s=None if given.p50 is None else length_s(given.p50, "the median of the latency"),
        p99_s=None if given.p99 is None else length_s(given.p99, "the 99th percentile of the latency"),
        tokens=None if given.tokens is None else _positive("the number of tokens", given.tokens),
        keys=given.sticky,
        troubled=share(given.troubled, "the share of users with trouble"),
        steps=(share(given.weight, "the weight"),) if shares is None else shares,
        step_seconds=None if shares is None else length_s(given.step_seconds, "the length of a step"),
        requests=most,
        drift=_positive("the drift", given.drift),
        options=judge,
    )


def _check_whole(what: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequest(f"{what} are {shown(value)}", hint=f"give a whole number from {least} to {most:,}")


def _positive(what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-3 <= value <= 1e6:  # noqa: PLR2004
        raise InvalidRequest(f"{what} is {shown(value)}", hint="give a number from 0.001 to 1,000,000")
    return float(value)


def _go_on(study: Study, runs: int, seconds: float | None, progress: Callable[[int], None] | None) -> None:
    """Simulate until there are enough releases, or time is up. Every effect gets the same time, and one release."""
    spent = dict.fromkeys(range(len(study)), 0.0)
    begun = time.perf_counter()
    while spent:
        place = min(spent, key=lambda one: (study.runs(one) > 0, spent[one]))
        before = time.perf_counter()
        if seconds is not None and before - begun > seconds and study.runs(place):
            return
        study.go_on(place)
        spent[place] += time.perf_counter() - before
        if study.runs(place) >= runs:
            del spent[place]
        if progress is not None:
            progress(1)
