"""PyTorch programs: TorchScript (`.pt`, `.pth`), and what `torch.export.save` writes (`.pt2`).

Rules
- `torch.load` is never called: a file that holds weights or a pickled module is refused with the way to a program.
- A `.pt2` file may hold pickles, so that loading one warns with `CodeBearingWarning`; TorchScript runs in an
  interpreter of its own.
- A module of Python's that is neither scripted nor exported is written as a pickle, by the flavour `python`.
- Models answer in evaluation mode and without gradients, on the CPU.
- Floating-point inputs get the type of the model's own parameters. Without a schema, integers become such numbers too,
  unless the model looks something up by them (an embedding).
- An input field goes to the argument of its name, else fields go by their order. Several single values make one matrix
  where the model takes one argument.
"""

from __future__ import annotations

import inspect
import warnings
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelyard.domain.signature import Field
from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.runtimes.base import SavedModel, class_name, missing_extra, the_file, whole_or_nothing
from modelyard.runtimes.environment import framework_of
from modelyard.runtimes.goes import FixedRows
from modelyard.runtimes.loading import warn_of_code
from modelyard.runtimes.python import save_code
from modelyard.runtimes.runner import PREDICT, Ask, Batch, Expected, Facts, Runner

SUFFIXES = (".pt2", ".pt", ".pth", ".torchscript")
_HINT = "write it with torch.export.save(torch.export.export(model, example), 'model.pt2'), or as TorchScript"


class TorchFlavour:
    """Modules and programs of PyTorch."""

    name = "torch"

    def matches(self, model: object) -> bool:
        """Whether the object is a module or an exported program, judged by names."""
        names = {(ancestor.__module__, ancestor.__name__) for ancestor in type(model).__mro__}
        return bool(
            names & {("torch.nn.modules.module", "Module"), ("torch.export.exported_program", "ExportedProgram")}
        )

    def save(self, model: Any, folder: Path) -> SavedModel:
        """Write `model.pt2` or `model.pt`; a module that is no program goes the way of Python's objects."""
        import torch

        exported = isinstance(model, torch.export.ExportedProgram)
        if not exported and not isinstance(model, torch.jit.ScriptModule):
            return save_code(model, folder, "python", "module")
        file = "model.pt2" if exported else "model.pt"
        try:
            with whole_or_nothing(folder / file), warnings.catch_warnings():
                # TorchScript is deprecated, and so are all its functions; the models that people have go on.
                warnings.simplefilter("ignore", DeprecationWarning)
                (torch.export if exported else torch.jit).save(model, str(folder / file))
        except (ModelyardError, OSError, MemoryError):
            raise
        except Exception as error:  # the model's own code takes part, and the errors have no class in common
            raise InvalidArtifact(f"the PyTorch program cannot be written: {str(error)[:300]}") from error
        framework, version = framework_of(model)
        return SavedModel(
            files=(file,),
            flavour=self.name,
            framework=framework,
            framework_version=version,
            model_type="module",
            class_name=class_name(model),
            format="torch.export" if exported else "torchscript",
            code_bearing=exported,
        )

    def load(self, folder: Path, files: Sequence[str], *, reference: str) -> Any:
        """A `torch.jit.ScriptModule` or a `torch.export.ExportedProgram`.

        Raises:
            InvalidArtifact: the file holds no program, or one that this PyTorch does not read.
        """
        if not find_spec("torch"):
            raise missing_extra("torch", f"loading {reference}")
        path = folder / the_file(files, SUFFIXES, reference)
        kind = _kind(path, reference)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                return _loaded(path, kind, reference)
        except (ModelyardError, OSError, MemoryError):
            raise
        except Exception as error:  # the errors of PyTorch have no class in common
            raise InvalidArtifact(
                f"{reference}: {path.name} cannot be loaded: {type(error).__name__}: {str(error)[:300]}",
                hint="load it with the version of torch that it was made with",
                details={"file": path.name},
            ) from error

    def runner(self, model: Any, facts: Facts) -> Runner:
        """Asks the program, or the module of a pickle."""
        return TorchRunner(model, facts)


