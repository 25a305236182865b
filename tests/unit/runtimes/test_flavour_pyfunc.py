"""MLflow folders, written and loaded by the real MLflow, which takes many seconds to import."""

from __future__ import annotations

import importlib
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from components.needs import need
from components.predictors import asked, asked_singly, opened, refused
from modelyard.errors import InvalidArtifact
from modelyard.runtimes.base import CodeBearingWarning
from modelyard.runtimes.flavours import flavour_named, flavour_of

pytestmark = pytest.mark.slow

FRAME, y = load_iris(return_X_y=True, as_frame=True)
X = FRAME.to_numpy()
ROWS = [{"input": row} for row in X.tolist()]


@pytest.fixture(scope="module")
def mlflow():
    """MLflow itself, with what it warns of while it is imported left unheard."""
    need("mlflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in ("mlflow.pyfunc", "mlflow.sklearn"):
            importlib.import_module(part)
    return sys.modules["mlflow"]


@pytest.fixture
def written(mlflow, tmp_path):
    """Writes a fitted classifier with a signature of these inputs, and returns it with its predictor."""

    def write(rows, signed):
        model = LogisticRegression(max_iter=500).fit(rows, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            signature = mlflow.models.infer_signature(signed, model.predict(rows)) if signed is not None else None
            folder = tmp_path / "artifacts" / "model"
            mlflow.sklearn.save_model(model, folder, signature=signature, pip_requirements=[])
        return model, opened(tmp_path)

    return write


@pytest.mark.feature("DEP-14")
def test_a_table_by_signature(written):
    model, predictor = written(FRAME, FRAME)
    assert predictor.batchable
    answers = asked(predictor, *ROWS)
    assert (
        answers
        == asked_singly(predictor, *ROWS[:20]) + answers[20:]
        == [[label] for label in model.predict(FRAME).tolist()]
    )
    assert asked(predictor, {"dataframe_split": {"columns": list(FRAME.columns), "data": X[:2].tolist()}}) == [[0, 0]]
    assert asked(predictor, {"dataframe_records": FRAME[:2].to_dict("records")}) == [[0, 0]]
    assert "missing: 'sepal width (cm)'" in refused(
        predictor, FRAME[:1].drop(columns="sepal width (cm)").to_dict("records")
    )
    assert "takes float64, and not 'x'" in refused(predictor, [["x", 1, 1, 1]])
    assert "takes no parameter 'k'" in refused(predictor, {**ROWS[0], "parameters": {"k": 1}})


@pytest.mark.parametrize("signed", [None, X], ids=["no signature", "tensor"])
def test_arrays(signed, written):
    model, predictor = written(X, signed)
    assert asked(predictor, *ROWS[:3], {"input": X.tolist()})[-1] == model.predict(X).tolist()
    body = {"inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP64", "data": X[:2].tolist()}]}
    (answer,) = asked(predictor, body, protocol="v2")
    assert answer["outputs"][0]["data"] == [0, 0]


def test_a_class_of_ones_own_gets_parameters_and_is_joined_only_when_that_is_safe(mlflow, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        class Totals(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined] # a fixture is no module for types
            def predict(self, context, model_input: pd.DataFrame, params=None):
                return [float(model_input["a"].sum()) * params["factor"]]

        signature = mlflow.models.infer_signature(FRAME[:2].set_axis(list("abcd"), axis=1), [1.0], params={"factor": 2})
        mlflow.pyfunc.save_model(tmp_path / "m", python_model=Totals(), signature=signature, pip_requirements=[])
    predictor = opened(tmp_path)
    assert not predictor.batchable
    assert asked(predictor, [[1, 0, 0, 0], [2, 0, 0, 0]], {"input": [[1, 0, 0, 0]], "parameters": {"factor": 3}}) == [
        [6.0],
        [3.0],
    ]
    assert "factor" in refused(predictor, {"input": [[1, 0, 0, 0]], "parameters": {"factor": "much"}})


def test_a_folder_that_mlflow_does_not_load_is_refused(mlflow, tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    with pytest.raises(InvalidArtifact, match="the MLflow model cannot be loaded"):
        opened(tmp_path)


def test_loading_warns_and_a_loaded_model_is_not_written_again(written, tmp_path):
    written(X, None)
    files = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    with pytest.warns(CodeBearingWarning, match="loading m/1 runs the code in an MLflow folder"):
        model = flavour_named("mlflow").load(tmp_path, files, reference="m/1")
    np.testing.assert_array_equal(model.predict(X[:2]), [0, 0])
    with pytest.raises(InvalidArtifact, match="register the folder that has MLmodel"):
        flavour_of(model).save(model, tmp_path)
