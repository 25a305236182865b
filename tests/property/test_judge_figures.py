"""The figures that the judge must reach, by simulation with fixed seeds: false alarms, power, proofs, traps.

`pytest -s tests/property/test_judge_figures.py` prints the table; a figure that is missed prints its own line.
"N requests" are those of both versions; medians and 90th percentiles are requests of the new version at rollback.
`bench/judge.py` measures the same cells with more releases.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from components.units import failed, well
from modelyard.domain.releases import Effect, Release, Scenario, World, _Run, release
from modelyard.domain.simulation import quantile
from modelyard.domain.trial import SKEW_LIMIT, Trial
from modelyard.domain.units import Arrival, Batch, key_hash
from modelyard.domain.wire.judge import JudgeOptions, Terms

pytestmark = [pytest.mark.feature("EXP-22"), pytest.mark.slow]

ERRORS = Scenario(options=JudgeOptions(metrics=["errors"]))
EVERYTHING = Scenario(p50_s=0.1, tokens=200.0, per_minute=300.0)
SAME = Effect()


@dataclass(frozen=True)
class Cell:
    """What came out of many releases of one kind."""

    name: str
    found: list[Release]

    @property
    def runs(self) -> int:
        """How many there were."""
        return len(self.found)

    @property
    def share(self) -> float:
        """The share that was rolled back."""
        return sum(one.rolled_back for one in self.found) / self.runs

    @property
    def proven(self) -> float:
        """The share with a proof."""
        return sum(one.proof_requests is not None for one in self.found) / self.runs

    def requests(self, share: float = 0.5) -> int:
        """A quantile of the new version's requests at rollback."""
        return quantile([one.requests for one in self.found if one.rolled_back], share) or 0

    def proof_requests(self) -> int:
        """The median of the new version's requests at the proof."""
        return quantile([one.proof_requests for one in self.found if one.proof_requests is not None], 0.5) or 0

    def __str__(self) -> str:
        error = 100 * math.sqrt(self.share * (1 - self.share) / self.runs)
        back = f"{100 * self.share:5.1f} ({error:.1f})  {self.requests():>6,} / {self.requests(0.9):<7,}"
        return f"{self.name:46} {self.runs:>5} runs  {back} proven {100 * self.proven:5.1f} {self.proof_requests():>7,}"


def cell(name: str, runs: int, scenario: Scenario, effect: Effect = SAME, **changes: Any) -> Cell:
    """Simulate releases, and print what came of them."""
    alpha = changes.pop("alpha", scenario.options.alpha)
    scenario = replace(scenario, **changes, options=replace(scenario.options, alpha=alpha))
    world = World(scenario, effect)
    made = Cell(name, [release(world, Random(f"{name} {number}")) for number in range(runs)])
    sys.stdout.write(f"{made}\n")
    return made


def bound(alpha: float, runs: int) -> float:
    """The share of false alarms that chance explains: alpha and three standard errors."""
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


def crossings(world: World, chance: Random, limits: Sequence[float]) -> list[float]:
    """After how many requests the evidence of one release reaches each limit; infinite where it never does."""
    run = _Run(world, chance)
    found = [math.inf] * len(limits)
    for _batch in run._batches():
        for place, limit in enumerate(limits):
            if run._duel.peak >= limit:
                found[place] = min(found[place], run._position)
    return found


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05])
def test_a_an_equal_version_is_rolled_back_no_more_often_than_alpha_by_its_errors(rate):
    # A release of 20,000 requests holds one of 2,000, and evidence for the smaller alpha passes that for the larger.
    runs, alphas = 300, (0.05, 0.01)
    world = World(replace(ERRORS, error_rate=rate, requests=20_000), SAME)
    limits = [1.0 / alpha for alpha in alphas]
    crossed = [crossings(world, Random(f"(a) equal, {rate} {number}"), limits) for number in range(runs)]
    for requests in (2_000, 20_000):
        for place, alpha in enumerate(alphas):
            share = sum(one[place] <= requests for one in crossed) / runs
            name = f"(a) equal, {100 * rate:g} % errors, {requests:,}, alpha {alpha}"
            sys.stdout.write(f"{name:46} {runs:>5} runs  {100 * share:5.1f}\n")
            assert share <= bound(alpha, runs), name


