"""MLflow models: folders with an `MLmodel` file, asked through `mlflow.pyfunc`.

Rules
- The file in the highest folder counts; MLflow's own package loads what it says.
- Such a folder may hold pickles and code: loading one warns with `CodeBearingWarning`.
- The signature tells what the model takes: columns become a table with exactly these types, tensors an array or arrays
  by name. Without a signature, named columns become a table, rows without names an array.
- What MLflow refuses by the signature is the caller's mistake. `parameters` go to models whose signature has some.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelyard.domain.signature import Field
from modelyard.domain.tensors import row_shape
from modelyard.errors import InvalidArtifact, InvalidInput, ModelyardError
from modelyard.runtimes.base import SavedModel, class_name, missing_extra
from modelyard.runtimes.classes import highest
from modelyard.runtimes.loading import warn_of_code
from modelyard.runtimes.runner import PREDICT, Ask, Batch, Expected, Facts, Runner

FILE = "MLmodel"
_WORDS = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
_MORE_WORDS = {"string": "string", "binary": "bytes", "datetime": "datetime"}


class PyfuncFlavour:
    """Folders that MLflow wrote."""

    name = "pyfunc"

    def matches(self, model: object) -> bool:
        """Whether the object is a model that MLflow loaded."""
        return class_name(model) == "mlflow.pyfunc.PyFuncModel"

    def save(self, model: object, folder: Path) -> SavedModel:
        """Refused: such a version is registered as the folder that it is."""
        raise InvalidArtifact(
            f"an object of {class_name(model)} is not written again into {folder.name!r}",
            hint=f"register the folder that has {FILE}",
        )

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """An `mlflow.pyfunc.PyFuncModel`.

        Raises:
            MissingExtra: MLflow, or a package that the model imports, is not installed.
            InvalidArtifact: MLflow cannot load it.
        """
        if not find_spec("mlflow"):
            raise missing_extra("mlflow", f"loading {reference}")
        path = (folder / highest(files, FILE, reference)).parent
        warn_of_code("an MLflow folder", "what its MLmodel file says", reference)
        try:
            with warnings.catch_warnings():
                # What MLflow and what it imports have to say of themselves is no affair of the model's user.
                warnings.simplefilter("ignore")
                import mlflow.pyfunc

                return mlflow.pyfunc.load_model(str(path))
        except (ModelyardError, MemoryError):
            raise
        except ModuleNotFoundError as error:
            raise missing_extra((error.name or str(error)).partition(".")[0], f"loading {reference}") from error
        except Exception as error:  # a damaged folder, other versions, or the model's own code
            raise InvalidArtifact(
                f"{reference}: the MLflow model cannot be loaded: {type(error).__name__}: {str(error)[:300]}",
                hint="install what its requirements.txt lists",
            ) from error

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the model through MLflow."""
        return PyfuncRunner(model, facts)


class PyfuncRunner:
    """Asks one MLflow model."""

    methods = (PREDICT,)

    def __init__(self, model: Any, facts: Facts) -> None:
        """Read the signature."""
        schema = model.metadata.get_input_schema()
        self._model = model
        self.takes_parameters = model.metadata.get_params_schema() is not None
        self._tensors = schema is not None and schema.is_tensor_spec()
        self._columns = schema is not None and not self._tensors
        self._names = list(schema.input_names()) if schema is not None and schema.has_input_names() else []
        fields = _fields(schema) if schema is not None else facts.inputs
        self.expected = Expected(fields=fields)
        # A model that is a class of somebody's own may do anything with its rows.
        self.rowwise: bool | None = None if set(model.metadata.flavors) <= {"python_function"} else True

    def run(self, ask: Ask) -> Any:
        """Ask the model; InvalidInput for what MLflow refuses by the signature."""
        from mlflow.exceptions import MlflowException

        given = self._presented(ask.given)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self._model.predict(given, **({"params": dict(ask.parameters)} if ask.parameters else {}))
        except MlflowException as error:
            if error.error_code in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}:
                raise InvalidInput(str(error.message)[:500]) from error
            raise

    def _presented(self, batch: Batch) -> Any:
        if self._tensors:
            return dict(batch.parts) if self._names else batch.matrix()
        named = self._columns or len(batch.parts) > 1 or any(part.ndim == 1 for part in batch.parts.values())
        frame = batch.frame() if named else None
        if frame is not None and self._columns and not self._names:
            frame.columns = range(frame.shape[1])
        return batch.matrix() if frame is None else frame


def _fields(schema: Any) -> tuple[Field, ...]:
    count = len(schema.inputs)
    return tuple(_field(item, f"column_{place}" if count > 1 else "input") for place, item in enumerate(schema.inputs))


def _field(item: Any, name: str) -> Field:
    named, optional = str(item.name) if item.name is not None else name, not getattr(item, "required", True)
    if hasattr(item, "shape"):
        shape = tuple(int(size) for size in item.shape)
        return Field(
            name=named, type=str(item.type), shape=row_shape(shape) if len(shape) > 1 else (), optional=optional
        )
    word = str(getattr(item.type, "name", item.type)).lower()
    return Field(name=named, type=(_WORDS | _MORE_WORDS).get(word, "any"), optional=optional)
