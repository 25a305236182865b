"""Schemas and stored examples, from arrays, tables, lists and fitted estimators."""

from __future__ import annotations

import datetime as dt
import decimal
import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelyard.domain.signature import fields_of
from modelyard.runtimes.examples import MAX_BYTES, example_json, head
from modelyard.runtimes.schemas import infer_schema, model_schemas

NAN = float("nan")


def fields(example, name="input"):
    """The schema in short: (name, type, shape, optional)."""
    return [tuple(f.values()) for f in infer_schema(example, name=name)["fields"]]


TABLE = pd.DataFrame(
    {
        "age": pd.Series([1, 2, 3], dtype="int32"),
        "income": [1.5, NAN, 2.0],
        "city": ["a", "b", "c"],
        "plan": pd.Categorical(["x", "y", None]),
        "when": pd.to_datetime(["2026-01-01", "2026-01-02", None]),
        "gone": pd.to_timedelta([1, 2, 3], unit="s"),
        "open": [True, False, True],
        "visits": pd.array([1, None, 3], dtype="Int64"),
        "mixed": pd.Series([1, "a", None], dtype=object),
        7: [1, 2, 3],
    }
)


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (np.zeros((10, 64)), [("input", "float64", [64], False)]),
        (np.zeros((2, 3, 28, 28), dtype="float32"), [("input", "float32", [3, 28, 28], False)]),
        (np.array([[1, NAN]]), [("input", "float64", [2], True)]),
        (np.array([1, 2], dtype="uint8"), [("input", "uint8", [], False)]),
        (np.array(["a", "bc"]), [("input", "string", [], False)]),
        (np.array([b"a"]), [("input", "bytes", [], False)]),
        (np.array([True]), [("input", "bool", [], False)]),
        (np.array(["2026-01-01", "NaT"], dtype="datetime64[D]"), [("input", "datetime", [], True)]),
        (np.array(["a", None], dtype=object), [("input", "string", [], True)]),
        (np.array([[1, "a"]], dtype=object), [("input", "any", [2], False)]),
        (np.array(3.5), [("input", "float64", [], False)]),
        (np.float32(3.5), [("input", "float32", [], False)]),
        (
            np.zeros(2, dtype=[("a", "i8"), ("b", "f4", (2,))]),
            [("a", "int64", [], False), ("b", "float32", [2], False)],
        ),
        (np.array([np.array([1, 2]), None], dtype=object), [("input", "int64", [], True)]),
        (scipy.sparse.csr_matrix(np.eye(3)), [("input", "float64", [3], False)]),
        (scipy.sparse.csr_matrix(np.array([[NAN, 0.0]])), [("input", "float64", [2], True)]),
        ([[1, 2.5], [3, 4]], [("input", "float64", [2], False)]),
        ([[1, 2], [3]], [("input", "int64", [-1], False)]),
        ([[1, [2]], [3, [4]]], [("input", "int64", [2], False)]),
        (["a text", "another"], [("input", "string", [], False)]),
        ("a text", [("input", "string", [], False)]),
        ([1, None], [("input", "int64", [], True)]),
        ([1.0, NAN], [("input", "float64", [], True)]),
        ([1, "a"], [("input", "any", [], False)]),
        ([True, 1], [("input", "any", [], False)]),
        ([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.date(2026, 1, 1)], [("input", "datetime", [], False)]),
        ([dt.timedelta(1)], [("input", "timedelta", [], False)]),
        ([1j], [("input", "complex128", [], False)]),
        ([object()], [("input", "any", [], False)]),
        ([np.zeros(3), np.zeros(3)], [("input", "float64", [3], False)]),
        ([], [("input", "any", [], False)]),
        ((b"x", b"y"), [("input", "bytes", [], False)]),
        ({"a": 1, "b": "x"}, [("a", "int64", [], False), ("b", "string", [], False)]),
        ({"a": [1, 2], "b": [[1.0, 2.0]]}, [("a", "int64", [], False), ("b", "float64", [2], False)]),
        ({"image": np.zeros((1, 8, 8))}, [("image", "float64", [8, 8], False)]),
        ([{"a": 1}, {"a": None, "b": [1.0, 2.0]}], [("a", "int64", [], True), ("b", "float64", [2], True)]),
        ([{"a": 1, "b": 2}, {"a": 3, "b": 4}], [("a", "int64", [], False), ("b", "int64", [], False)]),
        (
            TABLE,
            [
                ("age", "int32", [], False),
                ("income", "float64", [], True),
                ("city", "string", [], False),
                ("plan", "string", [], True),
                ("when", "datetime", [], True),
                ("gone", "timedelta", [], False),
                ("open", "bool", [], False),
                ("visits", "int64", [], True),
                ("mixed", "any", [], True),
                ("7", "int64", [], False),
            ],
        ),
        (TABLE["income"], [("input", "float64", [], True)]),
        (pd.Series(["a", pd.NA], dtype=object), [("input", "string", [], True)]),
        ([NAN, None], [("input", "float64", [], True)]),
        (np.array(None, dtype=object), [("input", "any", [], True)]),
    ],
)
def test_schemas_of_examples(example, expected):
    assert fields(example) == expected


