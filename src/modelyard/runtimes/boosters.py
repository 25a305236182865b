"""XGBoost and LightGBM, in their own formats, which are data: `model.ubj` and `model.txt`.

Rules
- XGBoost's estimators come back as estimators, with their classes and feature names; its boosters as boosters.
- LightGBM's text knows no classes. A classifier's lie beside it in `model.classes.json`, and it comes back as a
  `LightGBMClassifier` of this module; regressors and rankers come back as boosters, whose `predict` answers the same.
- What the formats cannot hold goes another way: classes of one's own that build on the estimators, and objectives that
  are functions, are written as scikit-learn's estimators are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.runtimes.base import SavedModel, class_name, missing_extra, the_file, whole_or_nothing
from modelyard.runtimes.environment import framework_of
from modelyard.runtimes.estimators import EstimatorRunner, features, not_taken, refused
from modelyard.runtimes.runner import PREDICT, Ask, Expected, Facts, Runner

XGBOOST_SUFFIXES = (".ubj", ".xgb", ".bst", ".json")
LIGHTGBM_SUFFIXES = (".txt", ".lgb", ".lgbm")
CLASSES = "model.classes.json"
_KINDS = {"Classifier": "classifier", "Regressor": "regressor", "Ranker": "ranker"}


class XGBoostFlavour:
    """Boosters and estimators of XGBoost."""

    name = "xgboost"

    def matches(self, model: object) -> bool:
        """Whether the object is one of XGBoost's own classes, with an objective of XGBoost's own."""
        return _is_own(model, "xgboost", ("Booster", "XGB"))

    def save(self, model: Any, folder: Path) -> SavedModel:
        """Write `model.ubj`; InvalidArtifact where the model was not fitted."""
        return _saved(model, folder, "model.ubj", (self.name, "ubj"), model.save_model)

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """A booster, or the estimator that the file says it was."""
        if not find_spec("xgboost"):
            raise missing_extra("xgboost-cpu", f"loading {reference}")
        import xgboost

        path = folder / the_file(files, XGBOOST_SUFFIXES, reference)
        try:
            booster = xgboost.Booster(model_file=str(path))
            kind = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type")
            wanted = {"classifier": "XGBClassifier", "regressor": "XGBRegressor", "ranker": "XGBRanker"}.get(kind)
            if wanted is None:
                return booster
            model = getattr(xgboost, wanted)()
            model.load_model(str(path))
        except (ValueError, xgboost.core.XGBoostError) as error:
            raise _unreadable(path, reference, "XGBoost", error) from error
        return model

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the estimator or the booster."""
        if hasattr(model, "get_booster"):
            return EstimatorRunner(model, facts, numbers="float64")
        return BoosterRunner(facts, _XGBoost(model))


class LightGBMFlavour:
    """Boosters and estimators of LightGBM."""

    name = "lightgbm"

    def matches(self, model: object) -> bool:
        """Whether the object is one of LightGBM's own classes, with an objective of LightGBM's own."""
        return _is_own(model, "lightgbm", ("Booster", "LGBM")) or isinstance(model, LightGBMClassifier)

    def save(self, model: Any, folder: Path) -> SavedModel:
        """Write `model.txt`, and a classifier's classes beside it; InvalidArtifact where it was not fitted."""

        def write(path: Path) -> None:
            booster = model if type(model).__name__ == "Booster" else model.booster_
            booster.save_model(path)
            if hasattr(model, "classes_"):
                named = {"classes": model.classes_.tolist(), "names": _names(booster) or None}
                (path.parent / CLASSES).write_text(json.dumps(named), encoding="utf-8")

        return _saved(model, folder, "model.txt", (self.name, "lightgbm text"), write)

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """A booster, or a `LightGBMClassifier` where the classes are there."""
        if not find_spec("lightgbm"):
            raise missing_extra("lightgbm", f"loading {reference}")
        import lightgbm

        path = folder / the_file(files, LIGHTGBM_SUFFIXES, reference)
        try:
            booster = lightgbm.Booster(model_file=path)
            if not (path.parent / CLASSES).exists():
                return booster
            classes = json.loads((path.parent / CLASSES).read_text(encoding="utf-8"))["classes"]
            return LightGBMClassifier(booster, classes)
        except (ValueError, KeyError, lightgbm.basic.LightGBMError) as error:
            raise _unreadable(path, reference, "LightGBM", error) from error

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the estimator or the booster."""
        if type(model).__name__ == "Booster":
            return BoosterRunner(facts, _LightGBM(model), names=_given_names(model, facts))
        return EstimatorRunner(model, facts, numbers="float64", names=_given_names(model, facts))


class LightGBMClassifier:
    """A fitted classifier: a booster, and the classes that it tells apart."""

    def __init__(self, booster: Any, classes: Sequence[Any]) -> None:
        import numpy as np

        self.booster_ = booster
        self.classes_ = np.array(classes)
        self.n_features_in_ = int(booster.num_feature())
        if names := _names(booster):
            self.feature_names_in_ = np.array(names, dtype=object)

    def predict_proba(self, rows: Any) -> Any:
        """The probability of each class, of shape (rows, classes)."""
        import numpy as np

        found = self.booster_.predict(rows)
        return np.column_stack([1.0 - found, found]) if found.ndim == 1 else found

    def predict(self, rows: Any) -> Any:
        """The most probable class of each row."""
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]


class _XGBoost:
    """Names and answers of an XGBoost booster."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self.names, self.width = tuple(booster.feature_names or ()), int(booster.num_features())

    def predict(self, matrix: Any) -> Any:
        import xgboost

        booster = self._booster
        try:
            rows = xgboost.DMatrix(matrix, feature_names=booster.feature_names, feature_types=booster.feature_types)
        except xgboost.core.XGBoostError as error:
            if refused(str(error), matrix):
                raise not_taken(error) from error
            raise
        return booster.predict(rows)