def _kind(path: Path, reference: str) -> str:
    """`script` or `exported`, judged by the names in the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
            names |= set(archive.namelist())
    except zipfile.BadZipFile:
        names = set()
    if names & {"archive_format", "serialized_exported_program.json"}:
        return "exported"
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "script"
    what = "holds weights or a pickled module, and no program" if "data.pkl" in names else "is no program of PyTorch"
    raise InvalidArtifact(f"{reference}: {path.name} {what}", hint=_HINT, details={"file": path.name})


def _loaded(path: Path, kind: str, reference: str) -> Any:
    import torch

    if kind == "script":
        script: Any = torch.jit
        return script.load(str(path), map_location="cpu").eval()
    warn_of_code(f"{path.name} (torch.export)", "what its pickled tensors and constants say", reference)
    return torch.export.load(str(path))


class TorchRunner:
    """Asks one module or program."""

    methods = (PREDICT,)
    takes_parameters = False

    def __init__(self, model: Any, facts: Facts) -> None:
        """Look at the model's parameters and arguments; an exported program also tells types and shapes."""
        exported = hasattr(model, "graph_signature")
        self._module = model.module() if exported else model.eval()
        self._dtype = next((item.dtype for item in self._module.parameters() if item.is_floating_point()), None)
        self._arguments, fields, rows = _exported_inputs(model) if exported else (_arguments(model), (), [])
        self._goes = FixedRows.of(rows)
        self._fields = facts.inputs or fields
        self._looks_up = any("Embedding" in _original_name(part) for part in self._module.modules())
        self.expected = Expected(fields=self._fields)
        self.rowwise: bool | None = False if self._goes.rows or not self._fields else None

    def run(self, ask: Ask) -> Any:
        """Call the module; several outputs are a tuple, or a mapping where it gives one."""
        return self._goes.run(ask.given, self._run)

    def _run(self, batch: Batch) -> Any:
        import torch

        with torch.inference_mode():
            if len(self._arguments) == 1 and len(batch.parts) > 1:
                return _numpy(self._module(self._tensor(batch.matrix())))
            names = list(batch.parts)
            if set(names) == set(self._arguments):
                names = list(self._arguments)
            return _numpy(self._module(*[self._tensor(batch.parts[name]) for name in names]))

    def _tensor(self, array: Any) -> Any:
        import torch

        # Frozen batches may share memory with others; PyTorch warns of arrays that cannot be written.
        tensor = torch.from_numpy(array.copy())
        as_numbers = tensor.is_floating_point() or not (self._fields or self._looks_up)
        return tensor.to(self._dtype) if self._dtype is not None and as_numbers else tensor


def _arguments(module: Any) -> tuple[str, ...]:
    schema = getattr(module.forward, "schema", None)
    if schema is not None:
        return tuple(item.name for item in schema.arguments[1:] if not item.has_default_value())
    required = inspect.signature(module.forward).parameters.values()
    return tuple(item.name for item in required if item.default is item.empty and item.kind is not item.VAR_KEYWORD)


def _exported_inputs(program: Any) -> tuple[tuple[str, ...], tuple[Field, ...], list[int]]:
    """Names and fields of a program's inputs, and their fixed numbers of rows."""
    wanted = program.graph_signature.user_inputs
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder"]
    nodes: dict[str, Any] = {node.name: node.meta.get("val") for node in placeholders}
    values = {name: nodes[name] for name in wanted if hasattr(nodes.get(name), "shape")}
    fields = tuple(
        Field(name=name, type=str(value.dtype).removeprefix("torch."), shape=tuple(map(_size, value.shape[1:])))
        for name, value in values.items()
    )
    return tuple(values), fields, [_size(value.shape[0]) for value in values.values() if len(value.shape)]


def _size(size: Any) -> int:
    return size if type(size) is int else -1


def _original_name(part: Any) -> str:
    return str(getattr(part, "original_name", type(part).__name__))


def _numpy(answer: Any) -> Any:
    if hasattr(answer, "detach"):
        tensor = answer.detach().cpu()
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    if isinstance(answer, dict):
        return {name: _numpy(part) for name, part in answer.items()}
    return type(answer)(map(_numpy, answer)) if type(answer) in (list, tuple) else answer
