"""Which flavour is for what, and what is no model."""

from __future__ import annotations

import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from modelyard.errors import InvalidArtifact
from modelyard.runtimes.base import missing_extra, the_file
from modelyard.runtimes.flavours import FLAVOURS, flavour_named, flavour_of, for_files


class Scorer:
    def predict(self, rows):
        return [sum(row) for row in rows]


@pytest.mark.parametrize("model", [Scorer(), partial(max, 1), {"weights": [1.0]}, [1, 2], Scorer().predict, 0.5])
def test_any_object_is_a_model(model):
    assert flavour_of(model).name == "python"


@pytest.mark.parametrize(
    ("model", "message", "hint"),
    [
        (None, "is None", "fitted model"),
        ("model.pkl", "a text or a path", "check that the file or folder exists"),
        (b"x", "a text or a path", "check"),
        (Path("model.pkl"), "a text or a path", "check"),
        (Scorer, "a class, not an object", "create it"),
        (lambda rows: rows, "a function", "predict method"),
        (len, "a function", "predict method"),
        (math, "a module", "predict method"),
        ((row for row in [1]), "a running generator", "predict method"),
    ],
)
def test_what_is_no_model_is_refused_with_the_next_step(model, message, hint, tmp_path):
    for attempt in (flavour_of, lambda model: flavour_named("python").save(model, tmp_path)):
        with pytest.raises(InvalidArtifact) as caught:
            attempt(model)
        assert message in caught.value.message
        assert hint in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_flavours_are_found_by_name():
    assert [flavour_named(flavour.name) for flavour in FLAVOURS] == list(FLAVOURS)
    assert flavour_named("PyTorch").name == "torch"
    with pytest.raises(InvalidArtifact, match=r"no flavour 'abacus'.*download_model"):
        flavour_named("abacus")


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (["model.joblib"], "python"),
        (["a/b/clf.PKL", "README.md"], "python"),
        (["x.pickle"], "python"),
        (["model.skops", "model.joblib"], "sklearn"),
        (["net.onnx", "net.onnx_data"], "onnx"),
        (["a.pth"], "torch"),
        (["a.pt2"], "torch"),
        (["trees.ubj"], "xgboost"),
        (["model.json"], "xgboost"),
        (["churn-xgb.json"], "xgboost"),
        (["model.txt", "model.classes.json"], "lightgbm"),
        (["LightGBM.txt"], "lightgbm"),
        (["model/MLmodel", "model/model.pkl"], "pyfunc"),
        (["predictor.py", "model.onnx"], "predictor"),
    ],
)
def test_files_are_judged_by_their_endings(paths, name):
    assert for_files(paths).name == name


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a.h5", "c.safetensors"], "cannot load Keras, safetensors yet"),
        (["metrics.json"], "cannot load metrics.json yet"),
        (["weights.H5"], "cannot load Keras yet"),
        (["notes.txt"], "cannot load notes.txt yet"),
        ([], "cannot load a version without files yet"),
    ],
)
def test_files_that_nothing_loads_are_refused_with_the_way_out(paths, message):
    with pytest.raises(InvalidArtifact) as caught:
        for_files(paths)
    assert message in caught.value.message
    assert "download_model" in caught.value.hint


def test_one_file_is_the_model():
    assert the_file(["a.txt", "sub/x.pkl"], (".pkl",), "m/1") == "sub/x.pkl"
    assert the_file(["scaler.pkl", "model.pkl"], (".pkl",), "m/1") == "model.pkl"
    with pytest.raises(InvalidArtifact, match=r"m/1: 2 files could be the model: a\.pkl, b\.pkl"):
        the_file(["a.pkl", "b.pkl"], (".pkl",), "m/1")
    with pytest.raises(InvalidArtifact, match="m/1: no file could be the model"):
        the_file(["a.txt"], (".pkl",), "m/1")
    with pytest.raises(InvalidArtifact, match="2 files"):
        the_file(["a/model.pkl", "b/model.pkl"], (".pkl",), "m/1")


def test_a_missing_package_is_named_with_its_installation():
    error = missing_extra("skops", "loading m/1")
    assert error.message == "loading m/1 needs the package 'skops', which is not installed"
    assert error.hint == "pip install skops"


def test_asking_for_flavours_imports_no_machine_learning_package():
    code = """
import sys
from modelyard.runtimes import environment, examples, pickles, predictor, schemas
from modelyard.runtimes.flavours import flavour_of, for_files
flavour_of({"a": 1}); for_files(["model.skops"]); environment.describe_environment(); schemas.infer_schema([[1.0]])
sys.exit(bool({"numpy", "sklearn", "skops", "joblib", "pandas", "scipy", "torch", "mlflow"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