class _LightGBM:
    """Names and answers of a LightGBM booster."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self.names, self.width = _names(booster), int(booster.num_feature())

    def predict(self, matrix: Any) -> Any:
        return self._booster.predict(matrix)


class BoosterRunner:
    """Asks one booster, with rows in the order of its features."""

    methods = (PREDICT,)
    takes_parameters = False
    rowwise = True

    def __init__(self, facts: Facts, booster: _XGBoost | _LightGBM, *, names: tuple[str, ...] = ()) -> None:
        self._booster = booster
        self.expected = Expected(fields=features(names or booster.names, booster.width, facts.inputs, "float64"))

    def run(self, ask: Ask) -> Any:
        """Ask the booster."""
        matrix = ask.given.matrix()
        return self._booster.predict(matrix if matrix.ndim > 1 else matrix.reshape(-1, 1))


def _is_own(model: object, package: str, starts: tuple[str, ...]) -> bool:
    found = type(model)
    own = found.__module__.partition(".")[0] == package and found.__name__.startswith(starts)
    return own and not callable(getattr(model, "objective", None))


def _names(booster: Any) -> tuple[str, ...]:
    """A LightGBM booster's names; none where it made them up itself."""
    names = tuple(booster.feature_name())
    return () if names == tuple(f"Column_{place}" for place in range(len(names))) else names


def _given_names(model: Any, facts: Facts) -> tuple[str, ...]:
    """The schema's names for LightGBM's features, which have underscores for spaces; none where they are others."""
    names = _names(model) if type(model).__name__ == "Booster" else getattr(model, "feature_names_in_", ())
    given = tuple(item.name for item in facts.inputs)
    return given if [name.replace(" ", "_") for name in given] == list(names) else ()


def _saved(model: Any, folder: Path, file: str, kinds: tuple[str, str], write: Any) -> SavedModel:
    """Write a model and tell what was written; `kinds` are the flavour and the format."""
    try:
        with whole_or_nothing(folder / file):
            write(folder / file)
    except (ModelyardError, OSError, MemoryError):
        raise
    except Exception as error:  # not fitted, and what else the packages find wrong
        raise InvalidArtifact(
            f"an object of {class_name(model)} cannot be written: {str(error)[:300]}", hint="fit the model first"
        ) from error
    framework, version = framework_of(model)
    kind = next((kind for end, kind in _KINDS.items() if type(model).__name__.endswith(end)), "booster")
    files = tuple(sorted(path.name for path in folder.iterdir() if path.name in (file, CLASSES)))
    return SavedModel(
        files=files,
        flavour=kinds[0],
        framework=framework,
        framework_version=version,
        model_type=kind,
        class_name=class_name(model),
        format=kinds[1],
        code_bearing=False,
    )


def _unreadable(path: Path, reference: str, package: str, error: Exception) -> InvalidArtifact:
    return InvalidArtifact(
        f"{reference}: {path.name} is no model that {package} reads: {str(error).strip().splitlines()[0][:200]}",
        hint=f"write it with save_model of {package}",
        details={"file": path.name},
    )
