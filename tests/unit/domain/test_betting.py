"""Bets: factors are fair under the hypothesis, grow where it is false, and wealth is what the events make of it."""

from __future__ import annotations

from fractions import Fraction
from math import fsum, isfinite, nextafter
from random import Random

import pytest

from modelyard.domain.betting import (
    ENOUGH,
    EVEN,
    KEPT,
    NEAREST,
    ODDS,
    PRIOR,
    SKEWS,
    Wealth,
    error_factors,
    exceedance_factors,
    is_informative,
    rate_factors,
    skew_factors,
)

WEIGHTS = [NEAREST, 1e-6, 0.01, 0.1, 0.5, 0.9, 0.95, 1 - 1e-6, 1 - NEAREST]
RATES = [1e-6, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999]
LITTLE = 1e-6
"""How much the mean of a factor may exceed one by rounding, at the most extreme weights."""


def test_the_prior_is_spread_over_all_odds_and_adds_up_to_one():
    assert len(PRIOR) == len(ODDS)
    assert len(EVEN) == len(SKEWS)
    assert fsum(PRIOR) == 1.0
    assert fsum(EVEN) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("w", WEIGHTS)
@pytest.mark.parametrize("tolerated", [1.0, 1.5, 10.0, 100.0, 0.5, 0.01])
def test_the_mean_factor_of_an_error_is_one_where_the_new_version_is_just_as_much_worse_as_is_tolerated(w, tolerated):
    ours, theirs = error_factors(w, tolerated)
    level = w * tolerated / (w * tolerated + 1 - w)
    for own, other in zip(ours, theirs, strict=True):
        assert level * own + (1 - level) * other == pytest.approx(1.0, abs=LITTLE)