def test_a_large_array_is_looked_at_whole_for_missing_values():
    example = np.zeros((5000, 2))
    example[4999, 1] = NAN
    assert fields(example) == [("input", "float64", [2], True)]


@pytest.mark.parametrize(
    ("example", "names"),
    [
        (pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", "a.1", "a"]), ["a", "a.1", "a.1.1", "a.2"]),
        (pd.DataFrame([[1, 2]], columns=["", "x"]), ["column_0", "x"]),
        ({1: 2, "1": 3}, ["1", "1.1"]),
        ([{1: 2, "1": 3}], ["1", "1.1"]),
    ],
)
def test_every_field_has_a_name_of_its_own(example, names):
    assert [name for name, *_rest in fields(example)] == names


class TestModels:
    def test_without_an_example_what_was_learned_is_used(self):
        rows, y = load_iris(return_X_y=True)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, y)
        inputs, outputs = model_schemas(model)
        assert inputs == {"fields": [{"name": "input", "type": "any", "shape": [4], "optional": False}]}
        assert outputs == {"fields": [{"name": "output", "type": "int64", "shape": [], "optional": False}]}

    def test_names_of_a_table_are_kept(self):
        rows, y = load_iris(return_X_y=True, as_frame=True)
        model = RandomForestClassifier(2).fit(rows, np.array(["setosa", "versicolor", "virginica"])[y])
        inputs, outputs = model_schemas(model)
        assert [field["name"] for field in inputs["fields"]] == list(rows.columns)
        assert outputs["fields"][0]["type"] == "string"
        inputs, outputs = model_schemas(model, rows)
        assert inputs["fields"][0] == {"name": "sepal length (cm)", "type": "float64", "shape": [], "optional": False}
        assert outputs == {"fields": [{"name": "output", "type": "string", "shape": [], "optional": False}]}

    def test_several_outputs(self):
        rows, y = load_digits(return_X_y=True)
        rows, y = rows[:100], y[:100]
        model = RandomForestClassifier(2).fit(rows, np.column_stack([y, y % 2]))
        assert model_schemas(model)[1]["fields"][0]["shape"] == [2]
        assert model_schemas(model, rows)[1]["fields"][0]["shape"] == [2]
        lines = LinearRegression().fit(rows, np.column_stack([y, y % 2]))
        assert model_schemas(lines, rows)[1]["fields"][0] == {
            "name": "output",
            "type": "float64",
            "shape": [2],
            "optional": False,
        }

    def test_what_cannot_be_known_is_left_out(self):
        assert model_schemas(LinearRegression()) == ({}, {})
        assert model_schemas(object()) == ({}, {})
        texts = ["a text", "another text"]
        inputs, outputs = model_schemas(TfidfVectorizer().fit(texts), texts)
        assert inputs["fields"][0]["type"] == "string"
        assert outputs == {}

    def test_an_example_that_the_model_does_not_answer_is_warned_of(self):
        rows, y = load_iris(return_X_y=True)
        model = LogisticRegression().fit(rows, y > 0)
        with pytest.warns(UserWarning, match="does not answer its input example: X has 2 features"):
            inputs, outputs = model_schemas(model, rows[:, :2])
        assert inputs["fields"][0]["shape"] == [2]
        assert outputs["fields"][0]["type"] == "bool"


