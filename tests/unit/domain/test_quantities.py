"""Quantities as people write them, and what is refused."""

from __future__ import annotations

import pytest

from modelyard.domain.quantities import effect, length_s, per_minute, share
from modelyard.domain.releases import Effect
from modelyard.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500/min", 500.0), ("20/s", 1200.0), ("3k/hour", 50.0), ("1.44M/day", 1000.0), (" 5 / m ", 5.0),
        (".5/sec", 30.0), (120, 120.0), (0.5, 0.5), ("250", 250.0),
    ],
)  # fmt: skip
def test_traffic_is_read_in_requests_per_minute(text, expected):
    assert per_minute(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "5/week", "0/min", "-5/min", "1e400", "nan", "inf", True, None, [], 10**400, "2T/s"]
)
def test_what_is_no_traffic_is_refused_with_forms_that_are_taken(text):
    with pytest.raises(InvalidRequest, match="the traffic is") as caught:
        per_minute(text)
    assert "500/min" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"), [("0.5%", 0.005), ("0.005", 0.005), (0.005, 0.005), ("100 %", 1.0), (0, 0.0), (1, 1.0)]
)
def test_a_share_is_read_from_per_cent_or_a_number(text, expected):
    assert share(text, "the error rate") == pytest.approx(expected)


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "x", float("nan"), None, True])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(InvalidRequest, match="the error rate is"):
        share(text, "the error rate")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("80ms", 0.08), ("1.5s", 1.5), ("250us", 0.00025), ("10m", 600.0), ("2h", 7200.0), (0.3, 0.3)],
)
def test_a_length_of_time_is_read_in_seconds(text, expected):
    assert length_s(text, "p50") == pytest.approx(expected)


@pytest.mark.parametrize("text", ["80", "-80ms", "0ms", "11d", "80 mss", None])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(InvalidRequest, match="p50 is"):
        length_s(text, "p50")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no change", Effect(name="no change")),
        ("errors x2", Effect(name="errors x2", errors=2.0)),
        ("Errors  X1.5", Effect(name="errors x1.5", errors=1.5)),
        ("errors 5%", Effect(name="errors 5%", error_rate=0.05)),
        ("latency +20%", Effect(name="latency +20%", latency=1.2)),
        ("tokens -50%", Effect(name="tokens -50%", tokens=0.5)),
        ("errors x2, latency x1.1", Effect(name="errors x2, latency x1.1", errors=2.0, latency=1.1)),
        ("errors x5 after 10000", Effect(name="errors x5 after 10000", errors=5.0, after=10_000)),
        ("no change after 7", Effect(name="no change after 7", after=7)),
    ],
)
def test_an_effect_is_read(text, expected):
    found = effect(text)
    assert (found.name, found.error_rate, found.after) == (expected.name, expected.error_rate, expected.after)
    assert found.errors == pytest.approx(expected.errors)
    assert (found.latency, found.tokens) == pytest.approx((expected.latency, expected.tokens))


@pytest.mark.parametrize(
    "text",
    [
        "", "errors", "errors 2", "latency 5%", "errors 101%", "errors x0", "errors x5000", "latency -100%",
        "errors x2, errors x3", "errors x2 latency x2", "x2", "errors x2 after soon", "cost x2", 3,
    ],
)  # fmt: skip
def test_what_is_no_effect_is_refused_with_one_that_is(text):
    with pytest.raises(InvalidRequest) as caught:
        effect(text)
    assert "errors x2" in caught.value.hint
