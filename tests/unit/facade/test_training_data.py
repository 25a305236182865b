"""Training data of every form become the same profile; what cannot be read is refused."""

from __future__ import annotations

import datetime as dt
import math
import tracemalloc
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelyard.domain.profiles import RARE, bin_of, check_profile, hash_of
from modelyard.domain.wire import FeatureDocument
from modelyard.errors import InvalidRequest
from modelyard.facade import training_data
from modelyard.facade.training_data import profile_of

pytestmark = pytest.mark.feature("EXP-25")

COLUMNS = {"age": [20.0, 30.0, None], "city": ["Bern", None, "Rom"], "vip": [True, False, True]}
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
CSV = "age,city,vip\n20,Bern,True\n30.0,,false\n,Rom,TRUE\n"
JSON = '{"age": 20, "city": "Bern", "vip": true}\n\n{"age": 30, "vip": false}\n{"city": "Rom", "vip": true}\n'
EXPECTED = {
    "age": FeatureDocument(bins=[(bin_of(20.0), 1), (bin_of(30.0), 1)]),
    "city": FeatureDocument(categories={hash_of("Bern"): 1, hash_of("Rom"): 1}),
    "vip": FeatureDocument(categories={"false": 1, "true": 2}),
}


@pytest.fixture
def file(tmp_path: Path):
    """Write a file of a name and a content."""

    def written(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


@pytest.mark.parametrize(
    "data",
    [pd.DataFrame(COLUMNS), COLUMNS, RECORDS, tuple(RECORDS), iter(RECORDS)],
    ids=["frame", "columns", "records", "tuple", "iterator"],
)
def test_every_form_in_memory_gives_the_same_profile(data):
    assert profile_of(data).inputs == EXPECTED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.csv", CSV),
        ("train.CSV", f"\ufeff{CSV}"),
        ("train.tsv", CSV.replace(",", "\t")),
        ("train.jsonl", JSON),
        ("train.ndjson", JSON),
    ],
)
def test_every_form_of_a_file_gives_the_same_profile(file, name, content):
    path = file(name, content)
    assert profile_of(path).inputs == profile_of(str(path)).inputs == EXPECTED
    check_profile(profile_of(path))


def test_arrays_and_rows_without_names_have_places():
    for data in (np.array([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 2.0], [3.0, 4.0]]):
        found = profile_of(data)
        assert (found.rows, list(found.inputs)) == (2, ["[0]", "[1]"])


def test_values_of_libraries_are_those_of_python():
    table = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-03-01", None]),
            "kind": pd.Categorical(["a", "b"]),
            "whole": pd.array([1, None], dtype="Int64"),
            "vector": [np.array([1, 2]), {"x": (3,)}],
        }
    )
    found = profile_of(table).inputs
    assert found["day"].categories == {hash_of("2026-03-01T00:00:00"): 1}
    assert found["kind"].categories == {hash_of("a"): 1, hash_of("b"): 1}
    assert found["whole"].bins == [(bin_of(1.0), 1)]
    record = {"a": np.float32(1.5), "b": np.str_("x"), "c": dt.date(2026, 3, 1), "d": {1: np.array([7])}, "e": 1j}
    found = profile_of([record]).inputs
    assert list(found) == ["a", "b", "c", "d.1[0]", "e"]
    assert found["b"].categories == {hash_of("x"): 1}
    assert found["e"].categories == {hash_of("1j"): 1}


def test_decimals_are_numbers():
    amounts = [Decimal("1.5"), Decimal("NaN"), Decimal("sNaN"), Decimal("1e999")]
    found = profile_of(pd.DataFrame({"amount": amounts})).inputs["amount"]
    assert (found.bins, found.categories) == ([(bin_of(1.5), 1), (bin_of(math.inf), 1)], {})


def test_postcodes_and_phone_numbers_stay_texts(file):
    found = profile_of(file("a.csv", "plz,phone,amount,rate\n01067,+41 44,-1.5,1e3\n10115,0041,.5,0.25\n")).inputs
    assert found["plz"].categories == {hash_of("01067"): 1, hash_of("10115"): 1}
    assert len(found["phone"].categories) == 2
    assert len(found["amount"].bins) == len(found["rate"].bins) == 2


@pytest.mark.parametrize(
    "predictions", ["score", pd.Series([0.1, 0.9, 0.4]), [0.1, 0.9, 0.4], np.array([0.1, 0.9, 0.4])]
)
def test_predictions_are_a_column_or_values_of_their_own(predictions):
    data = {**COLUMNS, "score": [0.1, 0.9, 0.4]}
    found = profile_of(data, predictions, exclude=["score"])
    assert found.inputs == EXPECTED
    assert found.outputs["prediction"].bins == [(bin_of(value), 1) for value in (0.1, 0.4, 0.9)]
    assert list(profile_of(data, [[1, 2]] * 3).outputs) == ["prediction[0]", "prediction[1]"]


def test_many_rows_are_thinned(monkeypatch):
    monkeypatch.setattr(training_data, "MOST_ROWS", 50)
    for data in (pd.DataFrame({"a": range(1000)}), {"a": range(1000)}, [[number] for number in range(1000)]):
        assert profile_of(data).rows == 50
        assert profile_of(data, [1] * 1000).answers == 50


@pytest.mark.parametrize(("name", "line"), [("train.csv", "{0}\n"), ("train.jsonl", '{{"a": {0}}}\n')])
def test_a_file_is_thinned_in_the_same_way_and_need_not_fit_into_memory(monkeypatch, file, name, line):
    monkeypatch.setattr(training_data, "MOST_ROWS", 50)
    rows = 100_000
    path = file(name, ("a\n" if name == "train.csv" else "") + "".join(map(line.format, range(rows))))
    tracemalloc.start()
    made = profile_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made == profile_of({"a": list(range(rows))})
    assert peak < path.stat().st_size / 2


def test_rare_texts_leave_as_hashes_even_where_a_column_was_not_excluded():
    people = [{"mail": f"{number}@example.com", "plan": "gold"} for number in range(RARE)]
    made = profile_of(people).inputs
    assert made["plan"].categories == {"gold": RARE}
    assert made["mail"].categories == dict.fromkeys((hash_of(one["mail"]) for one in people), 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (5, "holds no data"),
        (b"bytes", "holds no data"),
        ({"a": [1, 2], "b": [1]}, "different lengths"),
        ({"a": 1}, "holds no data"),
        ([], "no rows"),
        ({}, "no rows"),
        (pd.DataFrame(), "no rows"),
        ("missing.csv", "cannot be read"),
        ("train.parquet", "no file that can be read here"),
        ("", "no path"),
    ],
)
def test_what_are_no_data_is_refused(data, words):
    with pytest.raises(InvalidRequest, match=words):
        profile_of(data)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"a\n\xff\xfe", "cannot be read"),
        ("a.jsonl", b"{}\n{", "cannot be read"),
        ("a.jsonl", b"", "no rows"),
        ("a.csv", b"", "no rows"),
        ("a.csv", b"a,b\n", "no rows"),
    ],
)
def test_a_file_that_is_none_is_refused(file, name, content, words):
    with pytest.raises(InvalidRequest, match=words):
        profile_of(file(name, content))


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(InvalidRequest, match="no column 'label'") as caught:
        profile_of(COLUMNS, exclude=["label"])
    assert "'age', 'city', 'vip'" in caught.value.hint
    with pytest.raises(InvalidRequest, match="no column 'score'"):
        profile_of(COLUMNS, "score")
