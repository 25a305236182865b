"""Any Python object that pickles, as `model.joblib`, or `model.pkl` where joblib is not installed. Code-bearing.

What is refused, because it is not the model that the caller means: None, a text or a path (they name a model, and are
registered as files), a class, a module, and a function, of which a pickle holds only the name.
"""

from __future__ import annotations

import pickle
import types
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.runtimes.base import (
    CodeBearingWarning,
    SavedModel,
    class_name,
    the_file,
    whole_or_nothing,
)
from modelyard.runtimes.environment import framework_of
from modelyard.runtimes.estimators import EstimatorRunner
from modelyard.runtimes.loading import load_code
from modelyard.runtimes.objects import ObjectRunner
from modelyard.runtimes.runner import Facts, Runner

SUFFIXES = (".joblib", ".pkl", ".pickle")

_WRAP = "give an object of a class of your own with a predict method"
_REFUSED: tuple[tuple[type | tuple[type, ...], str, str], ...] = (
    (type(None), "the model is None", "give the fitted model itself"),
    (
        (str, bytes, PurePath),
        "the model is a text or a path, not a model object",
        "check that the file or folder exists, or give the fitted model itself",
    ),
    (type, "the model is a class, not an object", "create it and fit it first"),
    (types.ModuleType, "the model is a module", _WRAP),
    (
        (types.FunctionType, types.BuiltinFunctionType),
        "the model is a function, of which a file could hold only the name",
        _WRAP,
    ),
    ((types.GeneratorType, types.CoroutineType), "the model is a running generator, which no file can hold", _WRAP),
)


class PythonFlavour:
    """Any object that pickles."""

    name = "python"

    def matches(self, model: object) -> bool:
        """True: what cannot be a model was refused before."""
        return model is not None

    def save(self, model: object, folder: Path) -> SavedModel:
        """Write `model.joblib` or `model.pkl`, with a CodeBearingWarning."""
        refuse(model)
        kind = getattr(model, "_estimator_type", None)
        return save_code(model, folder, self.name, kind if isinstance(kind, str) and kind else "object")

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """Run the one pickle among the files, after a CodeBearingWarning that says what it imports."""
        return load_code(folder / the_file(files, SUFFIXES, reference), reference=reference)

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the object: as an estimator if it knows its features, else as it says itself."""
        known = hasattr(model, "feature_names_in_") or isinstance(getattr(model, "n_features_in_", None), int)
        return EstimatorRunner(model, facts) if known else ObjectRunner(model, facts)


def refuse(model: object) -> None:
    """Raise InvalidArtifact for what is not a model object."""
    for kinds, what, hint in _REFUSED:
        if isinstance(model, kinds):
            raise InvalidArtifact(what, hint=hint, details={"given": repr(model)[:100]})


def save_code(model: object, folder: Path, flavour: str, model_type: str) -> SavedModel:
    """Write the object by joblib, or by pickle where joblib is missing, and warn that the file is code.

    Raises:
        InvalidArtifact: the object does not pickle; the message tells why.
    """
    written = "joblib" if find_spec("joblib") else "pickle"
    file = "model.joblib" if written == "joblib" else "model.pkl"
    try:
        with whole_or_nothing(folder / file):
            _dump(model, folder / file, written)
    except (ModelyardError, OSError, MemoryError):
        raise
    except Exception as error:  # the model's own code takes part in the writing, and may raise anything
        raise InvalidArtifact(
            f"an object of {class_name(model)} cannot be written to a file: {str(error)[:300]}",
            hint="keep open files, locks, connections and lambdas out of the model, or register files of your own",
            details={"class": class_name(model)},
        ) from error
    warnings.warn(CodeBearingWarning(_warning(model, file, written)), stacklevel=2)
    framework, version = framework_of(model)
    return SavedModel(
        files=(file,),
        flavour=flavour,
        framework=framework,
        framework_version=version,
        model_type=model_type,
        class_name=class_name(model),
        format=written,
        code_bearing=True,
    )


def _dump(model: object, path: Path, written: str) -> None:
    if written == "joblib":
        import joblib

        joblib.dump(model, path)
    else:
        with path.open("wb") as stream:
            pickle.dump(model, stream, protocol=pickle.DEFAULT_PROTOCOL)


def _warning(model: object, file: str, written: str) -> str:
    text = (
        f"{type(model).__qualname__} was written as {file}: the {written} format is code, which runs when it is loaded"
    )
    if type(model).__module__ == "__main__":
        text += "; its class is defined in __main__, so that it loads only in a program that defines it too"
    return text
