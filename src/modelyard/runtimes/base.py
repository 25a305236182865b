"""What a flavour is: one way to turn a model object into files, and the files into an object.

Rules:
- A flavour writes only into the folder it is given, under names that start with `model`; what it cannot write whole it
  removes again.
- A format that runs code when it is loaded is *code-bearing*. Writing and loading one warns with `CodeBearingWarning`.
- `load` trusts the caller that the files were verified against their digests: it never checks bytes itself.
- No machine-learning package is imported before a model of it is written or loaded.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from modelyard.errors import InvalidArtifact, MissingExtra, StorageFull
from modelyard.runtimes.runner import Facts, Runner


class CodeBearingWarning(UserWarning):
    """A file is, or is about to be run as, a program: loading its format executes what is written in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedModel:
    """What a flavour wrote, and what it knows of the model."""

    files: tuple[str, ...]
    """Paths within the folder, POSIX style."""
    flavour: str
    framework: str
    framework_version: str
    model_type: str
    """`classifier`, `regressor`, `clusterer`, `transformer`, …; `object` where nothing tells."""
    class_name: str
    """Module and name of the model's class."""
    format: str
    """`skops`, `joblib`, `pickle`, `onnx`, `torchscript`, `torch.export`, `ubj` or `lightgbm text`."""
    code_bearing: bool


class Flavour(Protocol):
    """One way to write and read models."""

    @property
    def name(self) -> str:
        """The name that is stored with the version."""
        ...

    def matches(self, model: object) -> bool:
        """Whether this flavour is the one for the object; imports nothing."""
        ...

    def save(self, model: object, folder: Path) -> SavedModel:
        """Write the model into the folder; InvalidArtifact when it cannot be written."""
        ...

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """Read the model from verified files; the reference names the version in warnings and errors."""
        ...

    def runner(self, model: Any, facts: Facts) -> Runner:
        """What asks a loaded model; InvalidArtifact where it cannot be asked anything."""
        ...


def class_name(model: object) -> str:
    """Module and qualified name of a model's class, such as `sklearn.pipeline.Pipeline`."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def the_file(files: Sequence[str], suffixes: Sequence[str], reference: str) -> str:
    """The one file among a version's files that has one of these endings; `model.*` wins over others.

    Raises:
        InvalidArtifact: none of the files fits, or several do and none of them is called `model`.
    """
    found = [name for name in files if PurePosixPath(name).suffix.lower() in suffixes]
    models = [name for name in found if PurePosixPath(name).stem == "model"]
    chosen = found if len(found) == 1 else models
    if len(chosen) == 1:
        return chosen[0]
    what = f"{len(found)} files could be the model: {', '.join(found[:5])}" if found else "no file could be the model"
    raise InvalidArtifact(
        f"{reference}: {what}",
        hint="get the files with download_model and load the one you mean",
        details={"files": list(files)[:100]},
    )


def missing_extra(package: str, purpose: str) -> MissingExtra:
    """The error for an optional package that is not installed."""
    return MissingExtra(
        f"{purpose} needs the package {package!r}, which is not installed",
        hint=f"pip install {package}",
        details={"package": package},
    )


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[None]:
    """Remove a half-written file when the writing fails; a full disk becomes StorageFull."""
    try:
        yield
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                f"no room is left in {str(path.parent)!r} for the model's files",
                hint="free some space, or let TMPDIR name a larger folder",
            ) from error
        raise
