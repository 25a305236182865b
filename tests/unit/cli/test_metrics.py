"""How figures and their course are written for people."""

from __future__ import annotations

import pytest

from modelyard.cli.metrics import _rate, seconds, sparkline


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.0, "0 s"),
        (0.0000005, "0.5 µs"),
        (0.00012, "120 µs"),
        (0.0123, "12.3 ms"),
        (0.9999, "1 s"),
        (1.5, "1.5 s"),
        (12_345.0, "12,345 s"),
    ],
)
def test_a_length_of_time_has_the_unit_that_fits(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (99.94, "99.9"), (99.99, "100"), (1250.4, "1,250"), (1e9, "1,000,000,000")],
)
def test_so_many_a_second_are_never_a_power_of_ten(value, text):
    assert _rate(value) == text


def test_a_plot_goes_from_nothing_to_the_largest_and_leaves_out_what_is_not_known():
    assert sparkline([0.0, 1.0, None, 2.0]) == "▁▅ █"
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert sparkline([]) == ""