def test_a_what_crosses_a_limit_is_what_is_rolled_back():
    world = World(replace(ERRORS, requests=2_000), Effect(error_rate=0.03))
    for number in range(20):
        (crossed,) = crossings(world, Random(number), [1.0 / ERRORS.options.alpha])
        assert release(world, Random(number)).rolled_back == (crossed <= 2_000)


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05])
def test_a_an_equal_version_is_rolled_back_no_more_often_than_alpha_by_everything(rate):
    scenario = replace(EVERYTHING, per_minute=6_000.0, error_rate=rate)
    few = cell(f"(a) equal, all metrics, {100 * rate:g} %, 2,000", 80, scenario, requests=2_000)
    many = cell(f"(a) equal, all metrics, {100 * rate:g} %, 20,000", 20, scenario)
    both = [*few.found, *many.found]
    assert sum(one.rolled_back for one in both) / len(both) <= bound(0.05, len(both)), f"{few}\n{many}"


def test_b_errors_of_five_per_cent_instead_of_one_are_found():
    found = cell("(b) errors 1 -> 5 %", 300, ERRORS, Effect(error_rate=0.05))
    assert found.share >= 0.99, found
    assert found.requests() <= 130, found
    found = cell("(b) errors 1 -> 5 %, all metrics", 100, EVERYTHING, Effect(error_rate=0.05))
    assert found.share >= 0.99, found
    assert found.requests() <= 150, found


def test_c_errors_of_one_per_cent_instead_of_a_tenth_are_found():
    found = cell("(c) errors .1 -> 1 %", 400, ERRORS, Effect(error_rate=0.01), error_rate=0.001)
    assert found.share >= 0.98, found
    assert found.requests() <= 430, found
    found = cell("(c) errors .1 -> 1 %, all metrics", 70, EVERYTHING, Effect(error_rate=0.01), error_rate=0.001)
    assert found.share >= 0.98, found
    assert found.requests() <= 500, found


def test_d_twice_the_errors_are_found_in_the_end():
    found = cell("(d) errors 1 -> 2 %", 200, ERRORS, Effect(error_rate=0.02), requests=200_000)
    assert found.share >= 0.99, found
    assert found.requests() <= 1_050, found
    found = cell("(d) errors 1 -> 2 %, all metrics", 40, EVERYTHING, Effect(error_rate=0.02), requests=200_000)
    assert found.share >= 0.99, found
    assert found.requests() <= 1_300, found


@pytest.mark.parametrize(("alpha", "median", "high"), [(0.05, 3, 4), (0.01, 4, 5)])
@pytest.mark.parametrize("kind", ["errors", "all metrics"])
def test_e_a_version_that_always_fails_is_found_after_three_or_four_requests(alpha, median, high, kind):
    scenario = ERRORS if kind == "errors" else replace(EVERYTHING, per_minute=60.0)
    found = cell(f"(e) always fails, {kind}, alpha {alpha}", 400, scenario, Effect(error_rate=1.0), alpha=alpha)
    assert found.share == 1.0, found
    assert found.requests() <= median, found
    assert found.requests(0.9) <= high, found


@pytest.mark.parametrize(
    ("effect", "share", "median"),
    [
        (Effect(name="latency +20 %", latency=1.2), 0.99, 190),
        (Effect(name="latency +100 %", latency=2.0), 1.0, 20),
        (Effect(name="tokens +50 %", tokens=1.5), 0.99, 145),
    ],
    ids=["slower", "twice-as-slow", "tokens"],
)
def test_f_more_latency_and_more_tokens_are_found(effect, share, median):
    found = cell(f"(f) {effect.name}", 100, replace(EVERYTHING, per_minute=60.0), effect)
    assert found.share >= share, found
    assert found.requests() <= median, found


