"""How long a test takes: what is advised is enough, and not far too much."""

from __future__ import annotations

from typing import Any

import pytest

from components.splits import ran
from modelyard.domain.sample_size import advise
from modelyard.errors import InvalidRequest

pytestmark = pytest.mark.feature("DEP-22")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "effect", "split", "power"),
    [(0.1, 0.05, 0.5, 0.8), (0.1, 0.05, 0.2, 0.8), (0.3, -0.1, 0.5, 0.6)],
)
def test_the_difference_is_found_in_what_is_advised_with_the_probability_that_was_asked_for(
    base: float, effect: float, split: float, power: float
):
    units = advise(base, effect, split, power=power).units
    due = "new" if effect > 0 else "old"
    rates, shares = {"old": base, "new": base + effect}, {"old": 1 - split, "new": split}
    runs = 60
    found = sum(ran(seed, rates, shares, units).winner == due for seed in range(runs)) / runs
    error = (power * (1 - power) / runs) ** 0.5
    assert power - 3 * error <= found <= min(1.0, power + 0.15 + 3 * error)


def test_the_units_are_shared_out_as_the_split_says():
    advice = advise(0.05, 0.01, 0.2)
    assert advice.units == advice.challenger_units + advice.reference_units
    assert advice.challenger_units == pytest.approx(0.2 * advice.units, abs=1)


def test_less_to_find_more_certainty_and_uneven_splits_take_more_units():
    usual = advise(0.1, 0.02).units
    assert advise(0.1, 0.01).units > 3 * usual
    assert advise(0.1, 0.02, power=0.95).units > usual
    assert advise(0.1, 0.02, alpha=0.001).units > usual
    assert advise(0.1, 0.02, 0.1).units > usual
    assert advise(0.1, 0.02, 0.9).units > usual


def test_a_rise_and_the_same_fall_take_as_many():
    assert advise(0.4, 0.1).units == advise(0.5, -0.1).units == pytest.approx(advise(0.6, -0.1).units, rel=0.02)


def test_an_enormous_difference_takes_few():
    assert advise(0.001, 0.998).units < 100


@pytest.mark.parametrize(
    "given",
    [
        {"base_rate": 0, "effect": 0.1},
        {"base_rate": 0.1, "effect": 0},
        {"base_rate": 0.1, "effect": 0.95},
        {"base_rate": 0.1, "effect": -0.1},
        {"base_rate": 0.1, "effect": 0.1, "split": 1.0},
        {"base_rate": 0.1, "effect": 0.1, "alpha": 5},
        {"base_rate": 0.1, "effect": 0.1, "power": float("nan")},
        {"base_rate": 0.1, "effect": 1e-6},
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any]):
    with pytest.raises(InvalidRequest) as refusal:
        advise(**given)
    assert refusal.value.hint
