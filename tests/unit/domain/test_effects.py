"""The difference that is shown: right on average, and inside of its interval at all times."""

from __future__ import annotations

import random

import pytest

from modelyard.domain.effects import FEWEST, Effect

pytestmark = pytest.mark.feature("DEP-22")


def taken(seed: int, difference: float, units: int, w: float = 0.3) -> tuple[Effect, bool]:
    """An effect after some units, and whether its interval held the difference all the time."""
    chance, effect, held = random.Random(seed), Effect(), True
    for _ in range(units):
        own = chance.random() < w
        effect.take(chance.gauss(100.0 + difference * own, 10.0), w, own=own)
        interval = effect.interval(0.05)
        held = held and (interval is None or interval[0] <= difference <= interval[1])
    return effect, held


def test_the_estimate_is_right_though_the_values_are_large():
    effect, _ = taken(1, 2.0, 20_000)
    assert effect.estimate == pytest.approx(2.0, abs=1.0)


def test_the_interval_holds_the_difference_at_all_times_in_nearly_all_runs():
    misses = sum(not taken(seed, 2.0, 600)[1] for seed in range(100))
    assert misses <= 5 + 3 * (100 * 0.05 * 0.95) ** 0.5


def test_the_interval_becomes_narrow():
    def width(units: int) -> float:
        interval = taken(3, 0.0, units)[0].interval(0.05)
        assert interval is not None
        return interval[1] - interval[0]

    assert width(4000) < 0.6 * width(1000) < 0.4 * width(100)


def test_few_values_have_no_interval():
    assert taken(1, 0.0, FEWEST - 1)[0].interval(0.05) is None
    assert taken(1, 0.0, FEWEST)[0].interval(0.05) is not None


def test_a_stored_effect_goes_on_as_if_nothing_had_been():
    one, _ = taken(5, 1.0, 50)
    two = Effect()
    two.restore(one.state())
    for effect in (one, two):
        effect.take(3.0, 0.5, own=True)
    assert two.state() == one.state()
    assert two.interval(0.05) == one.interval(0.05)
