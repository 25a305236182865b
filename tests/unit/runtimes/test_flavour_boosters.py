"""XGBoost and LightGBM: written in their own formats, answering as they did when they were fitted."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.datasets import load_iris
from sklearn.ensemble import ExtraTreesClassifier

from components.predictors import asked, asked_singly, opened, refused, served
from modelyard.errors import InvalidArtifact
from modelyard.runtimes.base import CodeBearingWarning
from modelyard.runtimes.flavours import flavour_named, flavour_of
from modelyard.runtimes.schemas import model_schemas

X, y = load_iris(return_X_y=True)
HOLES = X.copy()
HOLES[::7, 1] = np.nan
NAMED = pd.DataFrame(X, columns=["länge", "b", "c", "d"])
SPACED = pd.DataFrame(X, columns=["sepal length", "sepal width", "c", "d"])
CLASSES = np.array(["ä", "b", "c"])[y]
SMALL: dict[str, Any] = {"n_estimators": 4, "random_state": 0}


def rows_of(table):
    """Each row of a table or array as a body of its own; NaN is sent as null."""
    values = np.asarray(table, dtype=object)
    return [{"input": [None if math.isnan(cell) else cell for cell in row]} for row in values.tolist()]


@pytest.mark.parametrize(
    ("model", "rows", "target", "kind"),
    [
        (xgboost.XGBClassifier(**SMALL), HOLES, y, "classifier"),
        (xgboost.XGBRegressor(**SMALL), NAMED, y, "regressor"),
        (xgboost.XGBRFClassifier(**SMALL), X, y, "classifier"),
        (lightgbm.LGBMClassifier(**SMALL, verbose=-1), HOLES, CLASSES, "classifier"),
        (lightgbm.LGBMClassifier(**SMALL, verbose=-1), NAMED, y > 0, "classifier"),
        (lightgbm.LGBMRegressor(**SMALL, verbose=-1), X, y, "regressor"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_estimators_answer_as_they_did(model, rows, target, kind, tmp_path):
    model.fit(rows, target)
    flavour = flavour_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CodeBearingWarning)
        saved = flavour.save(model, tmp_path)
    assert (saved.flavour, saved.model_type, saved.code_bearing) == (flavour.name, kind, False)
    predictor = served(model, tmp_path, rows)
    assert predictor.batchable
    bodies = rows_of(rows)
    answers = asked(predictor, *bodies)
    assert answers == asked_singly(predictor, *bodies) == [[answer] for answer in model.predict(rows).tolist()]
    if kind == "classifier":
        found = asked(predictor, *[{**body, "parameters": {"method": "predict_proba"}} for body in bodies])
        np.testing.assert_array_equal(np.concatenate(found), model.predict_proba(rows))


def test_boosters_take_rows_and_records_in_the_order_of_their_features(tmp_path):
    table = xgboost.DMatrix(NAMED, label=y)
    for model, expected in (
        (booster := xgboost.train({"max_depth": 2}, table, 3), booster.predict(table)),
        (trees := lightgbm.train({"verbose": -1}, lightgbm.Dataset(NAMED, y), 3), np.asarray(trees.predict(X))),
    ):
        predictor = served(model, tmp_path)
        records = [{"input": record} for record in NAMED[["d", "c", "b", "länge"]].to_dict("records")]
        assert asked(predictor, *records) == [[answer] for answer in expected.tolist()]
        assert "unknown: 'e'" in refused(predictor, [{"e": 1}])
        assert "takes float64, and not 'x'" in refused(predictor, [["x", 1, 1, 1]])


def test_numbers_that_single_precision_does_not_hold_are_the_callers_mistake(tmp_path):
    trees = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, label=y), 3)
    for place, model in enumerate((trees, ExtraTreesClassifier(2).fit(X, y))):
        (folder := tmp_path / str(place)).mkdir()
        predictor = served(model, folder)
        with np.errstate(over="ignore"):
            answer = refused(predictor, [[1e39, 1, 1, 1]])
        assert "does not take these values" in answer


def test_names_with_spaces_are_those_of_the_caller(tmp_path):
    model = lightgbm.LGBMClassifier(**SMALL, verbose=-1).fit(SPACED, y)
    predictor = served(model, tmp_path, SPACED)
    assert asked(predictor, SPACED[:2].to_dict("records")) == [[0, 0]]


def test_a_booster_has_an_output_schema_too():
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, label=y), 3)
    inputs, outputs = model_schemas(booster, X)
    assert inputs["fields"][0]["shape"] == [4]
    assert outputs == {"fields": [{"name": "output", "type": "float32", "shape": [], "optional": False}]}


def test_json_and_files_of_other_names_are_read_too(tmp_path):
    model = xgboost.XGBClassifier(**SMALL).fit(X, y)
    model.save_model(tmp_path / "churn-xgb.json")
    assert asked(opened(tmp_path), rows_of(X)[0]) == [[0]]


@pytest.mark.parametrize(
    ("file", "package"), [("model.ubj", "XGBoost"), ("model.json", "XGBoost"), ("model.txt", "LightGBM")]
)
@pytest.mark.parametrize("content", [b"", b'{"learner": 3}', b"tree\nversion=v4\n"])
def test_what_they_do_not_read_is_refused(file, package, content, tmp_path):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InvalidArtifact, match=f"churn/3: {file} is no model that {package} reads"):
        opened(tmp_path)


def test_a_model_that_was_not_fitted_is_not_written(tmp_path):
    for model in (xgboost.XGBClassifier(), lightgbm.LGBMClassifier()):
        with pytest.raises(InvalidArtifact, match="fit the model first"):
            flavour_of(model).save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_formats_cannot_hold_goes_the_way_of_estimators():
    class Mine(xgboost.XGBClassifier):
        """An estimator of one's own."""

    assert flavour_of(Mine()).name == "sklearn"
    assert flavour_of(lightgbm.LGBMRegressor(objective=lambda truth, guess: (guess - truth, truth))).name == "sklearn"


def test_a_loaded_classifier_is_written_again(tmp_path):
    model = lightgbm.LGBMClassifier(**SMALL, verbose=-1).fit(X, CLASSES)
    flavour = flavour_named("lightgbm")
    saved = flavour.save(model, tmp_path)
    assert saved.files == ("model.classes.json", "model.txt")
    assert json.loads((tmp_path / "model.classes.json").read_text())["classes"] == ["b", "c", "ä"]
    loaded = flavour.load(tmp_path, saved.files, reference="m/1")
    assert flavour_of(loaded).name == "lightgbm"
    (tmp_path / "again").mkdir()
    again = flavour.load(tmp_path / "again", flavour.save(loaded, tmp_path / "again").files, reference="m/1")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
