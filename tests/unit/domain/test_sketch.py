"""The sketch of latencies: quantiles within one per cent, sums that are exact, and damage that is told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.sketch import ACCURACY, LEAST, MOST, Sketch
from modelyard.errors import RegistryCorrupt

SECONDS = st.floats(min_value=LEAST * 1.001, max_value=MOST / 1.001)
MANY = st.lists(SECONDS, min_size=1, max_size=200)
SHARES = st.sampled_from([0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0])


def sketch_of(values: list[float]) -> Sketch:
    """A sketch of values."""
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(MANY, SHARES)
def test_a_quantile_lies_within_one_per_cent_of_the_true_one(values, share):
    true = sorted(values)[math.floor(share * (len(values) - 1))]
    found = sketch_of(values).quantile(share)
    assert found is not None
    assert abs(found - true) <= ACCURACY * true * (1 + 1e-9)


@given(MANY, MANY)
def test_a_merged_sketch_is_the_sketch_of_all_values(one, two):
    merged = sketch_of(one)
    merged.merge(sketch_of(two))
    assert merged.bins == sketch_of(one + two).bins
    assert merged.count == len(one) + len(two)


@given(MANY)
def test_a_sketch_survives_its_way_through_json(values):
    assert Sketch.from_json(sketch_of(values).to_json()).bins == sketch_of(values).bins


def test_an_empty_sketch_has_no_quantiles():
    assert Sketch().quantile(0.5) is None
    assert Sketch().count == 0


@pytest.mark.parametrize(
    ("odd", "counts_as"), [(0.0, LEAST), (-1.0, LEAST), (math.nan, LEAST), (math.inf, MOST), (1e300, MOST)]
)
def test_what_is_out_of_range_counts_as_the_nearest_that_is_not(odd, counts_as):
    found = sketch_of([odd]).quantile(1.0)
    assert found == pytest.approx(counts_as, rel=2 * ACCURACY)


def test_a_sketch_stays_small_whatever_it_is_given():
    sketch = sketch_of([LEAST * 1.003**step for step in range(20_000)])
    assert len(sketch.bins) <= 1_600


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"1": "x"}', "{"])
def test_a_damaged_text_is_an_error_of_the_registry(text):
    with pytest.raises(RegistryCorrupt, match="sketch"):
        Sketch.from_json(text)
