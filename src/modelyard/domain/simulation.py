"""What the judge would make of a user's own traffic: many simulated releases, and what they say together.

Rules
1. Releases with one effect are independent, and each one's random numbers follow from the seed, the effect and its
   number alone: so a study may end at any time, and the same seed always makes the same beginning.
2. What is told is counted, with its standard error; the median and the 90th percentile are those of the releases that
   were rolled back, by nearest rank.
3. A scenario that nothing could be learnt from is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from modelyard.domain.betting import is_informative
from modelyard.domain.durations import told
from modelyard.domain.names import shown
from modelyard.domain.releases import Effect, Release, Scenario, World, most_requests, release
from modelyard.domain.verdicts import check_options
from modelyard.domain.wording import counted
from modelyard.errors import InvalidRequest

MOST_KEYS: Final = 1_000_000
MOST_REQUESTS: Final = 100_000_000
MOST_EFFECTS: Final = 50
_HIGH: Final = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedEffect:
    """What became of releases with one effect. Requests are those of the new version."""

    effect: str
    runs: int
    rolled_back: float
    """Share of the releases, in 0..1."""
    rolled_back_error: float
    """Standard error of that share."""
    completed: float
    """Share of those that went through all steps; the rest waited for a proof until the end."""
    proven: float
    """Share of those where it was proven that the new version is not much worse."""
    requests: int | None = None
    """Median of the requests until it was rolled back; None where it never was."""
    requests_q90: int | None = None
    seconds: float | None = None
    seconds_q90: float | None = None
    proof_requests: int | None = None
    """Median of the requests until the proof."""
    harm: float = 0.0
    """Mean of the requests of a release that failed because of the new version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulation:
    """What the judge would make of a scenario."""

    alpha: float
    proof_ratio: float
    per_minute: float
    error_rate: float
    steps: list[float]
    step_seconds: float | None
    seed: int
    effects: list[SimulatedEffect] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """The same in sentences."""


def check_scenario(scenario: Scenario) -> Scenario:
    """Return a scenario that releases can be simulated of.

    Raises:
        InvalidRequest: naming what it lacks or has too much of.
    """
    check_options(scenario.options)
    if not scenario.steps or any(not 0.0 <= share <= 1.0 for share in scenario.steps):
        raise InvalidRequest(f"the steps are {shown(list(scenario.steps))}", hint="give shares such as 10,50,100")
    if not any(is_informative(share) for share in scenario.steps):
        raise InvalidRequest(
            "there is no step where both versions have traffic, so nothing could be compared",
            hint="give a step between 0 and 100 percent, such as 10",
        )
    if scenario.step_seconds is None and len(scenario.steps) > 1:
        raise InvalidRequest("several steps need to know how long each lasts", hint="say it, such as 600 seconds")
    if scenario.keys and scenario.error_rate > scenario.troubled:
        raise InvalidRequest(
            "the troubled users could not make so many errors if each of their requests failed",
            hint="raise their share, or lower the error rate",
        )
    _check_latency(scenario)
    _check_length(scenario)
    return scenario


def _check_latency(scenario: Scenario) -> None:
    if scenario.p99_s is not None and (scenario.p50_s is None or scenario.p99_s <= scenario.p50_s):
        raise InvalidRequest("the 99th percentile of the latency has to be above the median", hint="give both, or none")


def _check_length(scenario: Scenario) -> None:
    longest = most_requests(scenario)
    if not 1 <= longest <= MOST_REQUESTS:
        raise InvalidRequest(
            f"a release would take {longest:,.0f} requests, and may take 1 to {MOST_REQUESTS:,}",
            hint="say how many requests there are at most, or change the traffic or the length of the steps",
        )


def usual_effects(scenario: Scenario) -> list[Effect]:
    """Return the effects that are worth a look where nobody names any."""
    found = [Effect()]
    if scenario.error_rate > 0:
        found += [Effect(name=f"errors x{ratio:g}", errors=ratio) for ratio in (1.5, 2.0, 5.0)]
    else:
        found += [Effect(name=f"errors {100 * rate:g}%", error_rate=rate) for rate in (0.001, 0.01, 0.05)]
    if scenario.p50_s is not None:
        found += [Effect(name="latency +20%", latency=1.2), Effect(name="latency +100%", latency=2.0)]
    if scenario.tokens is not None:
        found.append(Effect(name="tokens +50%", tokens=1.5))
    return found