class TestExamples:
    @pytest.mark.parametrize(
        ("example", "expected"),
        [
            (np.arange(20).reshape(10, 2), [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]),
            (np.array([1.5, NAN, np.inf]), [1.5, None, None]),
            (np.float64(1.5), 1.5),
            (list(range(10)), [0, 1, 2, 3, 4]),
            ({"a": list(range(10)), "b": 1, 3: None}, {"a": [0, 1, 2, 3, 4], "b": 1, "3": None}),
            ([{"a": (1, 2)}] * 9, [{"a": [1, 2]}] * 5),
            ("text", "text"),
            ("lone \ud800", "lone ?"),
            (b"\x00\xff", "AP8="),
            ([decimal.Decimal("1.5"), dt.date(2026, 1, 2), True], ["1.5", "2026-01-02", True]),
            (scipy.sparse.csr_matrix(np.eye(2)), [[1.0, 0.0], [0.0, 1.0]]),
            (np.array(["2026-01-01"], dtype="datetime64[D]"), ["2026-01-01"]),
            (np.array(7), 7),
        ],
    )
    def test_become_json_values(self, example, expected):
        assert example_json(example) == expected

    def test_of_tables_keep_columns_and_rows(self):
        stored = example_json(TABLE, rows=2)
        assert stored["columns"] == ["age", "income", "city", "plan", "when", "gone", "open", "visits", "mixed", "7"]
        assert stored["data"][0][:5] == [1, 1.5, "a", "x", "2026-01-01T00:00:00"]
        assert (stored["data"][1][1], stored["data"][1][7]) == (None, None)
        assert example_json(TABLE)["data"][2][3:5] == [None, None]
        json.dumps(example_json(TABLE), allow_nan=False)

    def test_take_fewer_rows_when_five_do_not_fit(self):
        assert len(example_json(["x" * 20_000] * 10)) == 3
        assert len(example_json(np.ones((10, 10_000)))) == 1
        assert len(example_json(np.ones((5, 3)), rows=2)) == 2

    @pytest.mark.parametrize(
        "example",
        [
            "x" * (MAX_BYTES + 1),
            np.zeros((1, 1_000_000)),
            [list(range(1_000_000))],
            scipy.sparse.csr_matrix((1, 10**12)),
            pd.DataFrame(np.zeros((1, 100_000))),
        ],
        ids=["text", "array", "list", "sparse", "table"],
    )
    def test_are_left_out_when_not_even_one_row_fits(self, example):
        assert example_json(example) is None

    def test_head_keeps_the_type(self):
        assert isinstance(head(TABLE, 2), pd.DataFrame)
        assert len(head(TABLE, 2)) == 2
        assert head((1, 2, 3), 2) == (1, 2)
        assert head(5, 2) == 5


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.datetimes()),
    lambda below: st.one_of(st.lists(below), st.dictionaries(st.one_of(st.text(), st.integers()), below)),
)


@given(JSON)
def test_any_value_has_a_schema_and_a_bounded_strict_json_example(value):
    schema = infer_schema(value)
    assert [field.to_json() for field in fields_of(schema)] == schema["fields"]
    text = json.dumps(example_json(value), allow_nan=False, ensure_ascii=False).encode()
    assert len(text) <= MAX_BYTES
