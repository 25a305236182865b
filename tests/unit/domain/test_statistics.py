"""The numbers behind a comparison, each against another way to compute it."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.domain import statistics
from modelyard.domain.statistics import DRAWS, Paired, agreement, beta_binomial, paired_bootstrap

COUNTS = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def exact(k: int, n: int, other_k: int, other_n: int) -> Fraction:
    """P(first > second) in rational arithmetic.

    The second's distribution function is a binomial tail, so that its integral over the first's density is a sum of
    complete beta integrals.
    """
    a, b, c, d = 1 + k, 1 + n - k, 1 + other_k, 1 + other_n - other_k
    top = c + d - 1
    total = Fraction(0)
    for j in range(c, top + 1):
        ways = math.comb(top, j)
        total += ways * beta_function(a + j, b + top - j)
    return total / beta_function(a, b)


def beta_function(x: int, y: int) -> Fraction:
    return Fraction(math.factorial(x - 1) * math.factorial(y - 1), math.factorial(x + y - 1))


def by_integration(first: tuple[float, int], second: tuple[float, int], steps: int = 20_000) -> float:
    """P(first > second) by Simpson's rule over the difference of two densities, for posteriors far from 0 and 1."""
    (a, b), (c, d) = statistics._posterior(*first), statistics._posterior(*second)
    means = [a / (a + b), c / (c + d)]
    spread = 12 * math.sqrt(max(statistics._variance(a, b), statistics._variance(c, d)))
    low, high = max(1e-12, min(means) - spread), min(1 - 1e-12, max(means) + spread)
    width = (high - low) / steps
    points = [low + i * width for i in range(steps + 1)]
    below = total = 0.0
    previous = density(points[0], c, d)
    for i in range(1, steps + 1):
        middle = density((points[i - 1] + points[i]) / 2, c, d)
        following = density(points[i], c, d)
        half = below + (5 * previous + 8 * middle - following) * width / 24
        step = (previous + 4 * middle + following) * width / 6
        total += (
            (
                (density(points[i - 1], a, b) * below)
                + 4 * density((points[i - 1] + points[i]) / 2, a, b) * half
                + density(points[i], a, b) * (below + step)
            )
            * width
            / 6
        )
        below, previous = below + step, following
    return total


def density(x: float, a: int, b: int) -> float:
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x)
    return math.exp(logarithm)


@given(COUNTS, COUNTS)
def test_beta_binomial_agrees_with_rational_arithmetic(first, second):
    k, n = first
    other_k, other_n = second
    found = beta_binomial((k / max(n, 1), n), (other_k / max(other_n, 1), other_n))
    assert found == pytest.approx(float(exact(k, n, other_k, other_n)), abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        ((0.9, 1000), (0.88, 1200), 1e-9),
        ((0.95, 100_000), (0.9501, 100_000), 1e-8),
        ((0.5, 30_000), (0.503, 30_000), 1e-5),
        ((0.98, 1_000_000), (0.9803, 2_000_000), 5e-4),
    ],
)
def test_beta_binomial_agrees_with_integration_for_many_examples(first, second, error):
    assert beta_binomial(first, second) == pytest.approx(by_integration(first, second), abs=error)
    assert beta_binomial(second, first) == pytest.approx(1 - beta_binomial(first, second), abs=1e-9)


def test_the_sum_and_the_approximation_meet_where_one_takes_over(monkeypatch):
    first, second = (0.5, 2 * statistics.EXACT_TERMS - 2), (0.505, 2 * statistics.EXACT_TERMS + 500)
    summed = beta_binomial(first, second)
    monkeypatch.setattr(statistics, "EXACT_TERMS", 10)
    assert beta_binomial(first, second) == pytest.approx(summed, abs=1e-5)


