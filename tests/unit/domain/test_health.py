"""Probes before traffic, and the pulse of what serves."""

from __future__ import annotations

import json
from math import inf, nan

import pytest

from modelyard.domain.health import LONGEST_DETAIL, Pulse, judge_probes, p95_of

FINE = (True, 0.01, "")


def test_all_probes_have_to_pass():
    assert judge_probes([FINE, FINE, FINE]) == (
        True,
        "3 of 3 probes passed",
        {"probes": 3, "failed": 0, "p95_s": 0.01, "max_p95_s": None},
    )


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_failure_of_n_is_enough(place):
    probes = [FINE] * 3
    probes[place] = (False, 0.01, "the model raised KeyError: 'age'")
    ok, reason, evidence = judge_probes(probes)
    assert (ok, reason) == (False, "1 of 3 probes failed: the model raised KeyError: 'age'")
    assert evidence["first_failure"] == place + 1
    assert evidence["detail"] == "the model raised KeyError: 'age'"


def test_a_failure_without_a_detail_is_one_too():
    assert judge_probes([(False, 0.0, "")])[1] == "1 of 1 probes failed"


def test_nothing_follows_from_no_probe():
    assert judge_probes([], 1.0) == (
        False,
        "no probe was made",
        {"probes": 0, "failed": 0, "p95_s": None, "max_p95_s": 1.0},
    )


@pytest.mark.parametrize(
    ("seconds", "limit", "ok"),
    [
        ([0.1], 0.1, True),
        ([0.1], 0.099, False),
        ([0.1] * 19 + [9.0], 0.5, True),
        ([0.1] * 18 + [9.0], 0.5, False),
        ([0.1] * 95 + [9.0] * 5, 0.5, True),
        ([0.1] * 94 + [9.0] * 6, 0.5, False),
        ([0.1, nan], 0.5, False),
        ([0.1, inf], 0.5, False),
        ([9.0], None, True),
        ([inf], None, True),
    ],
)
def test_95_of_100_probes_answer_within_the_limit(seconds, limit, ok):
    found, reason, evidence = judge_probes([(True, each, "") for each in seconds], limit)
    assert found is ok
    assert ("the limit is" in reason) is not ok
    # Evidence is stored as JSON, which knows neither infinity nor NaN.
    json.dumps(evidence, allow_nan=False)


def test_what_is_too_slow_is_told_with_both_figures():
    assert judge_probes([(True, 0.25, "")], 0.2)[1] == "p95 of 1 probes is 0.25 s, and the limit is 0.2 s"
    assert judge_probes([(True, nan, "")], 0.2)[1] == "p95 of 1 probes is not known, and the limit is 0.2 s"


def test_a_percentile_is_one_of_the_durations():
    assert p95_of([]) is None
    assert p95_of([3.0, 1.0, 2.0]) == 3.0
    assert p95_of([float(each) for each in range(1, 101)]) == 95.0


def test_long_details_are_cut():
    _ok, reason, evidence = judge_probes([(False, 0.0, "x" * 10_000)])
    assert len(evidence["detail"]) == LONGEST_DETAIL
    assert len(reason) < LONGEST_DETAIL + 50
    assert len(Pulse().after(ok=False, detail="x" * 10_000).detail) == LONGEST_DETAIL


def beats(pulse: Pulse, text: str) -> str:
    """Whether it is alive after each probe of a row: `+` passed, `-` failed."""
    seen = ""
    for each in text:
        pulse = pulse.after(ok=each == "+", detail="no answer")
        seen += "A" if pulse.alive else "d"
    return seen


@pytest.mark.parametrize(
    ("row", "alive"),
    [
        ("+++", "AAA"),
        ("--+--+--", "AAAAAAAA"),
        ("---", "AAd"),
        ("----", "AAdd"),
        ("---+-++", "AAddddA"),
        ("---++---", "AAddAAAd"),
        ("---+-+-+", "AAdddddd"),
    ],
)
def test_failures_in_a_row_kill_and_successes_in_a_row_revive(row, alive):
    assert beats(Pulse(fall=3, rise=2), row) == alive


def test_with_limits_of_one_each_probe_decides():
    assert beats(Pulse(fall=1, rise=1), "-+-") == "dAd"


def test_a_pulse_tells_its_newest_failure():
    pulse = Pulse(fall=2).after(ok=False, detail="refused").after(ok=True)
    assert pulse.evidence() == {"alive": True, "run": 0, "fall": 2, "rise": 2, "detail": "refused"}
    assert pulse.after(ok=False, detail="timed out").after(ok=False, detail="gone").evidence()["detail"] == "gone"


@pytest.mark.parametrize(("fall", "rise"), [(0, 1), (1, 0), (-1, 1)])
def test_limits_that_cannot_be_counted_up_to_are_refused(fall, rise):
    with pytest.raises(ValueError, match="1 or more"):
        Pulse(fall=fall, rise=rise)