STEPPED = replace(ERRORS, steps=(0.1, 0.5, 0.9), step_seconds=600.0, requests=None, per_minute=1_000.0)


@pytest.mark.parametrize("drift", [0.1, 10.0])
def test_g_an_error_rate_that_drifts_while_the_weights_change_is_no_evidence(drift):
    name = f"(g) weights 10, 50, 90, errors x{drift:g}"
    found = cell(name, 300, STEPPED, error_rate=0.02 if drift < 1 else 0.002, drift=drift)
    assert found.share <= bound(0.05, found.runs), found


def test_g_a_test_that_adds_up_requests_over_the_steps_is_deceived_by_the_same_drift():
    deceived = 0
    for number in range(40):
        chance, failed, counts = Random(number), [0.0, 0.0], [0.0, 0.0]
        worst = 0.0
        for step, w in enumerate((0.1, 0.5, 0.9)):
            for piece in range(20):
                rate = 0.002 * 10 ** ((step + piece / 20) / 3)
                for arm, expected in enumerate((500 * (1 - w), 500 * w)):
                    counts[arm] += expected
                    failed[arm] += sum(chance.random() < rate for _ in range(round(expected)))
                pooled = sum(failed) / sum(counts)
                spread = math.sqrt(max(pooled, 1e-9) * (1 / counts[0] + 1 / counts[1]))
                worst = max(worst, (failed[1] / counts[1] - failed[0] / counts[0]) / spread)
        deceived += worst > 1.96
    assert deceived / 40 > 0.5


STICKY = replace(ERRORS, keys=2_000, troubled=0.02, error_rate=0.01, per_minute=6_000.0)


def test_h_users_whose_requests_often_fail_are_no_evidence_wherever_their_lots_fall():
    found = cell("(h) 40 of 2,000 users make all errors", 120, STICKY)
    assert found.share <= bound(0.05, found.runs), found


def test_h_counting_each_of_their_requests_would_be_evidence():
    back = 0
    for number in range(200):
        chance = Random(number)
        arms = [chance.random() < 0.1 for _ in range(40)]
        trial = Trial(Terms(base_id="old", challengers=["new"], weights={"errors": 1.0}))
        units = tuple(failed(int(chance.choice(arms)), 0, 0) for _ in range(200))
        trial.take(Batch((Arrival("old", 1), Arrival("new", 1)), units), {1: {"old": 0.9, "new": 0.1}})
        back += trial.duels["new"].peak >= 20.0
    assert back / 200 > bound(0.05, 200)


@pytest.mark.parametrize("ratio", [2.0, 1.5])
def test_a_version_that_is_just_so_many_times_worse_is_hardly_ever_proven_not_to_be(ratio):
    scenario = replace(ERRORS, options=replace(ERRORS.options, alpha=1e-6, require_proof=ratio), error_rate=0.02)
    found = cell(f"proof, {ratio:g} times worse", 200, scenario, Effect(errors=ratio), requests=20_000)
    assert found.proven <= bound(0.05, found.runs), found


@pytest.mark.parametrize(("w", "ratio", "most"), [(0.1, 2.0, 1_250), (0.5, 2.0, 3_300), (0.1, 1.5, 4_500)])
def test_an_equal_version_is_proven_no_worse_in_the_end(w, ratio, most):
    options = replace(ERRORS.options, alpha=1e-6, require_proof=ratio)
    found = cell(
        f"proof, equal, margin {ratio:g}, w {w}", 50, replace(ERRORS, options=options), steps=(w,), requests=200_000
    )
    assert found.proven >= 0.95, found
    assert found.proof_requests() <= most, found


