"""ONNX models, run by ONNX Runtime on the CPU.

Rules
- What the model takes is read off the session: names, types and shapes; a version's schema is not asked. A first
  dimension that is named or open counts the rows.
- A model with several inputs of one value each, as converted tables have them, takes rows and records like a table.
- Where the first dimension of all inputs and outputs is open, calls may be joined, if an example shows that they can.
  A fixed number of rows is kept: more rows are asked in so many goes, and a number that does not fit is refused.
- Sessions are deterministic and use as many threads as OMP_NUM_THREADS says, else one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelyard.domain.signature import Field
from modelyard.errors import InvalidArtifact
from modelyard.runtimes.base import SavedModel, class_name, missing_extra, the_file, whole_or_nothing
from modelyard.runtimes.environment import version_of
from modelyard.runtimes.goes import FixedRows
from modelyard.runtimes.runner import PREDICT, Ask, Expected, Facts, Runner

SUFFIXES = (".onnx",)
_FILE = "model.onnx"
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(string)": "string",
    **{f"tensor({word})": word for word in ("bool", "float16", "int8", "int16", "int32", "int64")},
    **{f"tensor({word})": word for word in ("uint8", "uint16", "uint32", "uint64")},
}


class OnnxFlavour:
    """ONNX files."""

    name = "onnx"

    def matches(self, model: object) -> bool:
        """Whether the object is a model of the package onnx, or a session of ONNX Runtime."""
        return class_name(model).startswith(("onnx.", "onnxruntime.")) and type(model).__name__ in {
            "ModelProto",
            "InferenceSession",
        }

    def save(self, model: object, folder: Path) -> SavedModel:
        """Write `model.onnx`.

        Raises:
            InvalidArtifact: it is a session, which cannot be written, or a model beyond the size of one file.
        """
        if not hasattr(model, "SerializeToString"):
            raise InvalidArtifact("a session of ONNX Runtime cannot be written", hint="register the .onnx file itself")
        try:
            with whole_or_nothing(folder / _FILE):
                (folder / _FILE).write_bytes(model.SerializeToString())
        except ValueError as error:
            raise InvalidArtifact(
                f"the ONNX model cannot be written: {error}", hint="save it with external data, and register the folder"
            ) from error
        return SavedModel(
            files=(_FILE,),
            flavour=self.name,
            framework="onnx",
            framework_version=version_of("onnx"),
            model_type="model",
            class_name=class_name(model),
            format="onnx",
            code_bearing=False,
        )

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """Open an `onnxruntime.InferenceSession`; InvalidArtifact where the file is none that it runs."""
        if not find_spec("onnxruntime"):
            raise missing_extra("onnxruntime", f"loading {reference}")
        import onnxruntime

        path = folder / the_file(files, SUFFIXES, reference)
        options = onnxruntime.SessionOptions()
        threads = os.environ.get("OMP_NUM_THREADS", "")
        options.intra_op_num_threads = int(threads) if threads.isdecimal() else 1
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        try:
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except (OSError, MemoryError):
            raise
        except Exception as error:  # the errors of ONNX Runtime have no class in common
            raise InvalidArtifact(
                f"{reference}: {path.name} cannot be loaded: {str(error)[:300]}",
                hint="check it with onnx.checker; a newer onnxruntime may know more operators",
                details={"file": path.name},
            ) from error

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the session."""
        return OnnxRunner(model, facts)


class OnnxRunner:
    """Asks one session."""

    methods = (PREDICT,)
    takes_parameters = False

    def __init__(self, session: Any, facts: Facts) -> None:
        inputs, outputs = session.get_inputs(), session.get_outputs()
        _check_inputs(inputs, facts.reference)
        self._session = session
        self._outputs = [item.name for item in outputs]
        self._shapes = {item.name: [_size(size) for size in item.shape[1:]] for item in inputs}
        self.expected = Expected(fields=tuple(map(self._field, inputs)))
        first = {item.shape[0] for item in inputs}
        self._goes = FixedRows.of(size for size in first if isinstance(size, int))
        fixed = self._goes.rows or any(isinstance(item.shape[0], int) for item in outputs if item.shape)
        self.rowwise: bool | None = False if fixed else None

    def run(self, ask: Ask) -> Any:
        """Run the graph; one output is the answer itself, several are a mapping."""
        return self._goes.run(ask.given, self._run)

    def _run(self, batch: Any) -> Any:
        fed = {name: part.reshape(batch.rows, *self._inner(name, part)) for name, part in batch.parts.items()}
        answers = self._session.run(None, fed)
        return answers[0] if len(answers) == 1 else dict(zip(self._outputs, answers, strict=True))

    def _field(self, item: Any) -> Field:
        shape = tuple(self._shapes[item.name])
        # A column of a converted table has the shape (rows, 1).
        return Field(name=item.name, type=_TYPES[item.type], shape=() if shape == (1,) else shape)

    def _inner(self, name: str, part: Any) -> Sequence[int]:
        return (1,) if self._shapes[name] == [1] else tuple(part.shape[1:])


def _check_inputs(inputs: Sequence[Any], reference: str) -> None:
    if wrong := [item for item in inputs if item.type not in _TYPES or not item.shape]:
        raise InvalidArtifact(
            f"{reference}: the input {wrong[0].name!r} is a {wrong[0].type} of shape {wrong[0].shape}",
            hint="only tensors whose first dimension counts the rows can be sent",
        )


def _size(size: Any) -> int:
    return size if isinstance(size, int) else -1
