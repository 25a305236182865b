"""Promises of tests between versions, by simulation with fixed seeds: false winners are rare, true ones are found.

A cell takes at most some seconds; the slow ones are those that need many units.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from components.splits import Draw, fresh, ran
from modelyard.domain.abtest import AbTest

ALPHA = 0.05
HALVES = {"old": 0.5, "new": 0.5}

pytestmark = [pytest.mark.feature("DEP-06", "DEP-22"), pytest.mark.slow]


def allowed(runs: int, alpha: float = ALPHA) -> float:
    """How many false winners chance may give: the mean and three standard errors."""
    return runs * alpha + 3 * (runs * alpha * (1 - alpha)) ** 0.5


def won(runs: int, run: Callable[[int], AbTest]) -> list[str]:
    """The winners of some runs."""
    return [run(seed).winner for seed in range(runs)]


@pytest.mark.parametrize(
    ("shares", "metric"),
    [
        ({"old": 0.5, "new": 0.5}, "converted"),
        ({"old": 0.8, "new": 0.2}, "converted"),
        ({"old": 0.4, "a": 0.3, "b": 0.3}, "converted"),
        ({"old": 0.5, "new": 0.5}, "success"),
    ],
    ids=["50/50", "80/20", "three", "success"],
)
def test_equal_versions_have_a_winner_in_alpha_of_all_tests_at_most(shares: dict[str, float], metric: str):
    runs = 120
    found = won(runs, lambda seed: ran(seed, dict.fromkeys(shares, 0.3), shares, 1500, metric=metric))
    assert sum(map(bool, found)) <= allowed(runs)


def lognormal(factor: float) -> Draw:
    """Values that are `factor` times as large with the new version."""
    return lambda chance, version: chance.lognormvariate(0.0, 0.5) * (factor if version == "new" else 1.0)


def test_equal_latencies_have_a_winner_in_alpha_of_all_tests_at_most():
    runs = 120
    found = won(runs, lambda seed: ran(seed, HALVES, HALVES, 1500, metric="latency", draw=lognormal(1.0)))
    assert sum(map(bool, found)) <= allowed(runs)


@pytest.mark.parametrize(
    ("rates", "shares", "units", "due"),
    [
        ({"old": 0.10, "new": 0.15}, {"old": 0.5, "new": 0.5}, 6000, "new"),
        ({"old": 0.15, "new": 0.10}, {"old": 0.8, "new": 0.2}, 9000, "old"),
        ({"old": 0.2, "a": 0.2, "b": 0.3}, {"old": 0.4, "a": 0.3, "b": 0.3}, 6000, "b"),
    ],
)
def test_real_differences_are_found(rates: dict[str, float], shares: dict[str, float], units: int, due: str):
    found = won(25, lambda seed: ran(seed, rates, shares, units))
    assert found.count(due) >= 23


def test_slower_answers_are_found():
    found = won(25, lambda seed: ran(seed, HALVES, HALVES, 3000, metric="latency", draw=lognormal(1.2)))
    assert found.count("old") >= 23


def faithful(seed: int) -> AbTest:
    """Few users who come again and again, some of whom always fail; both versions are alike."""
    chance, test = random.Random(seed), fresh("old", "new", metric="success")
    users = [(chance.choice(("old", "new")), chance.random() < 0.05) for _ in range(100)]
    for _ in range(3000):
        user = chance.randrange(len(users))
        version, fails = users[user]
        test.take(version, HALVES, user + 1, float(not fails or chance.random() < 0.2))
    return test


def test_users_who_come_again_and_again_deceive_nobody():
    runs = 60
    assert sum(map(bool, won(runs, faithful))) <= allowed(runs)


def test_without_keys_the_same_users_would():
    def counted_each_time(seed: int) -> AbTest:
        chance, test = random.Random(seed), fresh("old", "new", metric="success")
        users = [(chance.choice(("old", "new")), chance.random() < 0.05) for _ in range(100)]
        for _ in range(3000):
            version, fails = chance.choice(users)
            test.take(version, HALVES, 0, float(not fails or chance.random() < 0.2))
        return test

    runs = 60
    assert sum(map(bool, won(runs, counted_each_time))) > allowed(runs), "or the test above proves nothing"


def moved(seed: int) -> AbTest:
    """The weights change while it happens less and less often; both versions are alike."""
    chance, test = random.Random(seed), fresh("old", "new")
    for number in range(3000):
        share = 0.1 if number < 1500 else 0.9
        rate = 0.4 if number < 1500 else 0.1
        version = "new" if chance.random() < share else "old"
        test.take(version, {"old": 1 - share, "new": share}, 0, float(chance.random() < rate))
    return test


def test_weights_that_change_while_the_rate_does_deceive_nobody():
    runs = 60
    assert sum(map(bool, won(runs, moved))) <= allowed(runs)
