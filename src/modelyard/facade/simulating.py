"""`simulate`: what the judge would make of one's own traffic, before anything is released."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from modelyard.domain.names import shown
from modelyard.domain.plans import rising
from modelyard.domain.quantities import effect, length_s, per_minute, share
from modelyard.domain.releases import Scenario
from modelyard.domain.simulation import MOST_KEYS, MOST_REQUESTS, Simulation, Study, usual_effects
from modelyard.domain.wire.judge import JudgeOptions
from modelyard.errors import InvalidRequest

MOST_RUNS = 100_000
_USUAL_STEP_S = 600.0
_USUAL_REQUESTS = 20_000


def simulate(  # noqa: PLR0913 - keywords, each with a default
    *,
    traffic: str | float = "500/min",
    error_rate: str | float = "1%",
    p50: str | float | None = None,
    p99: str | float | None = None,
    tokens: float | None = None,
    weight: str | float = "10%",
    steps: Sequence[float] | None = None,
    step_seconds: str | float | None = None,
    requests: int | None = None,
    sticky: int = 0,
    troubled: str | float = 1.0,
    drift: float = 1.0,
    effects: Sequence[str] | None = None,
    runs: int = 200,
    seconds: float | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    **judge: Any,
) -> Simulation:
    """Release new versions to simulated traffic, and tell what the judge makes of them.

    The engine is the one that judges real releases. Nothing is read from a registry or written to one.

    Args:
        traffic: requests of both versions, such as `500/min`; a number is per minute.
        error_rate: share of them that fail now, such as `0.5%` or 0.005.
        p50: median of the latency, such as `80ms` or a number of seconds; left out, errors only are simulated.
        p99: 99th percentile of the latency.
        tokens: median of the tokens of a request, for models that take some.
        weight: share of the traffic that the new version gets, throughout.
        steps: or else, its shares in percent, one after the other, such as [10, 50, 100].
        step_seconds: how long each of the steps lasts; ten minutes where it is left out.
        requests: after how many requests a release ends at the latest; 20,000 where there are no steps.
        sticky: number of users who come again and stay with their version; 0 draws each request for itself.
        troubled: share of these users that all errors happen to.
        drift: how many times as many errors both versions make in the end as in the beginning.
        effects: what may be different about a new version, such as `errors x2`, `latency +20%`, `errors 5% after
            10000`; the usual ones where it is left out.
        runs: releases for each effect.
        seconds: stop after so much time, with fewer releases; no bound where it is left out.
        seed: where the random numbers come from; the same one gives the same result.
        progress: is told each time that releases are done, how many.
        **judge: how he shall judge: the fields of `JudgeOptions`, such as alpha, metrics and require_proof.

    Raises:
        InvalidRequest: a value is none, or nothing could be learnt from the scenario.
    """
    is_stepped = steps is not None
    _check_whole("the users", sticky, 0, MOST_KEYS)
    if requests is not None:
        _check_whole("the requests", requests, 1, MOST_REQUESTS)
    scenario = Scenario(
        per_minute=per_minute(traffic),
        error_rate=share(error_rate, "the error rate"),
        p50_s=None if p50 is None else length_s(p50, "the median of the latency"),
        p99_s=None if p99 is None else length_s(p99, "the 99th percentile of the latency"),
        tokens=None if tokens is None else _positive("the number of tokens", tokens),
        keys=sticky,
        troubled=share(troubled, "the share of users with trouble"),
        steps=tuple(one / 100.0 for one in rising(steps)) if steps is not None else (share(weight, "the weight"),),
        step_seconds=_step(step_seconds) if is_stepped else None,
        requests=requests if requests is not None or is_stepped else _USUAL_REQUESTS,
        drift=_positive("the drift", drift),
        options=_options(judge),
    )
    chosen = usual_effects(scenario) if effects is None else [effect(text) for text in effects]
    _check_whole("the runs", runs, 1, MOST_RUNS)
    study = Study(scenario, chosen, seed)
    _go_on(study, runs, seconds, progress)
    return study.result()


def _step(seconds: str | float | None) -> float:
    return length_s(_USUAL_STEP_S if seconds is None else seconds, "the length of a step")


def _options(given: dict[str, Any]) -> JudgeOptions:
    known = [one.name for one in fields(JudgeOptions)]
    for name in given:
        if name not in known:
            raise InvalidRequest(f"there is no option {shown(name)}", hint=f"the judge's are {', '.join(known)}")
    return JudgeOptions(**given)


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