@pytest.mark.parametrize("differences", [[1.0, -0.4], [0.3, 0.2, -0.4], [0.1, 0.1, -0.15, 0.02], [1, -1, 2, -2, 0.5]])
def test_few_pairs_are_resampled_exactly(differences):
    size = len(differences)
    sums = [sum(draw) for draw in product(differences, repeat=size)]
    wins = sum(1.0 if total > 1e-9 else 0.5 if abs(total) <= 1e-9 else 0.0 for total in sums)
    expected = min(max(wins / size**size, 0.5**size), 1 - 0.5**size)
    assert paired_bootstrap([Paired(differences=differences)]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("size", [20, 64, 65, 100, 5_000])
def test_drawn_resamples_approach_the_normal_distribution(size):
    source = Random(size)
    differences = [source.gauss(0.1, 1.0) for _ in range(size)]
    mean = sum(differences) / size
    shift = 0.8 * math.sqrt(sum((x - mean) ** 2 for x in differences)) / size - mean
    found = paired_bootstrap([Paired(differences=[x + shift for x in differences])])
    assert found == pytest.approx(0.5 * math.erfc(-0.8 / math.sqrt(2)), abs=0.06)


@pytest.mark.parametrize("size", [2, 3, 5, 7, 8, 12])
def test_few_pairs_never_give_certainty(size):
    assert paired_bootstrap([Paired(differences=[0.1] * size)]) == 1 - max(0.5**size, 0.5 / DRAWS)
    assert paired_bootstrap([Paired(differences=[-0.1] * size)]) == max(0.5**size, 0.5 / DRAWS)


def test_resamples_that_all_agree_never_give_certainty():
    assert paired_bootstrap([Paired(differences=[0.1] * 1000)]) == 1 - 0.5 / DRAWS


def test_no_difference_is_even():
    assert paired_bootstrap([Paired(differences=[0.0] * 5)]) == 0.5
    assert paired_bootstrap([Paired(differences=[0.0] * 200)]) == 0.5


def test_metrics_of_the_same_folds_vote_together():
    up = Paired(differences=[0.2, 0.1, -0.25, 0.1, 0.05])
    against = Paired(differences=[-x for x in up.differences])
    assert paired_bootstrap([up, against]) == 0.5
    assert paired_bootstrap([up, up]) == paired_bootstrap([up])
    heavier = Paired(differences=up.differences, weight=1.5)
    assert paired_bootstrap([heavier, against]) == paired_bootstrap([up])


def test_metrics_of_different_examples_are_resampled_apart():
    source = Random(7)
    few = Paired(differences=[source.gauss(0.3, 1) for _ in range(6)])
    many = Paired(differences=[source.gauss(0.1, 1) for _ in range(300)])
    found = paired_bootstrap([few, many])
    one, other = paired_bootstrap([few]), paired_bootstrap([many])
    # Two votes of weight 1: both agree, or they cancel each other and count one half.
    assert found == pytest.approx((one + other) / 2, abs=0.03)


def test_sets_of_examples_are_not_drawn_in_step():
    source = Random(4)
    pattern = [source.gauss(0.1, 1) for _ in range(64)]
    sets = [Paired(differences=pattern * times) for times in (2, 3, 4)]
    one = paired_bootstrap(sets[:1])
    assert 0.6 < one < 0.9
    # Drawn in step, three sets would always agree and be as sure as one; apart, the majority is surer.
    assert paired_bootstrap(sets) == pytest.approx(one**3 + 3 * one**2 * (1 - one), abs=0.04)
    assert paired_bootstrap(sets) > one + 0.03


@pytest.mark.parametrize("size", [6, 30, 200])
def test_huge_differences_do_not_overflow(size):
    source = Random(size)
    differences = [source.uniform(-0.9, 1.0) for _ in range(size)]
    expected = paired_bootstrap([Paired(differences=differences)])
    assert paired_bootstrap([Paired(differences=[x * 1.7e308 for x in differences])]) == expected


def test_the_work_is_bounded_for_hundreds_of_metrics():
    metrics = [Paired(differences=[0.1, 0.2, -0.1] * 100) for _ in range(400)]
    assert statistics._affordable_draws(metrics) == statistics.FEWEST_DRAWS
    assert 0.5 < paired_bootstrap(metrics) < 1


@settings(max_examples=40)
@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=80))
def test_the_bootstrap_is_a_probability_and_turns_round_with_the_differences(differences):
    one = paired_bootstrap([Paired(differences=differences)])
    other = paired_bootstrap([Paired(differences=[-x for x in differences])])
    assert 0 < one < 1
    assert one + other == pytest.approx(1.0, abs=1e-12)
    assert one == paired_bootstrap([Paired(differences=differences)])


def test_agreement_shrinks_towards_one_half():
    assert agreement(1, 0, 0) == pytest.approx(2 / 3)
    assert agreement(2, 0, 0) == 0.75
    assert agreement(0, 0, 0) == 0.5
    assert agreement(1, 3, 0) == pytest.approx(3.5 / 6)
    assert agreement(2, 1, 1) + agreement(1, 1, 2) == 1.0
