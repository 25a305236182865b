"""The flavours, in the order in which they are asked, and which of them is for an object, a name or a set of files.

To add a flavour: one file in this folder that meets `modelyard.runtimes.base.Flavour`, and one entry in `FLAVOURS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from modelyard.errors import InvalidArtifact
from modelyard.runtimes import python, sklearn
from modelyard.runtimes.base import Flavour

FLAVOURS: tuple[Flavour, ...] = (sklearn.SklearnFlavour(), python.PythonFlavour())
"""The special ones first; the last one takes any object."""

_BY_SUFFIX = {".skops": "sklearn", **dict.fromkeys(python.SUFFIXES, "python")}
_LATER = {
    ".onnx": "ONNX",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".safetensors": "safetensors",
    ".h5": "Keras",
    ".keras": "Keras",
    ".pb": "TensorFlow",
    ".tflite": "TensorFlow Lite",
    ".ubj": "XGBoost",
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
    for flavour in FLAVOURS:
        if flavour.name == name:
            return flavour
    raise InvalidArtifact(
        f"load_model has no flavour {name[:100]!r}",
        hint=f"get the files with download_model; the flavours are: {', '.join(f.name for f in FLAVOURS)}",
        details={"flavour": name},
    )


def for_files(paths: Sequence[str]) -> Flavour:
    """The flavour that loads a version which was registered as files, judged by their endings.

    Raises:
        InvalidArtifact: nothing here loads such files; `download_model` still hands them out.
    """
    suffixes = [PurePosixPath(path).suffix.lower() for path in paths]
    for suffix, name in _BY_SUFFIX.items():
        if suffix in suffixes:
            return flavour_named(name)
    kinds = sorted({_LATER[suffix] for suffix in suffixes if suffix in _LATER})
    shown = ", ".join(kinds) if kinds else ", ".join(list(paths)[:5]) or "a version without files"
    raise InvalidArtifact(
        f"load_model cannot load {shown} yet",
        hint="get the files with download_model and load them with their own package",
        details={"files": list(paths)[:100]},
    )
