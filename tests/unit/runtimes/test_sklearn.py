"""scikit-learn models go into files and come back answering the same."""

from __future__ import annotations

import sys
import warnings
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from modelyard.errors import InvalidArtifact, MissingExtra
from modelyard.runtimes.base import CodeBearingWarning
from modelyard.runtimes.flavours import flavour_named, flavour_of, for_files

X, y = load_breast_cancer(return_X_y=True)
HOLES = X.copy()
HOLES[::3, 2] = np.nan
NUMBERS, TARGET = load_diabetes(return_X_y=True)


class MajorityClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator of one's own, which skops does not know."""

    def fit(self, rows, labels):
        self.classes_, counts = np.unique(labels, return_counts=True)
        self.majority_ = self.classes_[counts.argmax()]
        return self

    def predict(self, rows):
        return np.full(len(rows), self.majority_)


def round_trip(model, folder):
    """Save and load; returns what was recorded, the loaded model and the warnings of both steps."""
    flavour = flavour_of(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        saved = flavour.save(model, folder)
        loaded = flavour_named(saved.flavour).load(folder, saved.files, reference="churn/3")
    return saved, loaded, [str(w.message) for w in caught if w.category is CodeBearingWarning]


@pytest.mark.parametrize(
    ("model", "rows", "target", "model_type"),
    [
        (LogisticRegression(max_iter=5000, tol=0.1), X, y, "classifier"),
        (LinearRegression(), NUMBERS, TARGET, "regressor"),
        (make_pipeline(StandardScaler(), LogisticRegression()), X, y, "classifier"),
        (make_pipeline(FunctionTransformer(np.log1p), LogisticRegression(max_iter=5000, tol=0.1)), X, y, "classifier"),
        (KMeans(2, n_init=1, random_state=0), X, None, "clusterer"),
        (RandomForestClassifier(5, random_state=0), HOLES, y, "classifier"),
        (HistGradientBoostingClassifier(max_iter=5, random_state=0), HOLES, y, "classifier"),
        (make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)), X, y, "classifier"),
        (MLPClassifier((4,), max_iter=500, tol=0.1, random_state=0), X, y, "classifier"),
        (GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}), X, y, "classifier"),
        (KNeighborsClassifier(3), X, y, "classifier"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_models_of_plain_data_are_written_by_skops_without_a_warning(model, rows, target, model_type, tmp_path):
    model.fit(rows, target)
    saved, loaded, warned = round_trip(model, tmp_path)
    assert (saved.files, saved.format, saved.code_bearing) == (("model.skops",), "skops", False)
    assert (saved.flavour, saved.framework, saved.model_type) == ("sklearn", "scikit-learn", model_type)
    assert saved.framework_version == sys.modules["sklearn"].__version__
    assert saved.class_name.endswith("." + type(model).__name__)
    assert warned == []
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    assert [path.name for path in tmp_path.iterdir()] == ["model.skops"]


@pytest.mark.parametrize(
    ("model", "rows", "named"),
    [
        (MajorityClassifier(), X, "MajorityClassifier"),
        (make_pipeline(StandardScaler(), MajorityClassifier()), X, "StandardScaler"),
    ],
    ids=["own-class", "pipeline"],
)
def test_models_that_skops_does_not_trust_are_written_by_joblib_with_a_warning(model, rows, named, tmp_path):
    model.fit(rows, y)
    saved, loaded, warned = round_trip(model, tmp_path)
    assert (saved.files, saved.format, saved.code_bearing) == (("model.joblib",), "joblib", True)
    assert (saved.flavour, saved.framework, saved.model_type) == ("sklearn", "scikit-learn", "classifier")
    writing, loading = warned
    assert "model.joblib: the joblib format is code, which runs when it is loaded" in writing
    assert loading.startswith("loading churn/3 runs the code in model.joblib (joblib), which imports ")
    assert named in loading
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    assert [path.name for path in tmp_path.iterdir()] == ["model.joblib"]


def test_probabilities_are_the_same_to_the_last_bit(tmp_path):
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(HOLES, y)
    _saved, loaded, _warned = round_trip(model, tmp_path)
    assert loaded.predict_proba(HOLES).tobytes() == model.predict_proba(HOLES).tobytes()


def test_a_lambda_inside_a_pipeline_is_refused_and_leaves_no_file(tmp_path):
    model = Pipeline([("log", FunctionTransformer(lambda rows: rows)), ("fit", LinearRegression())]).fit(
        NUMBERS, TARGET
    )
    with pytest.raises(InvalidArtifact, match=r"sklearn\.pipeline\.Pipeline cannot be written to a file: .*lambda"):
        flavour_of(model).save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_fitted_keeps_its_parameters(tmp_path):
    saved, loaded, _warned = round_trip(RandomForestClassifier(7), tmp_path)
    assert saved.format == "skops"
    assert loaded.get_params() == RandomForestClassifier(7).get_params()


def test_what_skops_cannot_write_goes_to_joblib(tmp_path):
    model = LinearRegression().fit(NUMBERS, TARGET)
    model.pairs_ = {(1, 2): 3}
    saved, loaded, _warned = round_trip(model, tmp_path)
    assert saved.format == "joblib"
    assert loaded.pairs_ == {(1, 2): 3}
    assert [path.name for path in tmp_path.iterdir()] == ["model.joblib"]


class Silent(MajorityClassifier):
    def __sklearn_tags__(self):
        raise TypeError("no tags")


def test_an_estimator_that_does_not_tell_its_type_is_an_estimator(tmp_path):
    assert round_trip(Silent(), tmp_path)[0].model_type == "estimator"


@pytest.mark.parametrize("flavour", ["sklearn", "python"])
def test_failures_of_the_disk_pass_as_they_are(tmp_path, flavour):
    model = LinearRegression().fit(NUMBERS, TARGET)
    with pytest.raises(FileNotFoundError):
        flavour_named(flavour).save(model, tmp_path / "absent")
    with pytest.raises(FileNotFoundError):
        flavour_named("sklearn").load(tmp_path, ["model.skops"], reference="m/1")
    with pytest.raises(FileNotFoundError):
        flavour_named(flavour).load(tmp_path, ["model.joblib"], reference="m/1")


def test_without_skops_joblib_is_used(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops", None)
    saved, _loaded, warned = round_trip(LinearRegression().fit(NUMBERS, TARGET), tmp_path)
    assert saved.format == "joblib"
    assert len(warned) == 2


class TestSkopsFiles:
    def test_of_one_own_load_without_a_warning(self, tmp_path):
        model = LinearRegression().fit(NUMBERS, TARGET)
        skops.io.dump(model, tmp_path / "mine.skops")
        loaded = for_files(["mine.skops"]).load(tmp_path, ["mine.skops", "notes.txt"], reference="m/1")
        np.testing.assert_array_equal(loaded.predict(NUMBERS), model.predict(NUMBERS))

    def test_with_types_outside_the_trusted_list_are_code(self, tmp_path):
        model = MajorityClassifier().fit(X, y)
        skops.io.dump(model, tmp_path / "mine.skops")
        with pytest.warns(
            CodeBearingWarning, match=r"loading m/1 runs the code in mine\.skops \(skops\).*MajorityClassifier"
        ):
            loaded = for_files(["mine.skops"]).load(tmp_path, ["mine.skops"], reference="m/1")
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))

    def test_need_skops(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "skops", None)
        with pytest.raises(MissingExtra, match="loading m/1 needs the package 'skops'"):
            flavour_named("sklearn").load(tmp_path, ["model.skops"], reference="m/1")

    def test_that_are_damaged_are_refused(self, tmp_path):
        (tmp_path / "model.skops").write_bytes(b"PK not a zip")
        with pytest.raises(InvalidArtifact, match=r"m/1: model\.skops cannot be loaded: BadZipFile"):
            flavour_named("sklearn").load(tmp_path, ["model.skops"], reference="m/1")
        with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
            archive.writestr("schema.json", "{}")
        with pytest.raises(InvalidArtifact, match="cannot be loaded"):
            flavour_named("sklearn").load(tmp_path, ["model.skops"], reference="m/1")


def test_a_joblib_file_of_ones_own_is_loaded_by_the_sklearn_flavour_too(tmp_path):
    joblib.dump(LinearRegression().fit(NUMBERS, TARGET), tmp_path / "lr.joblib", compress=3)
    with pytest.warns(CodeBearingWarning, match=r"lr\.joblib \(joblib\), which imports joblib .*LinearRegression"):
        loaded = flavour_named("sklearn").load(tmp_path, ["lr.joblib"], reference="m/1")
    assert loaded.predict(NUMBERS[:1]).shape == (1,)
