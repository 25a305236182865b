"""The flavours, in the order in which they are asked, and which of them is for an object, a name or a set of files.

To add a flavour: one file in this folder that meets `modelyard.runtimes.base.Flavour`, and one entry in `FLAVOURS`.

Files are judged by their names, in this order:

    MLmodel                                     an MLflow folder
    predictor.py                                a Python class
    .skops                                      scikit-learn
    .onnx                                       ONNX
    .pt2 .pt .pth .torchscript                  PyTorch
    .ubj .xgb .bst, model.json                  XGBoost
    .lgb .lgbm, model.txt                       LightGBM
    .joblib .pkl .pickle                        any Python object

`.json` and `.txt` count as models where they are the only file and say so in their name (`xgb`, `xgboost`, `booster`;
`lgb`, `lgbm`, `lightgbm`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from modelyard.errors import InvalidArtifact
from modelyard.runtimes import boosters, classes, onnx, pyfunc, python, sklearn, torch
from modelyard.runtimes.base import Flavour
from modelyard.runtimes.runner import Facts, Runner

FLAVOURS: tuple[Flavour, ...] = (
    boosters.XGBoostFlavour(),
    boosters.LightGBMFlavour(),
    torch.TorchFlavour(),
    onnx.OnnxFlavour(),
    pyfunc.PyfuncFlavour(),
    sklearn.SklearnFlavour(),
    classes.ClassFlavour(),
    python.PythonFlavour(),
)
"""The special ones first; the last one takes any object."""

_BY_NAME = {pyfunc.FILE: "pyfunc", classes.FILE: "predictor"}
_BY_SUFFIX = {
    ".skops": "sklearn",
    **dict.fromkeys(onnx.SUFFIXES, "onnx"),
    **dict.fromkeys(torch.SUFFIXES, "torch"),
    **dict.fromkeys((".ubj", ".xgb", ".bst"), "xgboost"),
    **dict.fromkeys((".lgb", ".lgbm"), "lightgbm"),
    **dict.fromkeys(python.SUFFIXES, "python"),
}
_TEXTS = (
    (".json", "xgboost", re.compile("xgb|booster", re.IGNORECASE)),
    (".txt", "lightgbm", re.compile("lgb|lightgbm", re.IGNORECASE)),
)
_OTHER_NAMES = {
    "scikit-learn": "sklearn",
    "onnxruntime": "onnx",
    "pytorch": "torch",
    "torchscript": "torch",
    "mlflow": "pyfunc",
    "python_function": "pyfunc",
    **dict.fromkeys(("joblib", "pickle"), "python"),
}
_LATER = {
    ".safetensors": "safetensors",
    ".h5": "Keras",
    ".keras": "Keras",
    ".pb": "TensorFlow",
    ".tflite": "TensorFlow Lite",
    ".gguf": "GGUF",
}


def flavour_of(model: object) -> Flavour:
    """The flavour for a model object.

    Raises:
        InvalidArtifact: the object is no model: None, a text or path, a class, a function, a module.
    """
    python.refuse(model)
    return next(flavour for flavour in FLAVOURS if flavour.matches(model))


def flavour_named(name: str) -> Flavour:
    """The flavour of this name; InvalidArtifact when this version of modelyard has none such."""
    wanted = _OTHER_NAMES.get(name.lower(), name)
    for flavour in FLAVOURS:
        if flavour.name == wanted:
            return flavour
    raise InvalidArtifact(
        f"load_model has no flavour {name[:100]!r}",
        hint=f"get the files with download_model; the flavours are: {', '.join(f.name for f in FLAVOURS)}",
        details={"flavour": name},
    )


def for_files(paths: Sequence[str]) -> Flavour:
    """The flavour that loads a version which was registered as files, judged by their names.

    Raises:
        InvalidArtifact: nothing here loads such files; `download_model` still hands them out.
    """
    names = [PurePosixPath(path).name for path in paths]
    suffixes = [PurePosixPath(path).suffix.lower() for path in paths]
    if found := _by_mark(names, suffixes) or _by_text(names):
        return flavour_named(found)
    kinds = sorted({_LATER[suffix] for suffix in suffixes if suffix in _LATER})
    shown = ", ".join(kinds) if kinds else ", ".join(list(paths)[:5]) or "a version without files"
    raise InvalidArtifact(
        f"load_model cannot load {shown} yet",
        hint="get the files with download_model and load them with their own package",
        details={"files": list(paths)[:100]},
    )


def _by_mark(names: Sequence[str], suffixes: Sequence[str]) -> str:
    """The flavour of the first name or ending in the module's table that is among these; empty where none is."""
    marks = [flavour for name, flavour in _BY_NAME.items() if name in names]
    marks += [flavour for suffix, flavour in _BY_SUFFIX.items() if suffix in suffixes]
    return marks[0] if marks else ""


def _by_text(names: Sequence[str]) -> str:
    """The flavour of a text format; empty where no name tells one."""
    for suffix, flavour, pattern in _TEXTS:
        only = names[0].lower() if len(names) == 1 else ""
        if f"model{suffix}" in names or (only.endswith(suffix) and pattern.search(only)):
            return flavour
    return ""


def opened(facts: Facts) -> Runner:
    """Load a version's model, and what asks it.

    Raises:
        MissingExtra: a package that it needs is not installed.
        InvalidArtifact: nothing here loads such files, or they do not load.
    """
    flavour = flavour_named(facts.flavour) if facts.flavour else for_files(facts.files)
    model = flavour.load(facts.folder, facts.files, reference=facts.reference)
    # A pickle may hold an object of any package; a class of a file is asked as it says itself.
    own = flavour.name == classes.ClassFlavour.name
    return runner_of(model, facts, flavour if own else None)


def runner_of(model: Any, facts: Facts, flavour: Flavour | None = None) -> Runner:
    """What asks a loaded model: of the given flavour, or of the first one that the object belongs to."""
    owner = flavour or next(flavour for flavour in FLAVOURS if flavour.matches(model))
    return owner.runner(model, facts)
