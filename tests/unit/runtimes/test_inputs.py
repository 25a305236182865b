"""What callers send, as rows of what a model takes: forms, names, shapes and types."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from modelyard.domain.signature import Field
from modelyard.domain.tensors import read_request
from modelyard.errors import InvalidInput
from modelyard.runtimes.examples import example_json
from modelyard.runtimes.inputs import Reader, decoded, made_up, unwrapped
from modelyard.runtimes.runner import Batch, Expected, Facts
from modelyard.runtimes.schemas import infer_schema

PERSON = (Field(name="age", type="int64"), Field(name="größe", type="float64"), Field(name="job", type="string"))
ROWS = [[39, 1.8, "cook"], [20, 1.7, "smith"]]
MATRIX = (Field(name="input", type="float64", shape=(3,)),)


def read(value, *fields):
    """The parts of a value's batch as lists."""
    batch = Reader(Expected(fields=fields)).read(value)
    assert all(len(part) == batch.rows for part in batch.parts.values())
    return {name: part.tolist() for name, part in batch.parts.items()}


def wrong(value, *fields):
    """Why a value is refused."""
    with pytest.raises(InvalidInput) as caught:
        Reader(Expected(fields=fields)).read(value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["input", "inputs", "instances", "dataframe_split", "dataframe_records"])
def test_the_value_stands_under_any_of_the_usual_names(name):
    assert unwrapped({name: [[1]], "user": "u7"}) == ([[1]], {})
    assert unwrapped({name: [[1]], "parameters": {"method": "predict"}}) == ([[1]], {"method": "predict"})


def test_a_list_and_a_table_need_no_name():
    assert unwrapped([[1]]) == ([[1]], {})
    table = {"columns": ["a"], "data": [[1]]}
    assert unwrapped(table) == (table, {})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (3, "not an object"),
        ({"x": 1}, "its members are 'x'"),
        ({"input": 1, "instances": 2}, "both input and instances"),
        ({"input": 1, "parameters": 3}, "parameters is 3"),
    ],
)
def test_a_body_without_one_value_is_refused(body, message):
    with pytest.raises(InvalidInput, match=message):
        unwrapped(body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"input": NaN}', b"[" * 100_000, b'{"input": [1,]}'])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(InvalidInput, match="the body is no JSON"):
        decoded(body)


@pytest.mark.feature("DEP-14")
@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        [{"age": 39, "größe": 1.8, "job": "cook"}, {"job": "smith", "größe": 1.7, "age": 20}],
        {"job": ["cook", "smith"], "age": [39, 20], "größe": [1.8, 1.7]},
        {"columns": ["job", "age", "größe"], "data": [["cook", 39, 1.8], ["smith", 20, 1.7]]},
        {"columns": ["age", "größe", "job"], "index": [0, 1], "data": ROWS},
    ],
    ids=["rows", "records", "columns", "table", "table with index"],
)
def test_all_forms_of_a_table_come_in_the_order_of_the_fields(value):
    assert list(read(value, *PERSON).items()) == [
        ("age", [39, 20]),
        ("größe", [1.8, 1.7]),
        ("job", ["cook", "smith"]),
    ]


