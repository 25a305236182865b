"""The plot of evidence on a terminal, and the judge's options."""

from __future__ import annotations

import math

import pytest

from modelyard.cli.explaining import MARKS, plot
from modelyard.cli.judge_options import judge_from


def test_a_plot_has_its_limit_and_a_mark_in_each_column():
    lines = plot([[1.0, 0.5, 10.0, 300.0]], 20.0, width=16, height=8)
    assert len(lines) == 8
    assert all(len(line) == 16 + 10 for line in lines)
    assert sum(line.count(MARKS[0]) for line in lines) == 16
    assert [line[:8].strip() for line in lines if "╌" in line] == ["20"]
    assert MARKS[0] in lines[0]
    assert lines[0].endswith(MARKS[0])


def test_several_versions_have_marks_of_their_own():
    lines = "".join(plot([[1.0] * 5, [100.0] * 5], 20.0))
    assert lines.count(MARKS[0]) == lines.count(MARKS[1]) == 64


@pytest.mark.parametrize("value", [0.0, 1e-300, 1.0, 1e100, 1e300, math.inf])
def test_any_evidence_can_be_drawn(value: float):
    lines = plot([[value]], 20.0)
    assert sum(line.count(MARKS[0]) for line in lines) == 64
    assert max(map(len, lines)) <= 80


def test_options_that_were_not_given_are_left_out():
    given = dict.fromkeys(
        (
            "judge",
            "alpha",
            "require_proof",
            "slo_error_rate",
            "tolerate_errors",
            "tolerate_latency",
            "tolerate_tokens",
            "fast_enough",
        )
    )
    assert judge_from({**given}) is None
    left = {**given, "judge": "observe", "slo_error_rate": 0.02, "steps": [10]}
    assert judge_from(left) == {"mode": "observe", "max_error_rate": 0.02}
    assert left == {"steps": [10]}
