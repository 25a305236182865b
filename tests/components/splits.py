"""Tests between versions without a registry: units come by lot, and each has a value by its version."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from modelyard.domain.abtest import AbTest, options_of
from modelyard.domain.wire import AbTerms

Draw: TypeAlias = Callable[[random.Random, str], float]
"""Gives a value of a version."""


def fresh(*versions: str, **options: Any) -> AbTest:
    """A test of the second and further versions against the first one."""
    given = options_of({"metric": "converted", **options})
    return AbTest(AbTerms(options=given, reference=versions[0], challengers=list(versions[1:])))


def ran(
    seed: int,
    rates: Mapping[str, float],
    shares: Mapping[str, float],
    units: int,
    *,
    draw: Draw | None = None,
    **options: Any,
) -> AbTest:
    """A test that has taken in units until there was a winner, looked at after each.

    Args:
        seed: of all chances.
        rates: version → how often it came true, the reference first.
        shares: version → its weight.
        units: how many at most.
        draw: gives the values, instead of the rates.
        options: of the test.
    """
    test, chance, names = fresh(*rates, **options), random.Random(seed), list(rates)
    weights = [shares[name] for name in names]
    for _ in range(units):
        [version] = chance.choices(names, weights)
        value = draw(chance, version) if draw is not None else float(chance.random() < rates[version])
        test.take(version, shares, 0, value)
        if test.winner:
            break
    return test