@pytest.mark.parametrize("w", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_the_mean_factor_of_an_error_is_below_one_where_the_new_version_is_better(w, ratio):
    level = w * ratio / (w * ratio + 1 - w)
    ours, theirs = error_factors(w)
    assert all(level * own + (1 - level) * other < 1.0 for own, other in zip(ours, theirs, strict=True))


def test_the_mean_factor_of_an_error_is_largest_for_the_odds_that_are_true():
    for place, ratio in enumerate(ODDS):
        level = 0.1 * ratio / (0.1 * ratio + 0.9)
        ours, theirs = error_factors(0.1)
        growth = [own**level * other ** (1 - level) for own, other in zip(ours, theirs, strict=True)]
        assert growth.index(max(growth)) == place
        assert growth[place] > 1.0


@pytest.mark.parametrize("w", WEIGHTS)
@pytest.mark.parametrize("believed", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("rate", RATES)
def test_the_mean_factor_of_a_value_is_one_where_both_exceed_as_often_whatever_was_believed(w, believed, rate):
    factors = exceedance_factors(w, believed)
    for above, below, base_above, base_below in zip(*factors, strict=True):
        ours = rate * above + (1 - rate) * below
        theirs = rate * base_above + (1 - rate) * base_below
        assert w * ours + (1 - w) * theirs == pytest.approx(1.0, abs=LITTLE)


@pytest.mark.parametrize("w", [0.05, 0.5, 0.95])
def test_the_mean_factor_of_a_value_is_below_one_where_the_new_version_exceeds_less_often_and_above_where_more(w):
    for above, below, base_above, base_below in zip(*exceedance_factors(w, 0.1), strict=True):
        base = (1 - w) * (0.1 * base_above + 0.9 * base_below)
        assert w * (0.05 * above + 0.95 * below) + base < 1.0
        assert w * (0.2 * above + 0.8 * below) + base > 1.0


@pytest.mark.parametrize("limit", [1e-6, 0.01, 0.5, 0.999])
def test_the_mean_factor_of_a_request_is_one_at_the_limit_and_below_one_under_it(limit):
    for failed, well in zip(*rate_factors(limit), strict=True):
        assert limit * failed + (1 - limit) * well == pytest.approx(1.0)
        assert limit / 2 * failed + (1 - limit / 2) * well < 1.0


@pytest.mark.parametrize("w", WEIGHTS)
def test_the_mean_factor_of_a_lot_is_one_where_lots_fall_as_the_weight_says(w):
    for ours, theirs in zip(*skew_factors(w), strict=True):
        assert w * ours + (1 - w) * theirs == pytest.approx(1.0, abs=LITTLE)


@pytest.mark.parametrize("w", WEIGHTS)
def test_every_factor_is_a_number_that_bets_can_be_multiplied_by(w):
    groups = [*error_factors(w), *error_factors(w, 100.0), *error_factors(1 - w, 0.01), *skew_factors(w)]
    groups += [*exceedance_factors(w, 0.01), *exceedance_factors(w, 0.5)]
    assert all(isfinite(factor) and 0.0 <= factor <= 101.0 for group in groups for factor in group)


def test_weights_at_the_ends_leave_nothing_to_compare():
    ends = [0.0, 1.0, -0.1, 1.1, float("nan"), 1e-17, nextafter(1.0, 0.0)]
    assert not any(is_informative(w) for w in ends)
    assert all(is_informative(w) for w in WEIGHTS)


def test_wealth_begins_at_one_and_keeps_half_of_it():
    wealth = Wealth()
    assert (wealth.value, wealth.peak) == (1.0, 1.0)
    assert wealth.state()[:9] == [*[0.5 * share for share in PRIOR], KEPT]


def test_cash_is_given_out_so_that_after_n_events_one_of_n_plus_one_parts_is_left():
    wealth = Wealth()
    for events in range(1, 200):
        wealth.bet((1.0,) * len(ODDS))
        assert wealth.state()[8] == pytest.approx(KEPT / (events + 1))
        assert wealth.value == pytest.approx(1.0)


def test_where_events_are_many_cash_is_given_out_in_lumps():
    wealth, steady = Wealth(sparse=True), Wealth()
    cash = []
    for _ in range(320):
        wealth.bet((1.0,) * len(ODDS))
        steady.bet((1.0,) * len(ODDS))
        cash.append(wealth.state()[8])
    assert len(set(cash)) == 31 + 10
    assert cash[-1] == pytest.approx(steady.state()[8])
    assert wealth.value == pytest.approx(1.0)


def test_funding_gives_out_half_of_the_cash_at_once_and_then_as_at_the_beginning():
    wealth = Wealth()
    for _ in range(99):
        wealth.bet((1.0,) * len(ODDS))
    left = wealth.state()[8]
    wealth.fund()
    assert wealth.state()[8] == pytest.approx(left / 2)
    assert wealth.value == pytest.approx(1.0)
    wealth.bet((1.0,) * len(ODDS))
    assert wealth.state()[8] == pytest.approx(left / 3)


def test_funding_again_and_again_neither_makes_nor_loses_anything():
    wealth = Wealth()
    for _ in range(5000):
        wealth.fund()
    assert wealth.value == pytest.approx(1.0)
    assert wealth.state()[8] >= 0.0


def test_what_has_no_cash_gives_out_none():
    wealth = Wealth(kept=0.0)
    wealth.bet(error_factors(0.1)[0])
    wealth.fund()
    assert wealth.value == pytest.approx(fsum(p * f for p, f in zip(PRIOR, error_factors(0.1)[0], strict=True)))


def test_the_peak_is_the_most_that_it_ever_was():
    wealth = Wealth()
    ours, theirs = error_factors(0.1)
    for _ in range(5):
        wealth.bet(ours)
    high = wealth.value
    for _ in range(50):
        wealth.bet(theirs)
    assert wealth.peak == high > wealth.value


def test_nothing_more_is_bet_once_there_is_more_than_enough():
    wealth = Wealth()
    while wealth.value < ENOUGH:
        wealth.bet(error_factors(0.001)[0])
    state = wealth.state()
    for _ in range(1000):
        wealth.bet(error_factors(0.001)[0])
    assert wealth.state() == state
    assert all(isfinite(number) for number in state)


def test_wealth_that_shrinks_for_ever_stays_a_number():
    wealth = Wealth(kept=0.0)
    for _ in range(100_000):
        wealth.bet(error_factors(0.9)[1])
    assert 0.0 <= wealth.value < 1e-300


def test_the_sum_is_rounded_exactly_so_that_every_version_of_python_makes_the_same():
    chance, wealth = Random(5), Wealth()
    for _ in range(2000):
        wealth.bet(error_factors(0.3)[chance.random() > 0.3])
        *bets, cash, _events, _given, value, _peak = wealth.state()
        assert value == float(sum(map(Fraction, bets))) + cash


def test_wealth_that_was_restored_goes_on_as_the_one_that_it_was():
    chance, live = Random(7), Wealth(sparse=True)
    ours, theirs = error_factors(0.2)
    for _ in range(100):
        live.bet(ours if chance.random() < 0.3 else theirs)
    other = Wealth(sparse=True)
    other.restore(live.state())
    for _ in range(100):
        factors = ours if chance.random() < 0.3 else theirs
        live.bet(factors)
        other.bet(factors)
    live.fund()
    other.fund()
    assert other.state() == live.state()
    assert (other.value, other.peak) == (live.value, live.peak)


def test_a_state_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="6 bets, and not 8"):
        Wealth().restore(Wealth(EVEN).state())
