"""Load code-bearing files, after saying what is about to run.

The caller has verified the file's digest: the warning tells what the registered bytes import, it does not judge them.
"""

from __future__ import annotations

import pickle
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.runtimes.base import CodeBearingWarning, missing_extra
from modelyard.runtimes.pickles import describe_code


def load_code(path: Path, *, reference: str) -> Any:
    """Load a joblib or pickle file.

    Args:
        path: the verified file.
        reference: the version, as the warning and the errors shall name it.

    Raises:
        InvalidArtifact: the file is not a pickle, or what it needs is not there as it was.
        MissingExtra: a package that it imports is not installed.
    """
    written = "joblib" if path.suffix.lower() == ".joblib" else "pickle"
    report = describe_code(path)
    warn_of_code(f"{path.name} ({written})", report.summary(), reference)
    try:
        return _load(path, written)
    except (ModelyardError, MemoryError):
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0] or str(error)
        raise missing_extra(package, f"loading {reference}") from error
    except Exception as error:  # what runs here is the model's own code, which may raise anything
        whole = "" if report.complete else ", which does not read as a whole pickle,"
        raise InvalidArtifact(
            f"{reference}: {path.name}{whole} cannot be loaded: {type(error).__name__}: {str(error)[:300]}",
            hint="load it with the packages, and with the definitions of its own classes, that it was made with",
            details={"file": path.name},
        ) from error


def warn_of_code(file: str, imports: str, reference: str) -> None:
    """Warn that loading a version's file runs code, and what that imports."""
    text = f"loading {reference} runs the code in {file}, which imports {imports}"
    warnings.warn(CodeBearingWarning(text), stacklevel=2)


def _load(path: Path, written: str) -> Any:
    if find_spec("joblib"):
        # joblib reads plain pickles too, and people name its files .pkl.
        import joblib

        return joblib.load(path)
    if written == "joblib":
        raise missing_extra("joblib", f"loading {path.name}")
    with path.open("rb") as stream:
        return pickle.load(stream)  # noqa: S301  # the caller was warned, and verified the bytes