@pytest.mark.parametrize("value", [ROWS[0], {"age": 39, "größe": 1.8, "job": "cook"}])
def test_one_row_may_come_alone(value):
    assert read(value, *PERSON) == {"age": [39], "größe": [1.8], "job": ["cook"]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{"age": 1, "job": "x", "Größe": 1.0}], "missing: 'größe'; unknown: 'Größe'"),
        ({"age": [1], "größe": [1.0]}, "missing: 'job'"),
        ([{"age": 1, "größe": 1.0, "job": "x"}, {"age": 1, "größe": 1.0}], "row 1 has no 'job'"),
        ([{"age": 1, "größe": 1.0, "job": "x"}, 7], "7 stands among records"),
        ({"columns": ["a", "a"], "data": []}, "two columns have the same name"),
        ({"columns": ["a", "b"], "data": [[1]]}, r"row \[1\] does not have the 2 values"),
        ({"columns": ["age", "größe", "job"], "data": []}, "missing|no rows"),
        ({"age": [1, 2], "größe": [1.0], "job": ["x"]}, "different numbers of rows"),
        ({}, "empty object"),
        ([], "no rows"),
        ([[1, 2.0]], "a row has 3 values, and was sent with 2"),
        ([[1, 2.0, "x"], [1]], "ragged"),
        ([[[1, 2.0, "x"]]], "a row has 3 values"),
        ([["39", 1.8, "cook"]], "the field 'age' takes int64, and not '39'"),
        ([[39.5, 1.8, "cook"]], "the field 'age' takes int64, and not 39.5"),
        ([[None, 1.8, "cook"]], "'age' has a row without a value|'age' takes int64, and not None"),
        ([[39, "1.8", "cook"]], "the field 'größe' takes float64, and not '1.8'"),
        ([[39, 1.8, 5]], "the field 'job' takes string, and not 5"),
        ([[39, 1.8, None]], "'job' has a row without a value"),
        ([[39, 1.8, ["cook"]]], "ragged"),
    ],
)
def test_what_does_not_fit_the_fields_is_refused_with_the_reason(value, message):
    assert re.search(message, wrong(value, *PERSON))


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([1, 2, 3], [[1.0, 2.0, 3.0]]),
        ([[1, 2, 3], [4, 5, 6.5]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]),
        ([[True, None, 3]], [[1.0, math.nan, 3.0]]),
        ({"input": [[1, 2, 3]]}, [[1.0, 2.0, 3.0]]),
        ({"input": [1, 2, 3]}, [[1.0, 2.0, 3.0]]),
        ({"columns": ["a", "b", "c"], "data": [[1, 2, 3]]}, [[1.0, 2.0, 3.0]]),
    ],
)
def test_a_matrix_takes_rows_whatever_their_form(value, rows):
    np.testing.assert_array_equal(read(value, *MATRIX)["input"], rows)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "a row has the shape [3], and not [2]"),
        ([[1, 2, 3, 4]], "a row has the shape [3], and not [4]"),
        ([[[1, 2, 3]]], "a row has the shape [3], and not [1, 3]"),
        (5, "a row has the shape [3], and not []"),
        ([[1, 2, "3"]], "the input takes float64, and not '3'"),
        ([[1, 2, {"a": 1}]], "the input takes float64, and not {'a': 1}"),
        ([[1, 2, 10**400]], "float64"),
        ([{"a": 1, "b": 2, "c": 3}], "the model does not know its features by name: 'a', 'b', 'c'"),
        ({"a": [1], "b": [2], "c": [3]}, "does not know its features by name"),
    ],
)
def test_what_does_not_fit_a_matrix_is_refused(value, message):
    assert message in wrong(value, *MATRIX)


@pytest.mark.parametrize(
    "value", ["good", ["good"], [["good"]], {"text": "good"}, {"text": ["good"]}, [{"text": "good"}]]
)
def test_a_single_text_has_all_forms_too(value):
    assert read(value, Field(name="text", type="string")) == {"text": ["good"]}


def test_many_rows_of_one_number():
    assert read([1, 2, 3], Field(name="input", type="float64", shape=(1,)))["input"] == [[1.0], [2.0], [3.0]]
    assert read([1, 2, 3], Field(name="x", type="float64"))["x"] == [1.0, 2.0, 3.0]


