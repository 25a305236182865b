"""scikit-learn estimators, pipelines included: `model.skops` where that holds known types only, else joblib.

A skops file is data: its loader builds objects of known types only. It is used when every type in it is trusted by
skops or vouched for here, *and* it reads back. What we vouch for are scikit-learn's own types that skops leaves out
because a crafted one can crash the process: forests, boosting and neural networks hold them. The alternative is a
pickle, which can do anything (docs/adr/0007).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.runtimes.base import (
    SavedModel,
    class_name,
    missing_extra,
    the_file,
    whole_or_nothing,
)
from modelyard.runtimes.environment import framework_of
from modelyard.runtimes.estimators import EstimatorRunner
from modelyard.runtimes.loading import load_code, warn_of_code
from modelyard.runtimes.python import SUFFIXES, save_code
from modelyard.runtimes.runner import Facts, Runner

_FILE = "model.skops"

VOUCHED = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)
"""Types of scikit-learn that only hold numbers and parameters; building one runs no code that the file brings along."""


class SklearnFlavour:
    """Estimators of scikit-learn, and of packages and classes that build on its base class."""

    name = "sklearn"

    def matches(self, model: object) -> bool:
        """Whether the object's class descends from scikit-learn's base estimator, judged by names."""
        return any(
            ancestor.__module__ == "sklearn.base" and ancestor.__name__ == "BaseEstimator"
            for ancestor in type(model).__mro__
        )

    def save(self, model: object, folder: Path) -> SavedModel:
        """Write `model.skops`, or `model.joblib` with a CodeBearingWarning."""
        if not (find_spec("skops") and _save_skops(model, folder / _FILE)):
            return save_code(model, folder, self.name, _model_type(model))
        framework, version = framework_of(model)
        return SavedModel(
            files=(_FILE,),
            flavour=self.name,
            framework=framework,
            framework_version=version,
            model_type=_model_type(model),
            class_name=class_name(model),
            format="skops",
            code_bearing=False,
        )

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """Read the skops file, or run the pickle, among the files."""
        if any(name.lower().endswith(".skops") for name in files):
            return _load_skops(folder / the_file(files, (".skops",), reference), reference)
        return load_code(folder / the_file(files, SUFFIXES, reference), reference=reference)

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the estimator."""
        return EstimatorRunner(model, facts)


def _model_type(model: object) -> str:
    from sklearn.utils import get_tags

    try:
        return str(get_tags(model).estimator_type or "estimator")
    except (AttributeError, TypeError, ValueError):
        return "estimator"


def _save_skops(model: object, path: Path) -> bool:
    """Write the file and keep it only if skops trusts all of it and reads it back."""
    import skops.io

    try:
        with whole_or_nothing(path):
            skops.io.dump(model, path)
            types = skops.io.get_untrusted_types(file=path)
            usable = VOUCHED.issuperset(types)
            if usable:
                skops.io.load(path, trusted=types)
    except (ModelyardError, OSError, MemoryError):
        raise
    except Exception:  # noqa: BLE001  # whatever skops cannot write or read back, joblib may
        return False
    if not usable:
        path.unlink()
    return usable


def _load_skops(path: Path, reference: str) -> Any:
    if not find_spec("skops"):
        raise missing_extra("skops", f"loading {reference}")
    import skops.io

    try:
        types = skops.io.get_untrusted_types(file=path)
        untrusted = [name for name in types if name not in VOUCHED]
        if untrusted:
            # Types outside both lists may do anything when they are built: the file is code, as a pickle is.
            warn_of_code(f"{path.name} (skops)", ", ".join(untrusted[:20]), reference)
        return skops.io.load(path, trusted=types)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a damaged file, other versions, or the model's own code, which may raise anything
        raise InvalidArtifact(
            f"{reference}: {path.name} cannot be loaded: {type(error).__name__}: {str(error)[:300]}",
            hint="load it with the versions of scikit-learn and skops that it was made with",
            details={"file": path.name},
        ) from error
