"""Answers of models as JSON values and as tensors, split by the calls that asked."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from modelyard.domain.tensors import read_request
from modelyard.errors import InvalidInput
from modelyard.runtimes.infer import infer_answer, infer_request, plain_input
from modelyard.runtimes.outputs import encoded, plain, similar, split, tensor

FRAME = pd.DataFrame({"label": ["a", "ü"], "score": [0.5, math.nan]})


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (np.array([1, 2]), [1, 2]),
        (np.array([[0.5, math.inf]]), [[0.5, None]]),
        (np.float32(0.5), 0.5),
        (np.float64(math.nan), None),
        (np.array(["a", None], dtype=object), ["a", None]),
        (np.array([True]), [True]),
        (np.array(["2026-01-01", "NaT"], dtype="datetime64[D]"), ["2026-01-01", None]),
        (np.datetime64("2026-01-01"), "2026-01-01"),
        (FRAME, [{"label": "a", "score": 0.5}, {"label": "ü", "score": None}]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series(["a", pd.NA]), ["a", None]),
        (pd.NaT, None),
        (scipy.sparse.csr_matrix([[0, 1]]), [[0, 1]]),
        ({1: np.array([2]), "b": (3, {4})}, {"1": [2], "b": [3, [4]]}),
        (b"a", "YQ=="),
        (dt.date(2026, 1, 1), "2026-01-01"),
        (Decimal("1.50"), "1.50"),
        (1 + 2j, "(1+2j)"),
        (None, None),
        ([{"a": np.int64(1)}], [{"a": 1}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_become_json_values(answer, value):
    assert json.loads(encoded(plain(answer))) == value


def test_an_object_of_another_kind_is_no_answer():
    with pytest.raises(TypeError, match="an object of object, for which JSON has no word"):
        plain([object()])


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (np.array([1, 2, 3]), [[1], [2, 3]]),
        ([1, "b", None], [[1], ["b", None]]),
        (pd.Series([1, 2, 3], index=[7, 8, 9]), [[1], [2, 3]]),
        (scipy.sparse.csr_matrix(np.eye(3)), [[[1, 0, 0]], [[0, 1, 0], [0, 0, 1]]]),
        ({"a": np.array([1, 2, 3]), "b": [4, 5, 6]}, [{"a": [1], "b": [4]}, {"a": [2, 3], "b": [5, 6]}]),
        ((np.array([1, 2, 3]), [4, 5, 6]), [[[1], [4]], [[2, 3], [5, 6]]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_answer_is_split_by_its_rows(answer, parts):
    found = split(answer, [1, 2])
    assert found is not None
    assert [plain(part) for part in found] == parts


@pytest.mark.parametrize(
    "answer", [np.array([1, 2]), np.array(5), "abc", None, 3, {}, (), {"a": [1, 2, 3], "b": [1]}, ([1, 2, 3], 4)]
)
def test_an_answer_that_does_not_count_the_rows_is_not_split(answer):
    assert split(answer, [1, 2]) is None


def test_similar_values_differ_in_the_last_digits_only():
    assert similar([{"a": 0.1}, None, "x", math.nan], [{"a": 0.1 + 1e-9}, None, "x", math.nan])
    for other in ([{"a": 0.2}], [{"b": 0.1}], [{"a": "0.1"}], [], {"a": 0.1}):
        assert not similar([{"a": 0.1}], other)


REQUEST = {"id": "r1", "inputs": [{"name": "x", "shape": [2], "datatype": "INT8", "data": [1, 2]}]}


@pytest.mark.feature("EXP-24")
@pytest.mark.parametrize(
    ("answer", "outputs"),
    [
        (np.array([[1.5, math.nan]], dtype=np.float32), [("y", "FP32", [1, 2], [1.5, None])]),
        (np.array([True]), [("y", "BOOL", [1], [True])]),
        (np.array(["a", "ü"]), [("y", "BYTES", [2], ["a", "ü"])]),
        (np.uint8(3), [("y", "UINT8", [1], [3])]),
        ([0.5, 1], [("y", "FP64", [2], [0.5, 1.0])]),
        ([[1, 2], [3]], [("y", "BYTES", [2], ["[1,2]", "[3]"])]),
        ([{"a": 1}], [("y", "BYTES", [1], ['{"a":1}'])]),
        ("text", [("y", "BYTES", [1], ["text"])]),
        (FRAME, [("label", "BYTES", [2], ["a", "ü"]), ("score", "FP64", [2], [0.5, None])]),
        ({"b": np.array([1]), "a": [2.0]}, [("b", "INT64", [1], [1]), ("a", "FP64", [1], [2.0])]),
        ((np.array([1]), np.array([2])), [("y_0", "INT64", [1], [1]), ("y_1", "INT64", [1], [2])]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_become_tensors(answer, outputs):
    request = infer_request(json.dumps(REQUEST).encode())
    document = json.loads(infer_answer(request, answer, "y"))
    assert document["id"] == "r1"
    found = [(item["name"], item["datatype"], item["shape"], item["data"]) for item in document["outputs"]]
    assert found == outputs


def test_only_the_wanted_outputs_are_answered_in_their_order():
    request = read_request({**REQUEST, "outputs": [{"name": "c"}, {"name": "a"}]})
    document = json.loads(infer_answer(request, {"a": [1], "b": [2], "c": [3]}, "y"))
    assert [item["name"] for item in document["outputs"]] == ["c", "a"]
    with pytest.raises(InvalidInput, match=r"the model has no output 'c' .*it has y"):
        infer_answer(request, np.array([1]), "y")


def test_an_empty_list_is_an_empty_tensor():
    assert tensor("y", [])["shape"] == [0]


def test_a_model_that_takes_values_as_they_are_gets_lists():
    second = {"name": "z", "shape": [1], "datatype": "BYTES", "data": ["a"]}
    assert plain_input(read_request(REQUEST)) == [1, 2]
    assert plain_input(read_request({"inputs": [*REQUEST["inputs"], second]})) == {"x": [1, 2], "z": ["a"]}