def test_optional_fields_may_be_missing_or_null():
    fields = (
        Field(name="a", type="int64"),
        Field(name="b", type="float32", optional=True),
        Field(name="c", type="string", optional=True),
        Field(name="d", type="int64", optional=True),
        Field(name="e", type="datetime", optional=True),
    )
    batch = Reader(Expected(fields=fields)).read([{"a": 1}, {"a": 2, "b": 0.5, "c": "x", "d": 7, "e": "2026-01-01"}])
    np.testing.assert_array_equal(batch.parts["b"], np.array([np.nan, 0.5], dtype=np.float32))
    assert batch.parts["c"].tolist() == [None, "x"]
    np.testing.assert_array_equal(batch.parts["d"], [np.nan, 7.0])
    assert batch.parts["e"].astype(str).tolist() == ["NaT", "2026-01-01T00:00:00.000000000"]
    assert list(Reader(Expected(fields=fields)).read({"a": 1}).parts) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("word", "sent", "stored"),
    [
        ("float32", 0.1, np.float32(0.1)),
        ("float", 1, np.float64(1)),
        ("int8", 127, np.int8(127)),
        ("int64", 3.0, np.int64(3)),
        ("uint64", 2**64 - 1, np.uint64(2**64 - 1)),
        ("bool", True, np.ones(1, dtype=bool)[0]),
        ("complex128", "1+2j", np.complex128(1 + 2j)),
        ("datetime", "2026-01-01T00:00:00+02:00", np.datetime64("2025-12-31T22:00:00", "ns")),
        ("datetime", 1_000_000_000, np.datetime64(1, "s").astype("datetime64[ns]")),
        ("timedelta", "1 days 00:00:01", np.timedelta64(86401, "s").astype("timedelta64[ns]")),
        ("timedelta", 5, np.timedelta64(5, "ns")),
        ("bytes", "YQ==", b"a"),
    ],
)
def test_values_get_the_type_of_their_field(word, sent, stored):
    part = Reader(Expected(fields=(Field(name="x", type=word),))).read([sent]).parts["x"]
    assert part[0] == stored
    assert part.dtype == getattr(stored, "dtype", object)


@pytest.mark.parametrize(
    ("word", "sent"),
    [
        ("int8", 128),
        ("uint8", -1),
        ("int64", 2**70),
        ("int64", 1e30),
        ("bool", 1),
        ("bool", "true"),
        ("float32", 1e300),
        ("datetime", "yesterday"),
        ("timedelta", "long"),
        ("bytes", "ä"),
        ("complex64", "i"),
        ("float64", {}),
    ],
)
def test_values_of_another_type_are_refused(word, sent):
    assert "'x' takes" in wrong([{"x": sent}], Field(name="x", type=word))


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ([1, 2], {"input": [[1, 2]]}),
        (["a", "b"], {"input": ["a", "b"]}),
        ("a", {"input": ["a"]}),
        ([[1, 2], [3, 4]], {"input": [[1, 2], [3, 4]]}),
        ([{"a": 1, "b": "x"}], {"a": [1], "b": ["x"]}),
        ({"a": [1, 2], "b": ["x", None]}, {"a": [1, 2], "b": ["x", None]}),
        ({"a": 1, "b": [1, 2]}, {"a": [1], "b": [[1, 2]]}),
        ({"columns": ["a"], "data": [[1]]}, {"a": [1]}),
        ([["a", 1]], {"input": [["a", 1]]}),
    ],
)
def test_where_nothing_is_known_the_value_decides(value, parts):
    assert read(value) == parts


def test_rows_of_different_lengths_stay_lists_where_the_schema_allows_them():
    tokens = Field(name="tokens", type="int64", shape=(-1,))
    assert read([[1, 2], [3]], tokens)["tokens"] == [[1, 2], [3]]
    assert read([[1, 2], [3, 4]], tokens)["tokens"] == [[1, 2], [3, 4]]
    assert "takes int64, and not 'x'" in wrong([[1, 2], ["x"]], tokens)


def test_several_arrays_in_a_row_come_by_name():
    fields = (Field(name="image", type="float32", shape=(2, 2)), Field(name="tags", type="string", shape=(-1,)))
    value = {"image": [[1, 2], [3, 4]], "tags": ["a", "b"]}
    batch = Reader(Expected(fields=fields)).read(value)
    assert {name: part.shape for name, part in batch.parts.items()} == {"image": (1, 2, 2), "tags": (1, 2)}
    assert Reader(Expected(fields=fields)).read({name: [part] * 3 for name, part in value.items()}).rows == 3
    assert "each by its name" in wrong([[1, 2]], *fields)


def test_a_long_text_beside_numbers_does_not_widen_them_all():
    value = [[1.0, 2.0, 3.0]] * 20_000 + [["x" * 1_000_000, 0.0, 0.0]]
    assert "takes float64, and not 'xxx" in wrong(value, *MATRIX)


