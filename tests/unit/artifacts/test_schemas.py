"""What files tell of inputs and outputs: ONNX and `MLmodel`, sound ones and everything else."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components import onnx as made
from modelyard.artifacts import onnx
from modelyard.artifacts.local import LocalBackend
from modelyard.artifacts.mlmodel import LARGEST
from modelyard.artifacts.schemas import schemas_of_path, schemas_of_stored
from modelyard.artifacts.store import ArtifactStore
from modelyard.artifacts.tree import ingest

X = {"name": "x", "type": "float32", "shape": [-1, 4], "optional": False}
Y = {"name": "y", "type": "float32", "shape": [-1], "optional": False}
BOTH = {"input_schema": {"fields": [X]}, "output_schema": {"fields": [Y]}}


@pytest.fixture
def told(tmp_path):
    """What files tell where they lie, which is what they tell when they are stored."""
    store = ArtifactStore(LocalBackend(tmp_path / "store"))

    def ask(files: dict[str, bytes | str]):
        folder = tmp_path / "files"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        here, stored = schemas_of_path(folder), schemas_of_stored(store, ingest(store, folder))
        assert here == stored or any("/" in name for name in files)
        return stored

    return ask


@pytest.mark.feature("EXP-35")
def test_an_onnx_file_tells_its_tensors(told):
    inputs = [
        made.tensor("ids", made.INT64, ("batch", None, 128)),
        made.tensor("scale", made.DOUBLE, ()),
        made.tensor("weights", made.FLOAT, (4,)),
        made.value("maybe", made.field(9, made.field(1, made.field(1, made.field(1, 16) + made.field(2, b""))))),
    ]
    outputs = [made.tensor("y", 99, (2,)), made.value("all", made.field(4, b"")), made.value("by", made.field(5, b""))]
    found = told({"m.onnx": made.graph(inputs, outputs, [("weights", b"\0" * 16), ("w2", b"\0" * 5000)])})
    words = [(one["name"], one["type"], one["shape"], one["optional"]) for one in found["input_schema"]["fields"]]
    assert words == [
        ("ids", "int64", [-1, -1, 128], False),
        ("scale", "float64", [], False),
        ("maybe", "bfloat16", [], True),
    ]
    assert [(one["name"], one["type"], one["shape"]) for one in found["output_schema"]["fields"]] == [
        ("y", "any", [2]),
        ("all", "sequence", []),
        ("by", "map", []),
    ]


def test_a_tensor_without_a_shape_leaves_its_side_unknown(told):
    inputs = [made.tensor("x", made.FLOAT, (None, 4)), made.tensor("z", made.FLOAT, None)]
    assert told({"m.onnx": made.graph(inputs, [made.tensor("y", made.FLOAT, (None,))])}) == {
        "output_schema": BOTH["output_schema"]
    }


def test_weights_are_passed_over(tmp_path):
    path = tmp_path / "large.onnx"
    weights = [("w", bytes(64 << 20))]
    path.write_bytes(made.graph([made.tensor("x", 1, (None, 4))], [made.tensor("y", 1, (None,))], weights))
    tracemalloc.start()
    assert schemas_of_path(path) == BOTH
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_description_that_lies_deep_in_a_stored_file_is_not_looked_for(tmp_path):
    weights = [(f"w{place}", bytes(8 << 20)) for place in range(9)]
    path = tmp_path / "deep.onnx"
    path.write_bytes(made.graph([made.tensor("x", 1, (None, 4))], [made.tensor("y", 1, (None,))], weights))
    store = ArtifactStore(LocalBackend(tmp_path / "store"))
    assert schemas_of_stored(store, ingest(store, path)) == {}
    assert schemas_of_path(path) == BOTH


@pytest.mark.feature("EXP-35")
def test_an_mlmodel_file_tells_columns_and_tensors(told):
    columns = [
        {"name": "age", "type": "long", "required": True},
        {"name": "note", "type": "string", "required": False},
        {"type": "double"},
    ]
    tensor = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]
    found = told({"MLmodel": made.mlmodel(columns, tensor), "model.onnx": made.simple()})
    assert found["input_schema"]["fields"] == [
        {"name": "age", "type": "int64", "shape": [], "optional": False},
        {"name": "note", "type": "string", "shape": [], "optional": True},
        {"name": "column_2", "type": "float64", "shape": [], "optional": False},
    ]
    assert found["output_schema"]["fields"] == [
        {"name": "output", "type": "float32", "shape": [-1, 2], "optional": False}
    ]


def test_which_file_is_asked(told, tmp_path):
    assert told({"deep/down.onnx": made.simple()}) == BOTH
    assert told({"deep/other.onnx": made.simple()}) == {}
    assert told({"model.onnx": made.simple()}) == BOTH
    assert (
        told({"deep/MLmodel": made.mlmodel([{"name": "a", "type": "long"}])})["input_schema"]["fields"][0]["name"]
        == "a"
    )
    assert schemas_of_path(tmp_path / "nowhere") == {}


ODD = [
    b"",
    b"\0",
    b"\x08",
    b"\xff" * 40,
    b"PK\x03\x04 a zip",
    made.field(7, b""),
    made.field(7, made.field(11, b"")) * 2,
    made.simple()[:-20],
    made.field(7, made.field(11, b"\x0a\x7f")),
    made.graph([made.tensor("x", 1, (1,))] * 2, [made.tensor("", 1, (1,))]),
    made.graph([made.tensor("a\0b", 1, (1,))], []),
    made.varint(7 << 3 | 2) + made.varint(1 << 60) + b"x",
    made.field(1, 8) * (onnx.MOST_FIELDS + 1) + made.simple(),
    made.graph([made.tensor(f"x{place}", 1, (1,)) for place in range(onnx.MOST_VALUES + 1)], []),
    made.graph([made.tensor("x" * onnx.MOST_BYTES, 1, (1,))], []),
]


@pytest.mark.parametrize("content", ODD, ids=range(len(ODD)))
def test_what_is_no_onnx_file_tells_nothing(told, content):
    assert told({"model.onnx": content, "other": b"x"}) == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200), st.integers(1, 4))
def test_garbage_never_does_more_than_tell_nothing(tmp_path: Path, noise, place, count):
    good = made.simple()
    (tmp_path / "m.onnx").write_bytes(good[:place] + noise + good[place + count :])
    assert set(schemas_of_path(tmp_path / "m.onnx")) <= {"input_schema", "output_schema"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "signature: none",
        "signature:\n  inputs: '[[1]]'",
        "signature:\n  inputs: '{\"a\": 1}'",
        "signature:\n  inputs: 'no json'",
        'signature: {inputs: \'[{"name": "a", "type": "long"}, {"name": "a", "type": "long"}]\'}',
        "a: &a [x, x]\nb: &b [*a, *a]\nsignature: *b",
        "!!python/object/apply:os.system ['true']",
        "signature: " + "[" * 200_000,
        "signature:\n  " + "- " * 100_000,
        "signature:\n  inputs: '" + "[" * 200_000 + "'",
        "signature:\n  inputs: '[]'\n" + "#" * LARGEST,
        "\0",
        made.mlmodel([{"name": "a", "type": "tensor", "tensor-spec": {"dtype": "int8", "shape": [-7]}}]),
    ],
    ids=range(15),
)
def test_an_odd_mlmodel_file_tells_nothing(told, text):
    assert told({"MLmodel": text, "other": "x"}) == {}


@pytest.mark.parametrize("name", ["model.onnx", "MLmodel"])
def test_a_file_that_cannot_be_read_is_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"signature: [\xff")
    troubles: list[str] = []
    assert schemas_of_path(tmp_path, troubles.append) == {}
    assert [f"'{name}' tells no inputs and outputs" in trouble for trouble in troubles] == [True]