def test_a_version_at_its_limit_of_errors_is_rolled_back_no_more_often_than_alpha():
    options = JudgeOptions(metrics=["errors"], max_error_rate=0.05)
    scenario = replace(ERRORS, options=options, error_rate=0.05, steps=(1.0, 0.999), step_seconds=300.0, requests=None)
    found = cell("at its limit, all of the traffic", 150, scenario)
    assert found.share <= bound(0.05, found.runs), found
    found = cell("above its limit, all of the traffic", 50, scenario, Effect(error_rate=0.5))
    assert found.share == 1.0, found


def test_a_fault_that_begins_late_is_found_although_all_was_well_before():
    scenario = replace(ERRORS, requests=160_000)
    found = cell("errors 1 -> 5 % after 100,000", 60, scenario, Effect(error_rate=0.05, after=100_000))
    late = [one.requests - 10_000 for one in found.found if one.rolled_back and one.requests > 9_500]
    assert found.share >= 0.99, found
    assert (quantile(late, 0.5) or 0) <= 620, found


def arrivals(count: int, shares: Mapping[str, float], pick: Callable[[Random], int], seed: object) -> Trial:
    """A trial of units without errors, of which each came to the arm that was picked."""
    chance, names = Random(f"{seed}"), list(shares)
    trial = Trial(Terms(base_id="old", challengers=names[1:], weights={"errors": 1.0}))
    arms = tuple(Arrival(name, 1) for name in names)
    for second in range(count // 100):
        trial.take(Batch(arms, tuple(well(pick(chance), 0, 0) for _ in range(100))), {1: shares}, str(second))
        if trial.skewed_since:
            break
    return trial


def test_right_lots_never_look_wrong_and_a_router_that_draws_wrong_ones_is_noticed():
    shares = {"old": 0.9, "new": 0.1}
    assert not any(arrivals(5_000, shares, lambda chance: chance.random() < 0.1, n).skewed_since for n in range(60))
    assert all(arrivals(5_000, shares, lambda chance: chance.random() < 0.15, n).skewed_since for n in range(20))
    assert all(arrivals(20_000, shares, lambda _chance: 0, n).skew > SKEW_LIMIT for n in range(2))


def test_two_challengers_share_alpha():
    limit, back = 2 / 0.05, 0
    arms = (Arrival("old", 1), Arrival("new", 1), Arrival("other", 1))
    for number in range(400):
        chance = Random(f"three {number}")
        trial = Trial(Terms(base_id="old", challengers=["new", "other"], weights={"errors": 1.0}))
        units = tuple(failed(chance.choices((0, 1, 2), (0.5, 0.25, 0.25))[0], 0, 0) for _ in range(400))
        trial.take(Batch(arms, units), {1: {"old": 0.5, "new": 0.25, "other": 0.25}})
        back += any(duel.peak >= limit for duel in trial.duels.values())
    assert back / 400 <= bound(0.05, 400)
    bad = Trial(Terms(base_id="old", challengers=["new", "other"], weights={"errors": 1.0}))
    bad.take(
        Batch(arms, tuple(failed(2, key_hash(b"%d" % number, b""), 0) for number in range(12))),
        {1: {"old": 0.5, "new": 0.25, "other": 0.25}},
    )
    assert bad.duels["other"].peak >= limit
    assert bad.duels["new"].peak == 1.0


@pytest.mark.parametrize("w", [0.0, 1.0])
def test_a_version_with_none_or_all_of_the_traffic_is_never_compared(w):
    trial = Trial(Terms(base_id="old", challengers=["new"], weights={"errors": 1.0}))
    units = tuple(failed(int(w), 0, 0) for _ in range(1_000))
    trial.take(Batch((Arrival("old", 1), Arrival("new", 1)), units), {1: {"old": 1 - w, "new": w}})
    assert (trial.duels["new"].peak, trial.skew) == (1.0, 1.0)
