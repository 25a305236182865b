"""Calls that are answered together: each by itself, in order, and with one question to the model where that is safe."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from components.predictors import asked, asked_singly, opened, refused, served
from modelyard.errors import InvalidArtifact, MissingExtra
from modelyard.runtimes.goes import FixedRows
from modelyard.runtimes.outputs import plain
from modelyard.runtimes.predictor import MOST_ROWS, Fault
from modelyard.runtimes.runner import Batch

FRAME, y = load_iris(return_X_y=True, as_frame=True)
X = FRAME.to_numpy()
ROWS = [{"input": row} for row in X.tolist()]
PROBABILITIES = {"method": "predict_proba"}


class Counting(BaseEstimator):  # type: ignore[misc]
    """Adds up rows, and remembers how many came in each question."""

    n_features_in_ = 2
    questions: list[int] = []  # noqa: RUF012 - the copy that is loaded and the test share it

    def predict(self, rows):
        self.questions.append(len(rows))
        if (rows < 0).any():
            raise RuntimeError("negative")
        return rows.sum(axis=1)


class Centring(BaseEstimator):  # type: ignore[misc]
    """An estimator that breaks the promise that rows do not matter to each other."""

    n_features_in_ = 1

    def predict(self, rows):
        return rows - rows.mean(axis=0)


class Totalling(Centring):
    """Answers with one number for all rows."""

    def predict(self, rows):
        return [float(rows.sum())]


class Echo:
    """Says how its input came."""

    def predict(self, inputs):
        return [type(inputs).__name__, str(getattr(inputs, "dtype", ""))]


class Locked:
    """Has nothing to ask."""


@pytest.fixture
def counting(tmp_path):
    """The predictor of a model that counts its questions."""
    predictor = served(Counting(), tmp_path)
    Counting.questions.clear()
    return predictor


@pytest.mark.feature("DEP-14")
@pytest.mark.parametrize("rows", [X, FRAME], ids=["array", "table"])
def test_an_estimator_answers_as_it_does_at_home(rows, tmp_path):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(rows, y)
    predictor = served(model, tmp_path, rows)
    assert predictor.batchable
    assert asked(predictor, *ROWS) == [[label] for label in model.predict(rows).tolist()]
    (answer,) = asked(predictor, {"instances": X.tolist(), "parameters": PROBABILITIES})
    np.testing.assert_array_equal(answer, model.predict_proba(rows))


def test_calls_together_and_calls_alone_are_answered_alike_to_the_last_bit(tmp_path):
    predictor = served(DecisionTreeClassifier(max_depth=3).fit(X, y), tmp_path)
    bodies = [{**row, "parameters": PROBABILITIES} for row in ROWS]
    assert asked(predictor, *bodies) == asked_singly(predictor, *bodies)


def test_calls_of_one_kind_are_one_question(counting):
    assert asked(counting, {"input": [1, 2]}, {"input": [[3, 4], [5, 6]]}, [[7, 8]]) == [[3], [7, 11], [15]]
    assert Counting.questions == [4]


def test_calls_of_different_kinds_are_questions_of_their_own(counting):
    assert asked(counting, {"input": [1, 2]}, {"input": [0.5, 1]}, {"input": [3, 4]}) == [[3], [1.5], [7]]
    assert sorted(Counting.questions) == [1, 2]


def test_a_call_that_is_wrong_spoils_no_other(counting):
    answers = asked(counting, {"input": [1, 2]}, {"input": [1]}, 7, {"input": [3, 4]})
    assert [answer for answer in answers if not isinstance(answer, Fault)] == [[3], [7]]
    assert [answer.kind for answer in answers[1:3]] == ["input", "input"]
    assert Counting.questions == [2]


def test_a_call_that_the_model_fails_on_spoils_no_other(counting):
    answers = asked(counting, {"input": [1, 2]}, {"input": [-1, 2]}, {"input": [3, 4]})
    assert answers == [[3], Fault("model", "RuntimeError: negative"), [7]]
    assert Counting.questions == [3, 1, 1, 1]
    assert counting.batchable


def test_protocols_are_answered_together_each_in_its_own_form(counting):
    infer = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "INT64", "data": [1, 2]}]}
    answers = counting.predict([("v2", json.dumps(infer).encode()), ("predict", b"[[3, 4]]")])
    assert [json.loads(answer) for answer in answers if not isinstance(answer, Fault)] == [
        {"outputs": [{"name": "output", "datatype": "INT64", "shape": [1], "data": [3]}]},
        [7],
    ]
    assert Counting.questions == [2]


def test_large_calls_do_not_keep_small_ones_waiting(counting):
    large = {"input": [[1, 1]] * (MOST_ROWS // 2 + 1)}
    middle = {"input": [[1, 1]] * (MOST_ROWS // 2)}
    asked(counting, {"input": [1, 1]}, large, middle, middle)
    assert sorted(Counting.questions) == [MOST_ROWS // 2, MOST_ROWS // 2 + 1, MOST_ROWS // 2 + 1]


def test_nothing_is_asked_for_nothing(counting):
    assert counting.predict([]) == []
    assert "no rows" in refused(counting, {"input": []})
    assert Counting.questions == []


def test_a_model_whose_rows_matter_to_each_other_is_found_out_by_its_example(tmp_path):
    for model in (Centring(), Totalling()):
        predictor = served(model, tmp_path, np.array([[1.0], [2.0]]))
        assert not predictor.batchable
    assert asked(predictor, [[1]], [[2]]) == [[1.0], [2.0]]


def test_a_model_whose_answer_does_not_count_the_rows_is_asked_singly_from_then_on(tmp_path):
    predictor = served(Totalling(), tmp_path)
    assert predictor.batchable
    assert asked(predictor, [[1], [2]], [[3]]) == [[3.0], [3.0]]
    assert not predictor.batchable


def test_methods_are_those_that_the_model_has(tmp_path):
    predictor = served(StandardScaler().fit(X), tmp_path)
    np.testing.assert_allclose(asked(predictor, ROWS[0])[0], StandardScaler().fit_transform(X)[:1])
    assert "the model does not have it" in refused(predictor, {**ROWS[0], "parameters": {"method": "predict"}})
    assert "no such method" in refused(predictor, {**ROWS[0], "parameters": {"method": "__del__"}})
    assert "no such method" in refused(predictor, {**ROWS[0], "parameters": {"method": ["predict"]}})
    assert "takes no parameter 'depth'" in refused(predictor, {**ROWS[0], "parameters": {"depth": 1}})


def test_several_outputs_keep_their_probabilities_apart(tmp_path):
    model = MultiOutputClassifier(DecisionTreeClassifier(max_depth=2)).fit(X, np.column_stack([y, y > 0]))
    predictor = served(model, tmp_path, X)
    assert asked(predictor, *ROWS[:3]) == [[row] for row in model.predict(X[:3]).tolist()]
    bodies = [{**row, "parameters": PROBABILITIES} for row in ROWS[:3]]
    expected = [[part[:1].tolist() for part in model.predict_proba(row[None])] for row in X[:3]]
    assert asked(predictor, *bodies) == asked_singly(predictor, *bodies) == expected


def test_texts_go_to_pipelines_that_were_fitted_on_texts(tmp_path):
    texts = ["good day", "bad day", "gut, schön"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1])
    predictor = served(model, tmp_path, texts)
    assert asked(predictor, {"input": "bad"}, {"input": texts}) == [
        model.predict(["bad"]).tolist(),
        model.predict(texts).tolist(),
    ]
    assert "takes string, and not 5" in refused(predictor, {"input": [5]})


@pytest.mark.parametrize("value", [None, "x", [1.0], 1e400], ids=str)
def test_values_that_an_estimator_refuses_are_the_callers_mistake(value, tmp_path):
    predictor = served(LogisticRegression(max_iter=500).fit(X, y), tmp_path)
    body = json.dumps({"input": [[value, 1.0, 1.0, 1.0]]}).replace("Infinity", "1e400")
    (answer,) = predictor.predict([("predict", body.encode())])
    assert isinstance(answer, Fault)
    assert answer.kind == "input"


def test_null_is_a_missing_value_where_the_model_fills_it_in(tmp_path):
    model = make_pipeline(SimpleImputer(), DecisionTreeClassifier(max_depth=2)).fit(X, y)
    predictor = served(model, tmp_path, X)
    assert asked(predictor, {"input": [None, 3.5, 1.4, 0.2]}) == [[0]]


def test_an_error_of_the_model_itself_is_not_blamed_on_the_caller(tmp_path):
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit([["a"], ["b"]], [0, 1])
    predictor = served(model, tmp_path)
    assert asked(predictor, {"input": [["a"]]}) == [[0]]
    (answer,) = asked(predictor, {"input": [["c"]]})
    assert answer.kind == "model"
    assert "Found unknown categories" in answer.message


def test_an_answer_that_json_cannot_hold_is_the_models_mistake(tmp_path, monkeypatch):
    predictor = served(Counting(), tmp_path)
    monkeypatch.setattr(Counting, "predict", lambda self, rows: [threading.Lock() for _ in rows])
    answers = asked(predictor, [[1, 2]], [[1, 2]])
    assert [answer.kind for answer in answers] == ["model", "model"]
    assert "JSON has no word" in answers[0].message


def test_a_hundred_thousand_rows_are_one_answer(tmp_path):
    model = DecisionTreeClassifier(max_depth=3).fit(X, y)
    rows = np.tile(X, (667, 1))[:100_000]
    (answer,) = asked(served(model, tmp_path, X), {"input": rows.tolist()})
    assert len(answer) == 100_000
    assert (np.array(answer) != model.predict(rows)).sum() == 0


@pytest.mark.parametrize(
    ("example", "body", "came"),
    [
        (None, [[1, 2]], ["ndarray", "int64"]),
        (None, [["a"]], ["list", ""]),
        (None, "text", ["str", ""]),
        ([[1.0, 2.0]], [[1, 2]], ["ndarray", "float64"]),
        (FRAME, X[:1].tolist(), ["DataFrame", ""]),
        ([{"a": 1}], [{"a": 2, "z": 3}], ["list", ""]),
        ({"a": 1}, {"b": 2}, ["dict", ""]),
        (["text"], ["other"], ["list", ""]),
    ],
)
def test_an_object_gets_its_input_as_its_example_looks(example, body, came, tmp_path):
    predictor = served(Echo(), tmp_path, example)
    assert asked(predictor, {"input": body}) == [came]
    assert not predictor.batchable


@pytest.mark.parametrize(
    ("answers", "together"),
    [
        ([{"a": np.array([1])}, {"a": np.array([2])}], {"a": [1, 2]}),
        ([(np.array([1]), [3]), (np.array([2]), [4])], [[1, 2], [3, 4]]),
    ],
)
def test_the_answers_of_several_goes_come_together(answers, together):
    asked_for = iter(answers)
    batch = Batch({"x": np.array([1, 2])}, 2)
    assert plain(FixedRows(1).run(batch, lambda _: next(asked_for))) == together


@pytest.mark.parametrize(
    ("file", "module", "package"),
    [
        ("m.onnx", "onnx", "onnxruntime"),
        ("m.pt", "torch", "torch"),
        ("m.ubj", "boosters", "xgboost-cpu"),
        ("m.lgb", "boosters", "lightgbm"),
        ("MLmodel", "pyfunc", "mlflow"),
    ],
)
def test_a_missing_package_is_told_with_its_installation(file, module, package, tmp_path, monkeypatch):
    (tmp_path / file).write_bytes(b"x")
    monkeypatch.setattr(f"modelyard.runtimes.{module}.find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match=f"loading churn/3 needs the package '{package}'") as caught:
        opened(tmp_path)
    assert caught.value.hint == f"pip install {package}"


def test_what_cannot_be_asked_is_not_opened(tmp_path):
    with pytest.raises(InvalidArtifact, match="churn/3: an object of Locked has no predict method"):
        served(Locked(), tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InvalidArtifact, match=r"cannot load notes\.txt yet"):
        opened(tmp_path, "notes.txt")
