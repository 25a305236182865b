"""ONNX models, run by ONNX Runtime, against the models that they were converted from."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import skl2onnx
from onnx import TensorProto, helper
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from components.predictors import asked, asked_singly, opened, refused, served
from modelyard.errors import InvalidArtifact
from modelyard.runtimes.flavours import flavour_named, flavour_of

X, y = load_iris(return_X_y=True)
X = X.astype(np.float32)


@pytest.fixture(scope="module")
def forest():
    """A fitted forest."""
    return RandomForestClassifier(5, random_state=0).fit(X, y)


def graph(nodes, inputs, outputs):
    """A model of nodes; inputs and outputs are given as name, type and shape."""
    given, answered = ([helper.make_tensor_value_info(*item) for item in items] for items in (inputs, outputs))
    made = helper.make_graph(nodes, "g", given, answered)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_a_converted_model_answers_as_the_original(forest, tmp_path):
    model = skl2onnx.to_onnx(forest, X[:1], options={"zipmap": False})
    predictor = served(model, tmp_path)
    assert predictor.batchable
    bodies = [{"input": row} for row in X.tolist()]
    answers = asked(predictor, *bodies)
    assert answers == asked_singly(predictor, *bodies)
    assert sum(answer["label"] != [label] for answer, label in zip(answers, forest.predict(X), strict=True)) == 0
    probabilities = np.array([answer["probabilities"][0] for answer in answers])
    assert (np.abs(probabilities - forest.predict_proba(X)) > 1e-6).sum() == 0


def test_probabilities_by_name_stay_with_their_rows(forest, tmp_path):
    predictor = served(skl2onnx.to_onnx(forest, X[:1]), tmp_path)
    first, second = asked(predictor, [X[0].tolist()], X[100:102].tolist())
    assert first["output_probability"][0].keys() == {"0", "1", "2"}
    assert second["output_label"] == forest.predict(X[100:102]).tolist()


def test_columns_of_a_table_are_inputs_by_name(tmp_path):
    inputs = [("größe", TensorProto.FLOAT, ["n", 1]), ("n", TensorProto.INT64, ["n", 1])]
    nodes = [
        helper.make_node("Cast", ["n"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["größe", "float"], ["sum"]),
    ]
    predictor = served(graph(nodes, inputs, [("sum", TensorProto.FLOAT, ["n", 1])]), tmp_path)
    assert asked(predictor, [{"n": 1, "größe": 0.5}], [[1.5, 2]]) == [[[1.5]], [[3.5]]]
    assert "missing: 'größe'" in refused(predictor, [{"n": 1}])
    assert "takes int64, and not 0.5" in refused(predictor, [[0.5, 0.5]])


def test_inputs_are_cast_to_the_types_of_the_graph_and_never_silently(forest, tmp_path):
    predictor = served(skl2onnx.to_onnx(forest, X[:1]), tmp_path)
    assert "takes float32, and not 1e+300" in refused(predictor, [[1e300, 1, 1, 1]])
    assert "takes float32, and not 'x'" in refused(predictor, [["x", 1, 1, 1]])
    assert "shape [4], and not [3]" in refused(predictor, [[1, 1, 1]])


def test_texts_are_inputs_too(tmp_path):
    model = graph(
        [helper.make_node("Identity", ["t"], ["u"])],
        [("t", TensorProto.STRING, ["n"])],
        [("u", TensorProto.STRING, ["n"])],
    )
    assert asked(served(model, tmp_path), {"input": ["ü", "b"]}) == [["ü", "b"]]


def test_a_fixed_number_of_rows_is_kept(tmp_path):
    model = graph(
        [helper.make_node("CumSum", ["x", "axis"], ["y"])],
        [("x", TensorProto.DOUBLE, [2, 1])],
        [("y", TensorProto.DOUBLE, [2, 1])],
    )
    model.graph.initializer.append(helper.make_tensor("axis", TensorProto.INT64, [], [0]))
    predictor = served(model, tmp_path)
    assert not predictor.batchable
    assert asked(predictor, [1, 2, 3, 4]) == [[[1.0], [3.0], [3.0], [7.0]]]
    assert "takes 2 rows at once, and not 3" in refused(predictor, [1, 2, 3])


def test_rows_that_matter_to_each_other_are_never_joined(tmp_path):
    model = graph(
        [helper.make_node("CumSum", ["x", "axis"], ["y"])],
        [("x", TensorProto.DOUBLE, ["n", 1])],
        [("y", TensorProto.DOUBLE, ["n", 1])],
    )
    model.graph.initializer.append(helper.make_tensor("axis", TensorProto.INT64, [], [0]))
    predictor = served(model, tmp_path)
    assert not predictor.batchable
    assert asked(predictor, {"input": [[1]]}, {"input": [[2]]}) == [[[1.0]], [[2.0]]]


@pytest.mark.feature("EXP-24")
def test_tensors_go_in_and_out_by_name(forest, tmp_path):
    predictor = served(skl2onnx.to_onnx(forest, X[:1], options={"zipmap": False}), tmp_path)
    body = {
        "inputs": [{"name": "X", "shape": [2, 4], "datatype": "FP32", "data": X[:2].tolist()}],
        "outputs": [{"name": "label"}],
    }
    assert asked(predictor, body, protocol="v2") == [
        {"outputs": [{"name": "label", "datatype": "INT64", "shape": [2], "data": [0, 0]}]}
    ]


def test_what_is_recorded_of_an_onnx_model(forest, tmp_path):
    saved = flavour_of(skl2onnx.to_onnx(forest, X[:1])).save(skl2onnx.to_onnx(forest, X[:1]), tmp_path)
    assert (saved.files, saved.flavour, saved.format) == (("model.onnx",), "onnx", "onnx")
    assert (saved.framework, saved.framework_version, saved.code_bearing) == ("onnx", onnx.__version__, False)


def test_what_onnx_runtime_does_not_run_is_refused(forest, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x01 no model")
    with pytest.raises(InvalidArtifact, match=r"churn/3: broken\.onnx cannot be loaded"):
        opened(tmp_path)
    scalar = graph(
        [helper.make_node("Identity", ["x"], ["y"])], [("x", TensorProto.FLOAT, [])], [("y", TensorProto.FLOAT, [])]
    )
    with pytest.raises(InvalidArtifact, match="only tensors whose first dimension counts the rows"):
        served(scalar, tmp_path)


def test_a_session_is_not_written_again(forest, tmp_path):
    session = onnxruntime.InferenceSession(skl2onnx.to_onnx(forest, X[:1]).SerializeToString())
    with pytest.raises(InvalidArtifact, match=r"register the \.onnx file"):
        flavour_of(session).save(session, tmp_path)


def test_sessions_use_the_threads_that_they_are_given(forest, tmp_path, monkeypatch):
    saved = flavour_of(skl2onnx.to_onnx(forest, X[:1])).save(skl2onnx.to_onnx(forest, X[:1]), tmp_path)
    for said, threads in (("2", 2), ("", 1), ("many", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        options = flavour_named("onnx").load(tmp_path, saved.files, reference="m/1").get_session_options()
        assert options.intra_op_num_threads == threads
        assert options.use_deterministic_compute
