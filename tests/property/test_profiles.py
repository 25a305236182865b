"""Profiles add up, and their PSI and KS are those of the raw values, for any values."""

from __future__ import annotations

import bisect
import math
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from modelyard.domain.divergence import GROUPS, drift_of_feature, ks_distance
from modelyard.domain.profiles import MOST_BINS, Feature, Numbers, Profile

pytestmark = pytest.mark.feature("EXP-25")

SCALARS = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=60)
    | st.sampled_from(["CH", "DE", "FR", 0, 1.5])
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["age", "city", "x[0]"]), SCALARS, max_size=3), max_size=40)


def counted(values: list[float]) -> Numbers:
    """Numbers that count some values."""
    made = Numbers()
    for value in values:
        made.add(value)
    return made


def feature(values: list[float]) -> Feature:
    """A feature that counts some numbers."""
    made = Feature()
    made.numbers = counted(values)
    return made


@given(ROWS, ROWS, ROWS)
def test_the_sum_of_parts_is_the_whole_in_any_order(one, two, three):
    whole = Profile()
    whole.add([*one, *two, *three], [*three])
    parts = []
    for rows, answers in ((one, []), (two, []), (three, three)):
        part = Profile()
        part.add(rows, answers)
        # Through the form in which it is stored.
        parts.append(Profile.of(part.to_document()))
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        added = Profile()
        for place in order:
            added.merge(parts[place])
        assert (added.rows, added.answers) == (whole.rows, whole.answers)
        assert _plain(added) == _plain(whole)


def _plain(profile: Profile) -> dict[str, object]:
    document = profile.to_document()
    return {**document.inputs, **{f"out {name}": part for name, part in document.outputs.items()}}


@pytest.mark.parametrize("seed", range(12))
def test_parts_with_coarser_and_finer_bins_add_up_to_the_whole_too(seed):
    source = random.Random(seed)
    values = [source.choice([1, -1, 0]) * math.exp(source.gauss(0, 1 + seed)) for _ in range(3_000)]
    whole = counted(values)
    cuts = sorted(source.sample(range(3_000), 4))
    parts = [counted(values[a:b]) for a, b in pairwise([0, *cuts, 3_000])]
    added = Numbers()
    for part in source.sample(parts, len(parts)):
        added.merge(part)
    assert (added.level, added.bins) == (whole.level, whole.bins)
    assert len(whole.bins) <= MOST_BINS


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(-1, 1), st.floats(0.3, 3), st.sampled_from(["normal", "lognormal", "integers"]))
def test_the_distance_is_that_of_scipy_but_for_what_lies_within_a_bin(seed, shift, scale, kind):
    source = np.random.default_rng(seed)
    a, b = source.normal(0, 1, 800), source.normal(shift, scale, 500)
    if kind == "lognormal":
        a, b = np.exp(a), np.exp(b)
    elif kind == "integers":
        a, b = np.round(50 + 10 * a), np.round(50 + 10 * b)
    exact = stats.ks_2samp(a, b).statistic
    one, two = counted(a.tolist()), counted(b.tolist())
    found = ks_distance(one, two)
    assert found is not None
    level = max(one.level, two.level)
    widest = max(max(one.at(level).values()) / 800, max(two.at(level).values()) / 500)
    assert found <= exact + 1e-12
    assert found >= exact - (widest if kind != "integers" else 1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(-1, 1), st.floats(0.3, 3))
def test_the_index_is_that_of_the_raw_values(seed, shift, scale):
    """Computed another way: groups by sorting whole numbers, counts by looking each value up."""
    source = np.random.default_rng(seed)
    a = np.round(200 + 20 * source.normal(0, 1, 900)).tolist()
    b = np.round(200 + 20 * source.normal(shift, scale, 400)).tolist()
    found = drift_of_feature("x", "input", baseline=feature(a), baseline_rows=900, live=feature(b), rows=400)
    bounds = _bounds(sorted(a))
    cells = Counter(bisect.bisect_left(bounds, value) + 1 if value >= min(a) else 0 for value in b)
    held = Counter(bisect.bisect_left(bounds, value) + 1 for value in a)
    kept = sorted({*cells, *held})
    p = [(held[cell] + 0.5) / (900 + len(kept) / 2) for cell in kept]
    q = [(cells[cell] + 0.5) / (400 + len(kept) / 2) for cell in kept]
    expected = stats.entropy(p, q) + stats.entropy(q, p)
    assert found.psi == pytest.approx(expected, rel=1e-9, abs=1e-12)


def _bounds(values: list[float]) -> list[float]:
    """The last value of each group of a tenth of the values or more; a value that is so common is its own group."""
    size, bounds, filling = len(values) / GROUPS, [], 0
    groups = sorted(Counter(values).items())
    for place, (value, count) in enumerate(groups):
        if filling and count >= size:
            bounds.append(groups[place - 1][0])
            filling = 0
        filling += count
        if filling >= size or value == values[-1]:
            bounds.append(value)
            filling = 0
    return bounds