@pytest.mark.parametrize(
    "example",
    [
        pd.DataFrame({"age": [39, 20], "job": ["cook", None], "born": pd.to_datetime(["2001-01-01", None])}),
        pd.DataFrame({"a b": [0.5, math.nan], "ü": [True, False]}),
        np.array([[1.0, math.inf], [math.nan, 2.0]]),
        np.arange(12, dtype=np.uint8).reshape(3, 2, 2),
        np.array(["2026-01-01"], dtype="datetime64[ns]"),
        [[1, 2], [3, 4]],
        ["a", "b"],
        [{"a": 1}, {"a": 2, "b": "x"}],
        {"a": [1, 2], "b": [b"x", b"y"]},
        {"a": 1, "b": "x"},
        [[1, 2], [3]],
        "just a text",
        3.5,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_stored_example_looks_like_is_always_taken(example, tmp_path):
    facts = Facts.of(tmp_path, {"input_schema": infer_schema(example), "input_example": example_json(example)})
    batch = Reader(Expected(fields=facts.inputs)).read(facts.example)
    assert batch.rows > 0
    assert {field.name for field in facts.inputs} == set(batch.parts)


def tensors(*items):
    """The tensors of a request, given as name, shape, datatype and data."""
    keys = ("name", "shape", "datatype", "data")
    return read_request({"inputs": [dict(zip(keys, item, strict=True)) for item in items]}).tensors


@pytest.mark.feature("EXP-24")
@pytest.mark.parametrize(
    ("sent", "fields", "parts"),
    [
        ([("any", [2, 3], "FP32", [1, 2, 3, 4, 5, 6])], MATRIX, {"input": [[1, 2, 3], [4, 5, 6]]}),
        ([("any", [1, 2], "INT64", [1, 2])], (*PERSON[:1], Field(name="n", type="int8")), {"age": [1], "n": [2]}),
        (
            [("job", [1, 1], "BYTES", ["x"]), ("age", [1], "INT8", [3]), ("größe", [1], "FP64", [None])],
            PERSON,
            {"age": [3], "größe": [None], "job": ["x"]},
        ),
        ([("a", [2], "BOOL", [True, False])], (), {"a": [True, False]}),
        ([("a", [1], "INT64", [1]), ("b", [1], "BYTES", ["x"])], (), {"a": [1], "b": ["x"]}),
    ],
)
def test_tensors_are_one_for_all_or_one_for_each_field(sent, fields, parts):
    batch = Reader(Expected(fields=fields)).read_tensors(tensors(*sent))
    found = {
        name: [None if str(part) == "nan" else part for part in values.tolist()] for name, values in batch.parts.items()
    }
    assert found == parts


@pytest.mark.parametrize(
    ("sent", "fields", "message"),
    [
        ([("any", [1, 2], "FP32", [1, 2])], MATRIX, "a row has the shape [3]"),
        ([("any", [1, 3], "BYTES", ["a", "b", "c"])], MATRIX, "takes float64, and not 'a'"),
        ([("age", [1], "FP64", [1.5])], PERSON[:1], "'age' takes int64, and not 1.5"),
        ([("x", [1], "INT8", [1]), ("y", [2], "INT8", [1, 2])], (), "different numbers of rows"),
        ([("x", [0, 3], "FP64", [])], MATRIX, "no rows"),
        ([("x", [1], "FP32", [10**400])], MATRIX, "too large"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(sent, fields, message):
    with pytest.raises(InvalidInput) as caught:
        Reader(Expected(fields=fields)).read_tensors(tensors(*sent))
    assert message in str(caught.value)


def test_batches_of_one_kind_are_joined_in_their_order():
    reader = Reader(Expected(fields=PERSON))
    batches = [reader.read(ROWS), reader.read(ROWS[0])]
    assert batches[0].key == batches[1].key
    joined = Batch.joined(batches)
    assert (joined.rows, joined.parts["age"].tolist()) == (3, [39, 20, 39])
    assert joined.frame().columns.tolist() == ["age", "größe", "job"]
    assert Reader(Expected()).read([[1.5]]).key != Reader(Expected()).read([[1]]).key


def test_rows_are_made_up_of_numbers_only():
    assert made_up(Expected(fields=MATRIX)).parts["input"].tolist() == [[0.0] * 3, [1.0] * 3, [0.5] * 3]
    for fields in ((), PERSON, (Field(name="x", type="float64", shape=(-1,)),)):
        with pytest.raises(InvalidInput):
            made_up(Expected(fields=fields))
