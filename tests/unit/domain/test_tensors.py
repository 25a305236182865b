"""Tensors of the Open Inference Protocol: what is read, what is refused, and what a schema says in its words."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.tensors import DATATYPES, datatype_of, output_tensor, read_request, row_shape, tensors_of
from modelyard.errors import InvalidInput


def request_with(**tensor):
    """A request with one tensor, of which some members are changed."""
    return {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4.5], **tensor}]}


@pytest.mark.feature("EXP-24")
@pytest.mark.parametrize("data", [[1, 2, 3, 4.5], [[1, 2], [3, 4.5]]])
def test_data_may_be_flat_or_nested(data):
    (tensor,) = read_request(request_with(data=data)).tensors
    assert (tensor.name, tensor.datatype, tensor.shape, tensor.data) == ("x", "FP64", (2, 2), [1, 2, 3, 4.5])
    assert tensor.nested() == [[1, 2], [3, 4.5]]


@pytest.mark.parametrize(
    ("shape", "nested"), [([0], []), ([2, 0], [[], []]), ([0, 3], []), ([2, 2, 0], [[[], []], [[], []]])]
)
def test_a_tensor_may_be_empty(shape, nested):
    (tensor,) = read_request(request_with(shape=shape, data=[])).tensors
    assert tensor.nested() == nested


@pytest.mark.feature("EXP-24")
@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("BOOL", [True, False]),
        ("BYTES", ["", "ü"]),
        ("FP16", [1, None]),
        ("FP32", [0.5, -1]),
        *[(f"INT{bits}", [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]) for bits in (8, 16, 32, 64)],
        *[(f"UINT{bits}", [0, 2**bits - 1]) for bits in (8, 16, 32, 64)],
    ],
)
def test_every_datatype_takes_its_values(datatype, data):
    (tensor,) = read_request(request_with(shape=[2], datatype=datatype, data=data)).tensors
    assert tensor.data == data


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("BOOL", 1),
        ("BYTES", 1),
        ("FP64", "1"),
        ("FP64", True),
        ("INT8", 128),
        ("INT8", -129),
        ("INT64", 1.0),
        ("INT32", True),
        ("UINT8", -1),
        ("UINT64", 2**64),
        ("INT16", None),
    ],
)
def test_a_value_of_another_type_is_refused(datatype, value):
    with pytest.raises(InvalidInput, match=rf"input 'x': .* is no {datatype}"):
        read_request(request_with(shape=[1], datatype=datatype, data=[value]))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "no list of inputs"),
        ({}, "no list of inputs"),
        ({"inputs": []}, "no list of inputs"),
        ({"inputs": [3]}, "the input 3 is no object"),
        ({**request_with(), "id": 7}, "id is 7, not a text"),
        ({**request_with(), "parameters": [1]}, "parameters is"),
        ({**request_with(), "outputs": "y"}, "outputs is no list"),
        ({**request_with(), "outputs": [{}]}, "outputs is no list"),
        ({**request_with(), "outputs": [{"name": 1}]}, "name of an output is 1"),
        ({"inputs": request_with()["inputs"] * 2}, "same name"),
        (request_with(name=None), "name of an input is None"),
        (request_with(datatype="FP8"), "datatype 'FP8' is not known"),
        (request_with(datatype=["FP64"]), "datatype .* is not known"),
        (request_with(shape=[]), r"has the shape \[\]"),
        (request_with(shape="4"), "has the shape '4'"),
        (request_with(shape=[-1]), "has the shape"),
        (request_with(shape=[True]), "has the shape"),
        (request_with(shape=[1] * 33), "has the shape"),
        (request_with(shape=[3]), r"shape \[4\] do not fit the shape \[3\]"),
        (request_with(shape=[4], data=[[1, 2], [3, 4]]), r"shape \[2, 2\] do not fit the shape \[4\]"),
        (request_with(data=[[1, 2], [3]]), "ragged"),
        (request_with(data=[[1, 2], 3, 4]), "ragged"),
        (request_with(data=None), "has no list of data"),
    ],
)
def test_what_is_no_request_is_refused_with_what_is_wrong(document, message):
    with pytest.raises(InvalidInput, match=message):
        read_request(document)


def test_data_nested_beyond_any_array_are_refused():
    data: list[Any] = [1]
    for _ in range(40):
        data = [data]
    with pytest.raises(InvalidInput, match="ragged"):
        read_request(request_with(data=data))


def test_wanted_outputs_id_and_parameters_are_kept():
    request = read_request(
        {**request_with(), "id": "7", "outputs": [{"name": "y"}], "parameters": {"method": "predict"}}
    )
    assert (request.id, request.outputs, request.parameters) == ("7", ("y",), {"method": "predict"})
    bare = read_request(request_with())
    assert (bare.id, bare.outputs, bare.parameters) == ("", (), {})


@pytest.mark.feature("EXP-24")
def test_a_schema_is_told_as_tensors_whose_first_dimension_counts_the_rows():
    schema = {
        "fields": [
            {"name": "age", "type": "int64"},
            {"name": "pixels", "type": "float32", "shape": [8, 8]},
            {"name": "onnx", "type": "uint8", "shape": [-1, 4]},
            {"name": "note", "type": "string"},
            {"name": "day", "type": "datetime"},
        ]
    }
    assert tensors_of(schema) == [
        {"name": "age", "datatype": "INT64", "shape": [-1]},
        {"name": "pixels", "datatype": "FP32", "shape": [-1, 8, 8]},
        {"name": "onnx", "datatype": "UINT8", "shape": [-1, 4]},
        {"name": "note", "datatype": "BYTES", "shape": [-1]},
        {"name": "day", "datatype": "BYTES", "shape": [-1]},
    ]
    assert tensors_of({"type": "object", "properties": {}}) == []
    assert row_shape((-1,)) == (-1,)


def test_types_and_datatypes_go_both_ways():
    assert {datatype_of(word): word for word in DATATYPES.values()} == DATATYPES
    assert datatype_of("double") == "FP64"


def test_an_output_is_written_in_the_protocols_words():
    assert output_tensor("y", "INT64", (2,), [1, 2]) == {"name": "y", "datatype": "INT64", "shape": [2], "data": [1, 2]}
