"""One text for equal content."""

from __future__ import annotations

import math

import pytest

from modelyard.domain.canonical import encoded, plain
from modelyard.domain.wire.delivery import Limits


def test_names_are_sorted_and_whole_numbers_read_alike():
    assert encoded({"b": [1.0, 0.5, -0.0], "a": None, "ü": True}) == '{"a":null,"b":[1,0.5,0],"ü":true}'.encode()


def test_a_record_becomes_its_fields():
    assert plain(Limits(max_p95_s=2.0)) == {
        "max_error_rate": None,
        "max_p95_s": 2,
        "max_p99_s": None,
        "min_requests": 20,
    }


def test_lists_keep_their_order_and_large_numbers_their_form():
    assert encoded((2, 1, 1e300)) == b"[2,1,1e+300]"


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        encoded({"a": math.nan})


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        encoded([Limits])
