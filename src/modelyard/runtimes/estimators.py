"""Asks estimators: fitted objects that know their features, as scikit-learn's and those of boosters do.

Rules
- An estimator that was fitted with names gets a table with these names, in their order, where pandas is there; one that
  was fitted without gets an array.
- The types of the fields come from the input schema, where it names the same features.
- Each row is answered by itself, which is what `predict` of an estimator promises.
- Missing, infinite or too large values that the estimator refuses, and texts where it takes numbers, are the caller's
  mistake.
"""

from __future__ import annotations

from typing import Any

from modelyard.domain.signature import Field
from modelyard.errors import InvalidArtifact, InvalidInput
from modelyard.runtimes.examples import is_frame
from modelyard.runtimes.runner import METHODS, Ask, Batch, Expected, Facts, have_pandas

_TEXT = "could not convert string"
_NUMBERS = ("NaN", "infinity", "`inf`")
"""Words of complaints about numbers: scikit-learn's, and last XGBoost's."""


class EstimatorRunner:
    """Asks one fitted estimator."""

    takes_parameters = False
    rowwise = True

    def __init__(self, model: Any, facts: Facts, *, numbers: str = "any", names: tuple[str, ...] = ()) -> None:
        """Look at the model.

        Args:
            model: the estimator.
            facts: what is known of the version.
            numbers: the type of features whose type is not known.
            names: of the features, where the model's own are none that callers know.

        Raises:
            InvalidArtifact: it has none of METHODS.
        """
        self._model = model
        self.methods = methods_of(model, facts)
        fitted = getattr(model, "feature_names_in_", None)
        width = getattr(model, "n_features_in_", None)
        known = names or (() if fitted is None else tuple(str(name) for name in fitted))
        self._width = int(width) if isinstance(width, int) else None
        self._framed = have_pandas() and (bool(known) or (width is None and looks_like_table(facts.example)))
        self.expected = Expected(fields=features(known, self._width, facts.inputs, numbers))

    def run(self, ask: Ask) -> Any:
        """Ask the estimator; InvalidInput for values that it refuses."""
        batch: Batch = ask.given
        rows = batch.frame() if self._framed else self._matrix(batch)
        try:
            answer = getattr(self._model, ask.method)(rows)
        except ValueError as error:
            if refused(str(error), rows):
                raise not_taken(error) from error
            raise
        # Several outputs, each with its own classes, come as a list of arrays.
        return tuple(answer) if isinstance(answer, list) and ask.method != METHODS[0] else answer

    def _matrix(self, batch: Batch) -> Any:
        matrix = batch.matrix()
        return matrix.reshape(-1, 1) if matrix.ndim == 1 and self._width == 1 else matrix


def methods_of(model: Any, facts: Facts) -> tuple[str, ...]:
    """Those of METHODS that a model has; InvalidArtifact where it has none."""
    found = tuple(method for method in METHODS if callable(getattr(model, method, None)))
    if not found:
        raise InvalidArtifact(
            f"{facts.reference}: an object of {type(model).__qualname__} has no predict method",
            hint="register an object that has predict(rows), or transform(rows)",
        )
    return found


def features(names: tuple[str, ...], width: int | None, schema: tuple[Field, ...], word: str) -> tuple[Field, ...]:
    """The fields of one row, of the names and the number of features that a model knows, and of the schema's fields."""
    if names:
        return _by_name(names, schema, word)
    if width is None:
        return schema
    if len(schema) == width and not any(item.shape for item in schema):
        return tuple(_typed(item, word) for item in schema)
    fits = len(schema) == 1 and schema[0].shape in ((width,), (-1,))
    only = schema[0] if fits else Field(name="input", type=word)
    return (_typed(Field(name=only.name, type=only.type, shape=(width,), optional=only.optional), word),)


def _by_name(names: tuple[str, ...], schema: tuple[Field, ...], word: str) -> tuple[Field, ...]:
    """The fields of these names, with the schema's types: of the same names, or of the array that is its only field."""
    types = {item.name: item for item in schema if not item.shape}
    shared = schema[0].type if len(schema) == 1 and schema[0].shape else word
    return tuple(_typed(types.get(name) or Field(name=name, type=shared), word) for name in names)


def looks_like_table(example: Any) -> bool:
    """Whether the stored example was a table with named columns."""
    return isinstance(example, dict) and example.keys() == {"columns", "data"}


def _typed(item: Field, word: str) -> Field:
    if item.type != "any":
        return item
    return Field(name=item.name, type=word, shape=item.shape, optional=item.optional)


def not_taken(error: Exception) -> InvalidInput:
    """The error of values that a model refuses."""
    return InvalidInput(f"the model does not take these values: {str(error).splitlines()[0][:200]}")


def refused(message: str, rows: Any) -> bool:
    """Whether an estimator's message tells of values, of a kind that the rows really hold."""
    import numpy as np

    values = rows.to_numpy() if is_frame(rows) else rows
    if values.dtype.kind == "f" and any(word in message for word in _NUMBERS):
        # Trees count in single precision: more than that holds is infinite to them.
        narrow = "float32" in message or _NUMBERS[-1] in message
        return not (np.abs(values) <= np.finfo("float32" if narrow else "float64").max).all()
    return values.dtype.kind == "O" and (_TEXT in message or "NaN" in message)
