"""A duel: what each metric says, what proves that nothing is worse, and how much is still missing."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from components.units import failed
from modelyard.domain.betting import Wealth, error_factors, exceedance_factors
from modelyard.domain.duel import PROOF_RATIO, QUANTILES, SLO, WARM_UP, Duel, Exceedance
from modelyard.domain.sketch import bins_between
from modelyard.domain.units import NONE, Unit
from modelyard.domain.wire.judge import JudgeOptions, Terms

WHOLE = {"errors": 0.5, "latency": 0.4, "tokens": 0.1}


def duel_of(weights: dict[str, float] | None = None, *, known: bool = True, **options: Any) -> Duel:
    """A duel with thresholds 10, 20 and 30 for both sizes, or none."""
    thresholds = {"latency": [10, 20, 30], "tokens": [10, 20, 30]} if known else {}
    terms = Terms(
        base_id="old",
        challengers=["new"],
        options=JudgeOptions(**options),
        weights=WHOLE if weights is None else weights,
        thresholds=thresholds,
    )
    return Duel(terms)


def meet(duel: Duel, *, new: bool, failed: bool = False, place: int = 0, size: int = NONE, w: float = 0.1) -> None:
    """Let a duel take in a unit that is the first of its key."""
    unit = Unit(int(new), 0, failed, place, size)
    duel.take(unit, w, is_challenger=new, is_first=True, is_first_error=failed)


def test_the_evidence_of_a_size_is_the_mean_of_what_each_quantile_says():
    chance, joined = Random(3), Exceedance([10, 20, 30], 0.0)
    each = [Wealth(sparse=True) for _ in QUANTILES]
    for _ in range(500):
        place, ours = chance.randrange(40), chance.random() < 0.2
        joined.take(place, 0.2, is_challenger=ours)
        for share, threshold, wealth in zip(QUANTILES, joined.thresholds, each, strict=True):
            factors = exceedance_factors(0.2, 1.0 - share)
            wealth.bet(factors[(0 if ours else 2) + (place <= threshold)])
    assert joined.value == pytest.approx(sum(wealth.value for wealth in each) / 3, rel=1e-9)


def test_values_that_equal_a_threshold_do_not_exceed_it():
    at, below = Exceedance([10, 20, 30], 0.0), Exceedance([10, 20, 30], 0.0)
    at.take(10, 0.5, is_challenger=True)
    below.take(-5, 0.5, is_challenger=True)
    assert at.value == below.value


def test_without_a_past_the_first_units_of_both_arms_set_the_thresholds_and_are_used_for_nothing_else():
    size = Exceedance([], 0.0)
    for place in range(WARM_UP - 1, -1, -1):
        size.take(place, 0.1, is_challenger=place % 2 == 0)
        assert size.value == 1.0
    assert size.thresholds == [24, 44, 49]
    size.take(49, 0.1, is_challenger=True)
    assert size.value != 1.0


def test_ties_are_no_evidence_against_anybody():
    size, chance = Exceedance([], 0.0), Random(1)
    for _ in range(5000):
        size.take(7, 0.1, is_challenger=chance.random() < 0.1)
    assert size.wealth.peak < 1.2


def test_what_is_tolerated_is_taken_off_the_challengers_values_only():
    strict, lenient = Exceedance([10, 20, 30], 0.0), Exceedance([10, 20, 30], bins_between(1.5))
    for size in (strict, lenient):
        size.take(31, 0.5, is_challenger=True)
    assert lenient.value < strict.value
    strict.take(31, 0.5, is_challenger=False)
    plain, shifted = Exceedance([10, 20, 30], 0.0), Exceedance([10, 20, 30], 9.0)
    for size in (plain, shifted):
        size.take(31, 0.5, is_challenger=False)
    assert plain.value == shifted.value


def test_more_errors_of_the_challenger_are_evidence_and_more_of_the_old_version_are_none():
    worse, better = duel_of({"errors": 1.0}), duel_of({"errors": 1.0})
    for _ in range(4):
        meet(worse, new=True, failed=True)
        meet(better, new=False, failed=True)
    assert worse.value > 20.0
    assert better.value < 1.0
    assert better.peak == 1.0


def test_the_whole_evidence_is_the_weighted_mean_of_what_the_metrics_say():
    duel = duel_of()
    for place in range(40):
        meet(duel, new=place % 3 == 0, failed=place % 5 == 0, place=place, size=place)
    parts = 0.5 * duel.errors.value + 0.4 * duel.latency.value + 0.1 * duel.tokens.value
    assert duel.value == pytest.approx(parts, rel=1e-12)
    assert [one.metric for one in duel.evidence("new").metrics] == ["errors", "latency", "tokens"]
    assert sum(one.weight * one.e_value for one in duel.evidence("new").metrics) == pytest.approx(duel.value)


def test_a_unit_without_tokens_says_nothing_of_them():
    duel = duel_of()
    meet(duel, new=True, place=40)
    assert duel.tokens.value == 1.0
    assert duel.latency.value > 1.0


def test_metrics_that_are_not_asked_for_are_not_bet_on():
    duel = duel_of({"errors": 1.0})
    meet(duel, new=True, place=40, size=40)
    assert (duel.latency.value, duel.tokens.value, duel.slo.value) == (1.0, 1.0, 1.0)


def test_a_limit_of_errors_is_tested_on_the_challenger_alone_even_where_it_has_all_of_the_traffic():
    duel = duel_of({"errors": 0.8, SLO: 0.2}, max_error_rate=0.05)
    meet(duel, new=False, failed=True, w=0.5)
    assert duel.slo.value == 1.0
    for _ in range(3):
        meet(duel, new=True, failed=True, w=1.0)
    assert duel.slo.value > 20.0
    assert duel.errors.state()[9] == 1.0, "only the error that the old version had was one to compare"
    meet(duel, new=True, w=1.0)
    assert duel.slo.value < duel.slo.peak


@pytest.mark.parametrize("w", [0.0, 1.0, float("nan")])
def test_units_of_an_arm_that_is_alone_are_counted_and_not_compared(w):
    duel = duel_of()
    meet(duel, new=True, failed=True, place=40, size=40, w=w)
    assert (duel.value, duel.proof.value, duel.skew.value) == (1.0, 1.0, 1.0)
    assert duel.counts == [1, 0, 1, 0]


def test_only_the_first_unit_of_a_key_is_measured_and_only_its_first_error_is_one():
    duel = duel_of()
    again = failed(1, 9, 40, 40)
    duel.take(again, 0.1, is_challenger=True, is_first=False, is_first_error=True)
    assert duel.counts == [0, 0, 1, 0]
    assert (duel.latency.value, duel.skew.value) == (1.0, 1.0)
    assert duel.errors.value > 1.0


def test_errors_that_are_tolerated_are_no_evidence_as_strict_ones_are():
    strict, lenient = duel_of({"errors": 1.0}), duel_of({"errors": 1.0}, tolerate_errors=3.0)
    for duel in (strict, lenient):
        meet(duel, new=True, failed=True)
    assert lenient.errors.value < strict.errors.value


def test_the_proof_bets_with_the_arms_exchanged():
    duel = duel_of({"errors": 1.0})
    assert duel.proof_ratio == PROOF_RATIO
    expected = Wealth(kept=0.0)
    for ours in (False, False, True, False):
        meet(duel, new=ours, failed=True)
        expected.bet(error_factors(0.9, 0.5)[ours])
    assert duel.proof.value == expected.value
    assert duel_of(require_proof=3.0).proof_ratio == 3.0


def test_another_weight_gives_out_cash_and_the_same_weight_does_not():
    duel = duel_of({"errors": 0.5, "latency": 0.5})
    for _ in range(50):
        meet(duel, new=False, failed=True)
    duel.enter(1, 0.1)
    cash = [duel.errors.state()[8], duel.latency.wealth.state()[24]]
    duel.enter(2, 0.1)
    assert [duel.errors.state()[8], duel.latency.wealth.state()[24]] == cash
    duel.enter(3, 0.5)
    assert [duel.errors.state()[8], duel.latency.wealth.state()[24]] == pytest.approx([part / 2 for part in cash])
    assert (duel.epoch, duel.w) == (3, 0.5)


def test_what_is_missing_for_a_proof_falls_with_the_evidence_and_ends_at_nothing():
    duel = duel_of({"errors": 1.0})
    assert duel.needed() is None, "no weight is known"
    duel.enter(1, 0.5)
    assert duel.needed() is None, "no error was seen, so nothing tells how many there are"
    for place in range(800):
        meet(duel, new=place % 2 == 0, failed=place % 100 in {1, 50}, w=0.5)
    far = duel.needed()
    assert far
    for _ in range(4):
        meet(duel, new=False, failed=True, w=0.5)
    near = duel.needed()
    assert near
    assert near < far
    for _ in range(20):
        meet(duel, new=False, failed=True, w=0.5)
    assert duel.needed() == 0
    for _ in range(20):
        meet(duel, new=True, failed=True, w=0.5)
    assert duel.needed() == 0, "a proof that was given stays"


def test_what_is_missing_is_not_told_where_no_arm_can_be_compared():
    duel = duel_of({"errors": 1.0})
    meet(duel, new=True, failed=True, w=0.5)
    duel.enter(1, 1.0)
    assert duel.needed() is None


def test_the_forecast_for_equal_versions_is_about_what_it_takes():
    duel = duel_of({"errors": 1.0})
    meet(duel, new=False, failed=True)
    duel.counts[:] = [100_000, 900_000, 1_000, 9_000]
    duel.enter(1, 0.1)
    needed = duel.needed()
    assert needed is not None
    assert 700 < needed < 1_500


def test_harm_is_the_errors_beyond_those_that_the_old_version_would_have_made():
    duel = duel_of()
    assert duel.evidence("new").harm == 0.0
    duel.counts[:] = [100, 900, 10, 9]
    assert duel.evidence("new").harm == pytest.approx(9.0)


def test_a_duel_that_was_restored_is_what_it_was_and_goes_on_alike():
    chance, live, other = Random(11), duel_of(known=False), duel_of(known=False)
    live.enter(1, 0.3)
    for _ in range(3):
        for _ in range(WARM_UP - 7):
            meet(live, new=chance.random() < 0.3, failed=chance.random() < 0.1, place=chance.randrange(99), w=0.3)
        other.restore(live.state())
        assert other.state() == live.state()
        assert other.evidence("new") == live.evidence("new")
    for duel in (live, other):
        meet(duel, new=True, failed=True, place=98, w=0.3)
    assert other.state() == live.state()


def test_values_that_are_small_enough_are_all_alike():
    latency, chance = Exceedance([5, 6, 7], 0.0, least=20), Random(1)
    for _ in range(3000):
        is_challenger = chance.random() < 0.5
        latency.take(19 if is_challenger else 3, 0.5, is_challenger=is_challenger)
    assert latency.thresholds == [20, 20, 20]
    assert latency.wealth.peak < 20
    for _ in range(60):
        latency.take(21, 0.5, is_challenger=True)
        latency.take(3, 0.5, is_challenger=False)
    assert latency.value > 20


def test_thresholds_of_the_first_units_are_not_below_what_is_small_enough():
    latency = Exceedance([], 0.0, least=20)
    for place in range(50):
        latency.take(place, 0.5, is_challenger=False)
    assert latency.thresholds == [24, 44, 49]
    small = Exceedance([], 0.0, least=30)
    for place in range(50):
        small.take(place, 0.5, is_challenger=False)
    assert small.thresholds == [30, 44, 49]