class Study:
    """Simulated releases of one scenario with several effects.

    Args:
        scenario: checked by `check_scenario`.
        effects: what may be different about the new version; one row of the result each.
        seed: where all random numbers come from.

    Raises:
        InvalidRequest: there is no effect, or one is described by what the scenario leaves out.
    """

    def __init__(self, scenario: Scenario, effects: Sequence[Effect], seed: int = 0) -> None:
        if not 1 <= len(effects) <= MOST_EFFECTS:
            raise InvalidRequest(f"there are {len(effects)} effects, and may be 1 to {MOST_EFFECTS}")
        for effect in effects:
            _check_effect(scenario, effect)
        self._scenario, self._seed = check_scenario(scenario), seed
        self._worlds = [World(scenario, effect) for effect in effects]
        self._found: list[list[Release]] = [[] for _ in effects]

    def __len__(self) -> int:
        return len(self._worlds)

    def runs(self, place: int) -> int:
        """How many releases with the effect at a place were simulated."""
        return len(self._found[place])

    def go_on(self, place: int) -> Release:
        """Simulate one more release with the effect at a place."""
        world, found = self._worlds[place], self._found[place]
        chance = Random(f"{self._seed} {world.effect} {len(found)}")  # noqa: S311 - no secret
        found.append(release(world, chance))
        return found[-1]

    def result(self) -> Simulation:
        """Return what the releases so far say; effects without any are left out."""
        scenario = self._scenario
        rows = [
            _summary(world.effect.name, found) for world, found in zip(self._worlds, self._found, strict=True) if found
        ]
        return Simulation(
            alpha=scenario.options.alpha,
            proof_ratio=scenario.options.require_proof or 2.0,
            per_minute=scenario.per_minute,
            error_rate=scenario.error_rate,
            steps=list(scenario.steps),
            step_seconds=scenario.step_seconds,
            seed=self._seed,
            effects=rows,
            words=[_words(row, self._scenario) for row in rows],
        )


def _check_effect(scenario: Scenario, effect: Effect) -> None:
    if effect.latency != 1.0 and scenario.p50_s is None:
        raise InvalidRequest(f"{shown(effect.name)} needs to know latencies", hint="give their median, such as 80ms")
    if effect.tokens != 1.0 and scenario.tokens is None:
        raise InvalidRequest(f"{shown(effect.name)} needs to know tokens", hint="give their median, such as 200")
    if effect.errors != 1.0 and not scenario.error_rate:
        raise InvalidRequest(
            f"{shown(effect.name)}: without any errors there is no number of times as many",
            hint="give the rate itself, such as `errors 1%`",
        )


def _summary(name: str, found: Sequence[Release]) -> SimulatedEffect:
    runs = len(found)
    back = [one for one in found if one.rolled_back]
    proofs = [one.proof_requests for one in found if one.proof_requests is not None]
    share = len(back) / runs
    return SimulatedEffect(
        effect=name,
        runs=runs,
        rolled_back=share,
        rolled_back_error=math.sqrt(share * (1.0 - share) / runs),
        completed=sum(one.completed for one in found) / runs,
        proven=len(proofs) / runs,
        requests=quantile([one.requests for one in back], 0.5),
        requests_q90=quantile([one.requests for one in back], _HIGH),
        seconds=quantile([one.seconds for one in back], 0.5),
        seconds_q90=quantile([one.seconds for one in back], _HIGH),
        proof_requests=quantile(proofs, 0.5),
        harm=math.fsum(one.harm for one in found) / runs,
    )


def quantile(values: Sequence[float], share: float) -> int | None:
    """Return a quantile by nearest rank, as a whole number; None where there are no values."""
    return math.ceil(sorted(values)[math.ceil(share * len(values)) - 1]) if values else None


def _words(row: SimulatedEffect, scenario: Scenario) -> str:
    count = f"{round(row.rolled_back * row.runs):,} of {counted(row.runs, 'simulated release')}"
    if row.effect.partition(" after ")[0] == Effect().name:
        most = f"not more than {100 * scenario.options.alpha:g} of 100, however long they are watched"
        return f"{row.effect}: rolled back in {count}; of many, {most}"
    if row.requests is None or row.seconds is None:
        return f"{row.effect}: not found in {counted(row.runs, 'simulated release')}; it takes more traffic or time"
    when = f"after about {row.requests:,} of its requests, {_time(row.seconds)}"
    return f"{row.effect}: rolled back in {count}, {when}"


def _time(seconds: float) -> str:
    """A length of time in a unit that suits it: 45s, 12m, 3.5h."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g}{unit}"
    return told(float(math.ceil(seconds)))
