"""Identifiers: their form, their order, and that no two makers need to speak to each other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain import ids

TIMES = st.integers(0, 2**48 - 1)
ENTROPY = st.binary(min_size=ids.ENTROPY_BYTES, max_size=ids.ENTROPY_BYTES)


@pytest.mark.feature("REG-04")
@given(TIMES, ENTROPY)
def test_identifiers_have_the_documented_form(now_ms, entropy):
    version, model = ids.new_version_id(now_ms, entropy), ids.new_model_id(now_ms, entropy)
    assert re.fullmatch("mv_[0-9a-hjkmnp-tv-z]{26}", version)
    assert ids.is_version_id(version)
    assert ids.is_model_id(model)
    assert not ids.is_model_id(version)
    assert not ids.is_version_id(model)


@given(st.tuples(TIMES, ENTROPY), st.tuples(TIMES, ENTROPY))
def test_identifiers_sort_by_time_then_entropy(first, second):
    one, two = ids.new_version_id(*first), ids.new_version_id(*second)
    assert (one < two) == (first < second)
    assert (one == two) == (first == second)


def test_known_values():
    assert ids.new_version_id(0, bytes(10)) == "mv_" + "0" * 26
    assert ids.new_model_id(2**48 - 1, b"\xff" * 10) == "md_7" + "z" * 25
    # The example of the ULID specification: 1469918176385 ms are 01ARYZ6S41.
    assert ids.new_version_id(1469918176385, bytes(10)).startswith("mv_01aryz6s41")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mv_",
        "mv_" + "0" * 25,
        "mv_" + "0" * 27,
        "mv_8" + "0" * 25,
        "MV_" + "0" * 26,
        "mv_" + "0" * 25 + "u",
        None,
        3,
    ],
)
def test_other_values_are_no_identifiers(text):
    assert not ids.is_version_id(text)


@pytest.mark.parametrize(("now_ms", "size"), [(-1, 10), (2**48, 10), (0, 9), (0, 11)])
def test_a_caller_with_the_wrong_sizes_is_told(now_ms, size):
    with pytest.raises(ValueError, match=r"now_ms must fit|entropy must have"):
        ids.new_version_id(now_ms, bytes(size))
