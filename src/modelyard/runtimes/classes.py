"""A Python class of one's own: a folder with `predictor.py`, which has a class `Predictor`.

    class Predictor:
        inputs = "json"        # or "numpy", "pandas": how predict gets its input (runtimes/objects.py)
        batchable = False      # True: predict answers each row by itself, so that calls may be joined

        def load(self, folder):              # optional; folder is a pathlib.Path with the version's files
            self.model = ...

        def predict(self, inputs):           # or predict(self, inputs, parameters)
            return ...

Rules
- The file is code: loading one warns with `CodeBearingWarning`.
- Modules that lie beside `predictor.py` can be imported while it is imported and while `load` runs. They are forgotten
  after that, so that two versions in one process do not get each other's; import inside `predict` finds them no more.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.runtimes.base import SavedModel, class_name, missing_extra
from modelyard.runtimes.loading import warn_of_code
from modelyard.runtimes.objects import ObjectRunner
from modelyard.runtimes.runner import Facts, Runner

FILE = "predictor.py"
_CLASS = "Predictor"
_numbers = itertools.count(1)


class ClassFlavour:
    """Classes in a file of the version."""

    name = "predictor"

    def matches(self, model: object) -> bool:
        """False: an object is never written as its class's source."""
        return model is None

    def save(self, model: object, folder: Path) -> SavedModel:
        """Refused: such a version is registered as the folder that it is."""
        raise InvalidArtifact(
            f"an object of {class_name(model)} is not written as source into {folder.name!r}",
            hint=f"register a folder with {FILE}",
        )

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """Make a `Predictor` of the file, and let it load.

        Raises:
            InvalidArtifact: there is no such class, or its own code fails.
            MissingExtra: a package that it imports is not installed.
        """
        path = folder / highest(files, FILE, reference)
        warn_of_code(f"{FILE} (Python)", "what its source says", reference)
        try:
            with _importable(path.parent):
                made = getattr(_module(path), _CLASS)()
                if hasattr(made, "load"):
                    made.load(path.parent)
        except (ModelyardError, MemoryError):
            raise
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0] or str(error)
            raise missing_extra(package, f"loading {reference}") from error
        except Exception as error:  # what runs here is the version's own code, which may raise anything
            raise InvalidArtifact(
                f"{reference}: {FILE} cannot be loaded: {type(error).__name__}: {str(error)[:300]}",
                hint=f"{FILE} needs a class {_CLASS} with predict(inputs), and may have load(folder)",
            ) from error
        return made

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the object; it gets values as they were sent if it does not say otherwise."""
        return ObjectRunner(model, facts, form="json")


def highest(files: Sequence[str], name: str, reference: str) -> str:
    """The file of this name in the highest folder; InvalidArtifact where there is none."""
    found = [path for path in files if PurePosixPath(path).name == name]
    if not found:
        raise InvalidArtifact(f"{reference}: there is no file {name}", details={"files": list(files)[:100]})
    return min(found, key=lambda path: (path.count("/"), path))


def _module(path: Path) -> ModuleType:
    name = f"modelyard_predictor_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look their module up by its name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules of the folder be imported, and forget them after."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder) and not name.startswith("modelyard_predictor_"):
                del sys.modules[name]
