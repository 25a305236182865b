"""What asks a loaded model: the interface between the flavours and the predictor, and the rows that pass it.

Rules
- A batch is a set of named arrays whose first dimension counts the rows; one array without columns is one part.
- Two batches can be joined if their parts have the same names, types and shapes of a row.
- A runner says what its model takes. What it says was read from the model itself where the model knows it, else from
  the version's input schema.
- `rowwise` is True where each row is answered by itself by contract, False where calls must not be joined, and None
  where only an example can tell.
- NumPy and pandas are imported when rows are handled, not before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from modelyard.domain.signature import Field, fields_of
from modelyard.domain.tensors import row_shape

PREDICT = "predict"
METHODS = (PREDICT, "predict_proba", "decision_function", "transform")
"""The methods that a caller may name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the registry knows of a version that is to be run."""

    folder: Path
    reference: str = "the version"
    flavour: str = ""
    files: tuple[str, ...] = ()
    inputs: tuple[Field, ...] = ()
    """The fields of the input schema, each with the shape of one row."""
    outputs: tuple[Field, ...] = ()
    example: Any = None

    @classmethod
    def of(cls, folder: Path, facts: Mapping[str, Any]) -> Facts:
        """Read the facts as they are handed to a worker; what is missing is not known."""
        return cls(
            folder=folder,
            reference=str(facts.get("reference") or "the version"),
            flavour=str(facts.get("flavour") or ""),
            files=tuple(facts.get("files") or ()),
            inputs=_rows(facts.get("input_schema")),
            outputs=_rows(facts.get("output_schema")),
            example=facts.get("input_example"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What a model takes: the fields of one row, none where nothing is known; if `plain`, the value as it was sent."""

    fields: tuple[Field, ...] = ()
    plain: bool = False

    @property
    def is_table(self) -> bool:
        """Whether a row is several single values, each with its name."""
        return len(self.fields) > 1 and not any(item.shape for item in self.fields)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows: name → array whose first dimension counts them."""

    parts: Mapping[str, Any]
    rows: int

    @property
    def key(self) -> tuple[Any, ...]:
        """What two batches share that can be joined."""
        return tuple((name, part.dtype.str, part.shape[1:]) for name, part in self.parts.items())

    def matrix(self) -> Any:
        """One array of all parts; single values become columns side by side."""
        import numpy as np

        parts = list(self.parts.values())
        return parts[0] if len(parts) == 1 else np.column_stack(parts)

    def frame(self) -> Any:
        """A pandas table; the columns of a part that has several are named by their place."""
        import pandas as pd

        if len(self.parts) == 1 and self.matrix().ndim > 1:
            return pd.DataFrame(self.matrix().reshape(self.rows, -1))
        return pd.DataFrame(dict(self.parts))

    def head(self, rows: int) -> Batch:
        """The first rows."""
        return Batch({name: part[:rows] for name, part in self.parts.items()}, min(rows, self.rows))

    @staticmethod
    def joined(batches: Sequence[Batch]) -> Batch:
        """The rows of batches with the same key, one after the other."""
        import numpy as np

        first = batches[0]
        parts = {name: np.concatenate([batch.parts[name] for batch in batches]) for name in first.parts}
        return Batch(parts, sum(batch.rows for batch in batches))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One question: rows, or the value as it was sent, and how the model shall answer."""

    given: Any
    method: str = PREDICT
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Runner(Protocol):
    """A loaded model, ready to be asked."""

    @property
    def expected(self) -> Expected:
        """What the model takes."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it has, of METHODS; the first one answers where the caller names none."""
        ...

    @property
    def rowwise(self) -> bool | None:
        """Whether each row is answered by itself; see the module's rules."""
        ...

    @property
    def takes_parameters(self) -> bool:
        """Whether the model takes parameters of its own."""
        ...

    def run(self, ask: Ask) -> Any:
        """Ask the model; whatever it raises goes through, InvalidInput for what is the caller's mistake."""
        ...


def have_pandas() -> bool:
    """Whether tables with named columns can be made."""
    return find_spec("pandas") is not None


def _rows(schema: Any) -> tuple[Field, ...]:
    fields = fields_of(schema) if isinstance(schema, Mapping) else ()
    return tuple(
        Field(name=item.name, type=item.type, shape=row_shape(item.shape), optional=item.optional) for item in fields
    )
