"""One challenger against the reference: which arm bears which name decides nothing."""

from __future__ import annotations

import random

import pytest

from modelyard.domain.rivalry import Rivalry

pytestmark = pytest.mark.feature("DEP-06")


@pytest.mark.parametrize("cuts", [[0.5], [0.2, 0.5, 0.8]])
def test_the_evidence_that_one_arm_is_worse_is_that_the_other_one_is_better(cuts: list[float]):
    is_binary = len(cuts) == 1
    one, mirrored = (Rivalry(cuts, is_binary=is_binary) for _ in range(2))
    chance = random.Random(3)
    for number in range(600):
        w = 0.2 if number < 300 else 0.7
        own = chance.random() < w
        value = float(chance.random() < (0.5 if own else 0.3)) if is_binary else chance.random() ** (2.0 - own)
        one.take(value, w, own=own)
        mirrored.take(value, 1.0 - w, own=not own)
        if is_binary and value:
            one.event(w, own=own)
            mirrored.event(1.0 - w, own=not own)
    assert one.up.value > 10.0
    assert one.down.value < 1.0
    assert (one.up.value, one.down.value) == pytest.approx((mirrored.down.value, mirrored.up.value))
    assert one.effect.estimate == pytest.approx(-mirrored.effect.estimate)
