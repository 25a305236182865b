"""One simulated release: requests as they might come, judged by the engine that judges real ones.

Rules
1. Nothing of the judge is modelled: a `Trial` takes in batches of units such as the recorder makes of real requests, a
   second each, with the recorder's limits.
2. Errors come by chance with a rate, latencies and tokens are lognormal; the new version's rates and sizes are those of
   the old one times the effect. Without keys each request is drawn for itself; with keys, each of so many users is.
3. Where nothing but errors is described, requests without one are skipped: they would change nothing. How many of them
   were the new version's is drawn all the same, from the normal distribution where they are many.
4. The same seed makes the same releases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from statistics import NormalDist
from typing import Final, NamedTuple

from modelyard.domain.betting import is_informative
from modelyard.domain.duel import LATENCY, QUANTILES, TOKENS
from modelyard.domain.sketch import bin_of
from modelyard.domain.trial import SKEW_LIMIT, Trial
from modelyard.domain.units import MOST_FAILED, MOST_SEEN, MOST_UNITS, NONE, Arrival, Batch, Unit, key_hash
from modelyard.domain.verdicts import weights_of
from modelyard.domain.wire.judge import JudgeOptions, Terms

BASE, NEW = "base", "new"
MEDIAN_S: Final = 0.1
"""Median latency where none is described; only how latencies spread matters to the judge."""
SPREAD: Final = 0.6
"""How latencies spread where that is not described: standard deviation of their logarithms."""
TOKEN_SPREAD: Final = 1.0
PIECES: Final = 200
"""Pieces of a release in each of which a drifting error rate counts as steady."""
_TAIL: Final = NormalDist().inv_cdf(0.99)
_TABLE: Final = 8192
_MANY: Final = 40
"""So many expected successes, and failures, make a binomial number nearly normal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """The traffic of an endpoint, how the version that serves now takes it, and how a new one is let in."""

    per_minute: float = 500.0
    error_rate: float = 0.01
    """Share of requests that fail on the version that serves now."""
    p50_s: float | None = None
    """Median latency in seconds; None to simulate errors only."""
    p99_s: float | None = None
    tokens: float | None = None
    """Median of the tokens of a request; None for models that take none."""
    keys: int = 0
    """How many users come again and again and stay with their version; 0 where each request is drawn for itself."""
    troubled: float = 1.0
    """Share of the users that all errors happen to."""
    steps: tuple[float, ...] = (0.1,)
    """Shares of the traffic that the new version gets, one after the other."""
    step_seconds: float | None = None
    """How long a step lasts; None where the only step lasts until `requests` have come."""
    max_step_seconds: float = 3600.0
    """How long a step waits for a proof where one is required."""
    requests: int | None = 20_000
    """After how many requests, of both versions, the release ends in any case."""
    drift: float = 1.0
    """How many times as many errors both versions make in the end."""
    has_history: bool = True
    """Whether latencies and tokens of the old version are known from before."""
    options: JudgeOptions = field(default_factory=JudgeOptions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What is different about the new version; each number is a ratio to the old one."""

    name: str = "no change"
    errors: float = 1.0
    error_rate: float | None = None
    """Its rate of errors where that is no ratio."""
    latency: float = 1.0
    tokens: float = 1.0
    after: int = 0
    """From which request on; until then it is like the old one."""


class Release(NamedTuple):
    """How a simulated release ended."""

    rolled_back: bool
    completed: bool
    """Whether it went through all of its steps."""
    requests: int
    """Requests that the new version got."""
    seconds: float
    proof_requests: int | None
    """How many of them it took to prove that it is not much worse; None where that was not proven."""
    harm: float
    """Failed requests beyond those that the old version would have had."""
    skewed: bool
    """Whether lots looked wrong at any time."""


class Burst(NamedTuple):
    """Some requests: how many came, how many of these to the new version, and what the recorder keeps of them."""

    requests: int
    ours: int
    units: list[Unit]


class World:
    """A scenario with an effect, made ready: what is drawn from.

    Args:
        scenario: traffic and plan.
        effect: what is different about the new version.
    """

    def __init__(self, scenario: Scenario, effect: Effect) -> None:
        self.scenario, self.effect = scenario, effect
        self.rate = scenario.per_minute / 60.0
        self.is_whole = bool(
            scenario.keys or scenario.p50_s or scenario.tokens or scenario.options.max_error_rate is not None
        )
        self.most = most_requests(scenario)
        median = scenario.p50_s or MEDIAN_S
        spread = math.log(scenario.p99_s / median) / _TAIL if scenario.p99_s else SPREAD
        self.places = _tables(median, spread, effect.latency)
        self.sizes = _tables(scenario.tokens or 1.0, TOKEN_SPREAD, effect.tokens)
        weights = weights_of(scenario.options, has_tokens=scenario.tokens is not None, is_comparable=True)
        known = {LATENCY: self.places[0], TOKENS: self.sizes[0]} if scenario.has_history else {}
        self.terms = Terms(
            base_id=BASE,
            challengers=[NEW],
            options=scenario.options,
            weights=weights,
            thresholds={
                metric: [table[math.ceil(share * _TABLE) - 1] for share in QUANTILES] for metric, table in known.items()
            },
        )

    def rates(self, position: int) -> tuple[float, float]:
        """The error rates of the old and of the new version after so many requests."""
        scenario, effect = self.scenario, self.effect
        drifted = scenario.error_rate
        if scenario.drift != 1.0:
            drifted *= scenario.drift ** (int(PIECES * position / self.most) / PIECES)
        base = min(1.0, drifted)
        if position < effect.after:
            return base, base
        return base, min(1.0, drifted * effect.errors) if effect.error_rate is None else effect.error_rate

    def steady(self, position: int, room: int) -> int:
        """For how many of the next requests the rates stay what they are, `room` at most."""
        if position < self.effect.after:
            room = min(room, self.effect.after - position)
        if self.scenario.drift != 1.0:
            room = min(room, max(1, int(self.most / PIECES)))
        return room


def most_requests(scenario: Scenario) -> float:
    """Return how many requests a release of a scenario takes at most."""
    if scenario.step_seconds is None:
        return scenario.requests or math.inf
    longest = scenario.step_seconds
    if scenario.options.require_proof:
        longest = max(longest, scenario.max_step_seconds)
    return min(len(scenario.steps) * longest * scenario.per_minute / 60.0, scenario.requests or math.inf)


def release(world: World, chance: Random) -> Release:
    """Simulate one release.

    Args:
        world: what is drawn from.
        chance: random numbers; the same ones make the same release.
    """
    return _Run(world, chance).ended()


class _Run:
    """One release on its way."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world, self._chance = world, chance
        self._trial = Trial(world.terms)
        self._duel = self._trial.duels[NEW]
        self._position = self._ours = 0
        self._harm = 0.0
        self._proof_requests: int | None = None
        self._completed = self._skewed = False
        self._draw: Callable[[float, int, int], Burst] = _Crowd(world, chance).burst if world.is_whole else self._errors

    def ended(self) -> Release:
        """Go on until the end."""
        limit = 1.0 / self._world.scenario.options.alpha
        rolled_back = any(self._duel.peak >= limit for _batch in self._batches())
        return Release(
            rolled_back=rolled_back,
            completed=self._completed,
            requests=self._ours,
            seconds=self._position / self._world.rate,
            proof_requests=self._proof_requests,
            harm=self._harm,
            skewed=self._skewed,
        )

    @property
    def _lacks_proof(self) -> bool:
        return bool(self._world.scenario.options.require_proof) and self._proof_requests is None

    def _batches(self) -> Iterator[None]:
        """Let requests come, step by step; yields after each batch."""
        world, scenario = self._world, self._world.scenario
        lasts = math.inf if scenario.step_seconds is None else scenario.step_seconds * world.rate
        for epoch, share in enumerate(scenario.steps, 1):
            begun = self._position
            arms, shares = (Arrival(BASE, epoch), Arrival(NEW, epoch)), {epoch: {BASE: 1.0 - share, NEW: share}}
            while (room := self._room(begun, lasts)) > 0:
                burst = self._burst(share, world.steady(self._position, room))
                self._take(burst, Batch(arms, tuple(burst.units)), shares)
                yield
            if self._lacks_proof or (scenario.step_seconds is not None and self._position < begun + lasts):
                return
        self._completed = True

    def _room(self, begun: int, lasts: float) -> int:
        """How many requests may still come in a step that began so long ago."""
        end = begun + lasts
        if self._position >= end and self._lacks_proof:
            end = begun + max(lasts, self._world.scenario.max_step_seconds * self._world.rate)
        return math.ceil(min(end, self._world.most) - self._position)

    def _burst(self, w: float, room: int) -> Burst:
        has_limit = self._world.scenario.options.max_error_rate is not None
        if is_informative(w) or (has_limit and w):
            return self._draw(w, room, self._position)
        return Burst(room, room if w else 0, [])

    def _take(self, burst: Burst, batch: Batch, shares: dict[int, dict[str, float]]) -> None:
        base, new = self._world.rates(self._position)
        self._position += burst.requests
        self._ours += burst.ours
        self._harm += burst.ours * (new - base)
        if burst.units:
            self._trial.take(batch, shares)
            self._skewed = self._skewed or self._trial.skew >= SKEW_LIMIT
            if self._proof_requests is None and self._duel.proof.peak >= 1.0 / self._world.scenario.options.beta:
                self._proof_requests = self._ours

    def _errors(self, w: float, room: int, position: int) -> Burst:
        """Draw the requests up to the next error."""
        chance, rate = self._chance, self._world.rate
        base, new = self._world.rates(position)
        failing = w * new + (1.0 - w) * base
        gap = geometric(chance, failing)
        if gap > room:
            return Burst(room, binomial(chance, room, w * (1.0 - new) / (1.0 - failing)), [])
        passed = binomial(chance, int(gap) - 1, w * (1.0 - new) / (1.0 - failing)) if gap > 1 else 0
        is_ours = chance.random() * failing < w * new
        kept = min(1.0, MOST_SEEN / rate, (MOST_UNITS + MOST_FAILED) / (rate * failing))
        is_kept = kept == 1.0 or chance.random() < kept
        return Burst(int(gap), passed + is_ours, [_error(is_ours)] if is_kept else [])


class _Crowd:
    """Requests drawn one by one, with all that the recorder keeps of them."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world, self._chance = world, chance
        self._places: dict[int, float] = {}
        """User → the place that decides between the versions, the same for the whole release."""
        self._seen: set[int] = set()
        self._has_changed = False

    def burst(self, w: float, room: int, position: int) -> Burst:
        """Draw the requests of a second, `room` at most."""
        requests = max(1, min(room, round(self._world.rate)))
        base, new = self._world.rates(position)
        self._has_changed = position >= self._world.effect.after
        looked = min(requests, MOST_SEEN)
        if self._world.scenario.keys:
            ours, units = self._of_users(w, looked, base, new)
        else:
            ours, units = self._of_strangers(w, looked, base, new)
        return Burst(requests, ours + binomial(self._chance, requests - looked, w), units)

    def _of_strangers(self, w: float, count: int, base: float, new: float) -> tuple[int, list[Unit]]:
        draw = self._chance.random
        units = []
        ours = 0
        for _ in range(min(count, MOST_UNITS)):
            arm = draw() < w
            ours += arm
            units.append(self._unit(arm, 0, failed=draw() < (new if arm else base)))
        if count > MOST_UNITS:
            # Behind the first ones only those with an error are kept.
            more = binomial(self._chance, count - MOST_UNITS, w)
            failed = (binomial(self._chance, count - MOST_UNITS - more, base), binomial(self._chance, more, new))
            behind = [_error(arm) for arm in (0, 1) for _ in range(failed[arm])]
            self._chance.shuffle(behind)
            units += behind[:MOST_FAILED]
            ours += more
        return ours, units

    def _of_users(self, w: float, count: int, base: float, new: float) -> tuple[int, list[Unit]]:
        draw, world = self._chance.random, self._world
        users, troubled = world.scenario.keys, world.scenario.troubled
        units: list[Unit] = []
        ours = 0
        for _ in range(count):
            user = int(draw() * users)
            place = self._places.get(user)
            if place is None:
                place = self._places[user] = draw()
            arm = place < w
            ours += arm
            failed = user < troubled * users and draw() * troubled < (new if arm else base)
            # What a user meets again tells nothing unless it fails; which errors count, the trial decides.
            if (failed or user not in self._seen) and len(units) < MOST_UNITS:
                self._seen.add(user)
                units.append(self._unit(arm, key_hash(b"%d" % user, b""), failed=failed))
        return ours, units

    def _unit(self, arm: bool, key: int, *, failed: bool) -> Unit:  # noqa: FBT001 - it is a number, 0 or 1
        draw, world = self._chance.random, self._world
        has_changed = arm and self._has_changed
        size = world.sizes[has_changed][int(draw() * _TABLE)] if world.scenario.tokens else NONE
        return Unit(int(arm), key, failed, world.places[has_changed][int(draw() * _TABLE)], size)


def _error(arm: int) -> Unit:
    return Unit(arm=int(arm), key=0, failed=True, place=NONE)


def geometric(chance: Random, rate: float) -> float:
    """Draw how many tries it takes until something happens that has this probability; infinite for none."""
    if rate <= 0.0:
        return math.inf
    if rate >= 1.0:
        return 1.0
    return math.floor(math.log(1.0 - chance.random()) / math.log1p(-rate)) + 1.0


def binomial(chance: Random, tries: int, rate: float) -> int:
    """Draw how many of some tries succeed: exactly where few are expected to, or to fail, else from the normal law."""
    if rate > 0.5:  # noqa: PLR2004 - the rarer outcome is counted
        return tries - binomial(chance, tries, 1.0 - rate)
    expected = tries * rate
    if expected > _MANY:
        drawn = round(chance.gauss(expected, math.sqrt(expected * (1.0 - rate))))
        return min(tries, max(0, drawn))
    found, place = 0, geometric(chance, rate)
    while place <= tries:
        found += 1
        place += geometric(chance, rate)
    return found


def _tables(median: float, spread: float, ratio: float) -> tuple[list[int], list[int]]:
    """Bins of a lognormal size in rising order, equally likely ones: of the old version, and of the new one."""
    law = NormalDist(math.log(median), spread)
    values = [math.exp(law.inv_cdf((place + 0.5) / _TABLE)) for place in range(_TABLE)]
    return [bin_of(value) for value in values], [bin_of(value * ratio) for value in values]
