"""What a recorded value may be."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain import checks
from modelyard.domain.checks import (
    check_count,
    check_json,
    check_label,
    check_metrics,
    check_number,
    check_samples,
    check_tags,
    check_text,
    check_timestamp,
)
from modelyard.errors import InvalidMetadata, InvalidMetric, InvalidName

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.é", max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.feature("MET-04")
def test_metrics_become_floats():
    found = check_metrics({"a": 1, "b": 0.5, "c": np.float32(0.25), "d": np.int64(3), "e": Decimal("0.5")})
    assert found == {"a": 1.0, "b": 0.5, "c": 0.25, "d": 3.0, "e": 0.5}
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        True,
        np.True_,
        "0.9",
        b"1",
        None,
        [0.9],
        {},
        1j,
        10**400,
        np.array([1, 2]),
    ],
)
def test_what_is_no_finite_number_is_no_metric(value):
    with pytest.raises(InvalidMetric, match=r"metrics: 'accuracy' is .*") as caught:
        check_metrics({"accuracy": value})
    assert caught.value.hint


def test_the_words_of_the_caller_name_the_metrics():
    with pytest.raises(InvalidMetric, match="validation_metrics: 'f1' is nan, not finite"):
        check_metrics({"f1": float("nan")}, "validation_metrics")
    with pytest.raises(InvalidMetric, match=r"metrics: \[\] is no mapping"):
        check_metrics([])


def test_the_name_of_a_metric_is_checked():
    with pytest.raises(InvalidName):
        check_metrics({"bad\x00name": 1.0})


def test_there_are_not_more_metrics_than_can_be_listed():
    assert len(check_metrics({f"m{i}": i for i in range(checks.MOST_ENTRIES)})) == checks.MOST_ENTRIES
    with pytest.raises(InvalidMetric, match="1,001 entries, more than 1,000"):
        check_metrics({f"m{i}": i for i in range(checks.MOST_ENTRIES + 1)})


def test_scores_become_lists_of_floats():
    found = check_samples({"auc": [1, 0.5], "f1": (0.25,), "loss": np.array([0.5, 1.5])})
    assert found == {"auc": [1.0, 0.5], "f1": [0.25], "loss": [0.5, 1.5]}


@pytest.mark.parametrize("scores", [0.9, "0.9", {"a": 1}, [0.9, None], [float("nan")], [True], None])
def test_what_is_no_list_of_numbers_is_refused(scores):
    with pytest.raises(InvalidMetric, match="metric_samples"):
        check_samples({"auc": scores})


def test_scores_are_limited_together(monkeypatch):
    monkeypatch.setattr(checks, "MOST_SAMPLES", 5)
    assert check_samples({"a": [1, 2, 3], "b": [1, 2]})
    with pytest.raises(InvalidMetric, match="more than 5 scores"):
        check_samples({"a": [1, 2, 3], "b": [1, 2, 3]})


@pytest.mark.feature("MET-01")
def test_tags_become_texts():
    tags = {"team": "risk", "validated": True, "gpu": False, "runs": 3, "rate": 0.5, "n": np.int64(7), "o": np.True_}
    assert check_tags(tags) == {
        "team": "risk",
        "validated": "true",
        "gpu": "false",
        "runs": "3",
        "rate": "0.5",
        "n": "7",
        "o": "true",
    }


@pytest.mark.parametrize(
    "value", [None, [1], {"a": 1}, b"x", float("nan"), 2**64, 10**30, "x\x00", "\ud800", "a\x1b[2J"]
)
def test_what_is_no_text_is_no_tag(value):
    with pytest.raises(InvalidMetadata, match="the tag 'team'"):
        check_tags({"team": value})


def test_a_tag_of_a_megabyte_is_refused():
    assert check_tags({"notes": "x" * checks.LONGEST_TAG})
    with pytest.raises(InvalidMetadata, match="the tag 'notes' has 1,048,576 characters, more than 100,000") as caught:
        check_tags({"notes": "x" * (1 << 20)})
    assert "file" in caught.value.hint


def test_tags_have_usable_keys_and_are_not_too_many():
    with pytest.raises(InvalidName):
        check_tags({"smile 😀": "x"})
    with pytest.raises(InvalidMetadata, match="1,001 entries"):
        check_tags({f"t{i}": "x" for i in range(1001)})
    with pytest.raises(InvalidMetadata, match="is no mapping"):
        check_tags("team=risk")


def test_texts_keep_line_breaks_and_every_script():
    text = "Erkennt Betrug\n\t• 検出 ☺\r\n"
    assert check_text("description", text) == text


@pytest.mark.parametrize("bad", ["a\x00b", "\x1b[31m", "\x7f", "\x85", "\udfff"])
def test_control_characters_are_refused(bad):
    with pytest.raises(InvalidMetadata, match=f"description has the character U\\+{ord(bad.strip('ab')[0]):04X}"):
        check_text("description", bad)


@pytest.mark.parametrize("value", [None, 3, b"x", ["x"]])
def test_only_text_is_text(value):
    with pytest.raises(InvalidMetadata, match="description is"):
        check_text("description", value)


def test_texts_have_a_limit():
    assert check_text("team", "abc", 3) == "abc"
    with pytest.raises(InvalidMetadata, match="team has 4 characters, more than 3"):
        check_text("team", "abcd", 3)


@given(JSON)
def test_json_comes_back_as_it_went_in(value):
    assert check_json("extra", value) == value
    json.dumps(check_json("extra", value), allow_nan=False)


def test_what_json_lacks_is_turned_into_what_it_has():
    value = {"t": (1, 2), "a": np.eye(2), "s": np.float32(0.5), 7: "seven", "d": date(2024, 1, 15), "x": np.str_("y")}
    found = check_json("hyperparameters", value)
    assert found == {"t": [1, 2], "a": [[1, 0], [0, 1]], "s": 0.5, "7": "seven", "d": "2024-01-15", "x": "y"}
    assert type(found["x"]) is str
    assert check_json("x", datetime(2024, 1, 15, 8, tzinfo=UTC)) == "2024-01-15T08:00:00+00:00"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, float("nan")]}, r"extra\.a\[1\] is nan"),
        ({"a": float("inf")}, r"extra\.a is inf"),
        ({"a": 2**63}, r"extra\.a does not fit in 64 bits"),
        ({"a": -(2**63) - 1}, r"extra\.a does not fit in 64 bits"),
        ({"a": {1, 2}}, r"extra\.a is of type set"),
        ({"a": b"x"}, r"extra\.a is of type bytes"),
        ({"a": object()}, r"extra\.a is of type object"),
        ({None: 1}, "extra has the key None"),
        ({True: 1}, "extra has the key True"),
        ({"a": "x\x00"}, r"extra\.a has a NUL"),
        ({"a\ud800": 1}, "a key of extra has a NUL or half"),
        ({"k" * 9999: float("nan")}, r"extra\.k{80} is nan"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_path(value, message):
    with pytest.raises(InvalidMetadata, match=message) as caught:
        check_json("extra", value)
    assert caught.value.hint


def test_json_has_a_limit_of_depth_and_of_size():
    value: object = 1
    for _ in range(checks.DEEPEST_JSON - 1):
        value = [value]
    assert check_json("extra", value) == value
    with pytest.raises(InvalidMetadata, match="nested too deep"):
        check_json("extra", [value])
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidMetadata, match="nested too deep"):
        check_json("extra", endless)
    assert check_json("extra", "é", limit=4) == "é"
    with pytest.raises(InvalidMetadata, match="takes 6 bytes as JSON, more than 5"):
        check_json("extra", "éé", limit=5)


@pytest.mark.feature("VER-09")
@pytest.mark.parametrize(
    ("value", "label"),
    [("stable", "stable"), ("BETA", "beta"), (" Experimental ", "experimental"), (None, ""), ("", "")],
)
def test_labels(value, label):
    assert check_label(value) == label


@pytest.mark.parametrize("value", ["production", "stable!", 3, True])
def test_other_words_are_no_labels(value):
    with pytest.raises(InvalidMetadata, match="there is no label") as caught:
        check_label(value)
    assert caught.value.hint == "labels are stable, beta, experimental"


@pytest.mark.feature("MET-09")
@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2024-10-15T12:45:00", "2024-10-15T12:45:00Z"),
        ("2024-10-15T12:45:00Z", "2024-10-15T12:45:00Z"),
        (" 2024-10-15T12:45:00+02:00 ", "2024-10-15T10:45:00Z"),
        ("2024-10-15 12:45:00.250000", "2024-10-15T12:45:00.250000Z"),
        ("2024-01-15", "2024-01-15T00:00:00Z"),
        (date(2024, 1, 15), "2024-01-15T00:00:00Z"),
        (datetime(2024, 1, 15, 12, tzinfo=timezone(timedelta(hours=-5))), "2024-01-15T17:00:00Z"),
    ],
)
def test_times_are_stored_in_utc(value, stored):
    assert check_timestamp("training_timestamp", value) == stored
    assert check_timestamp("training_timestamp", stored) == stored


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", "", 1700000000, None, "0001-01-01T00:00:00+05:00"])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(InvalidMetadata, match="training_timestamp is") as caught:
        check_timestamp("training_timestamp", value)
    assert "2024-10-15T12:45:00Z" in caught.value.hint


def test_counts_are_whole_numbers_from_one():
    assert check_count("sample_size", 1) == 1
    assert check_count("sample_size", 500.0) == 500
    assert type(check_count("sample_size", np.int32(5))) is int


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", None, True, float("inf"), 1e16])
def test_other_numbers_are_no_counts(value):
    with pytest.raises(InvalidMetadata, match="sample_size is"):
        check_count("sample_size", value)


def test_a_number_that_python_cannot_convert_says_so():
    with pytest.raises(ValueError, match="a object and not a number"):
        check_number(object())
