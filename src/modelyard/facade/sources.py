"""What is registered as a version: a file, a folder, or an object that a flavour writes to files.

Rules
- A text or a path names a file or a folder. It is never written into, and nothing is guessed from its content but the
  schemas that a description in it tells (`artifacts.schemas`).
- Any other object is written by its flavour into a private folder that is removed again, and what the flavour knows of
  it is recorded: framework, kind of model, schemas, environment. What the caller says of these wins.
- Two texts can be meant as the name and the description of a model that is to be made, as the deployment document
  writes it; `names_a_model` says when. A mistyped path with a suffix or a separator is never taken for a name.
- An input example is stored in its first rows, and gives the input schema where the caller gives none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelyard.artifacts.schemas import schemas_of_path
from modelyard.domain.names import model_name, shown
from modelyard.domain.provider import NAMED
from modelyard.errors import InvalidArtifact, InvalidName
from modelyard.runtimes.environment import describe_environment
from modelyard.runtimes.examples import example_json
from modelyard.runtimes.flavours import flavour_of
from modelyard.runtimes.schemas import infer_schema, model_schemas


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Files that are to become a version, and the metadata that follows from them."""

    path: Path
    metadata: dict[str, Any] = field(default_factory=dict)


def names_a_model(model: object, text: object) -> bool:
    """Whether `register_model(model, text)` means a name and a description, rather than a path and a name.

    It does where the first text is a model's name without separators or a suffix, nothing lies at that path, and it is
    the name of a provider or the second text has a blank.
    """
    if not (isinstance(model, str) and isinstance(text, str)) or "/" in model or os.sep in model:
        return False
    try:
        name = str(model_name(model))
        if Path(name).suffix or os.path.lexists(Path(name).expanduser()):
            return False
    except (InvalidName, OSError, RuntimeError):
        return False
    return name.lower() in NAMED or " " in text.strip()


@contextmanager
def opened_source(model: object, input_example: object = None) -> Iterator[Source]:
    """The files of what a user registers; they are there as long as the block lasts.

    Raises:
        InvalidArtifact: nothing lies at the path, or the object cannot be written.
    """
    if isinstance(model, str | os.PathLike):
        path = _existing(model)
        yield Source(path=path, metadata={**schemas_of_path(path), **_example(input_example)})
        return
    flavour = flavour_of(model)
    with TemporaryDirectory(prefix="modelyard-") as folder:
        saved = flavour.save(model, Path(folder))
        inputs, outputs = model_schemas(model, input_example)
        facts = {
            "framework": saved.framework,
            "framework_version": saved.framework_version,
            "model_type": saved.model_type,
            "flavour": saved.flavour,
            "input_schema": inputs,
            "output_schema": outputs,
            "environment": describe_environment(),
            "extra": {"model_class": saved.class_name, "model_format": saved.format},
        }
        yield Source(path=Path(folder), metadata={**facts, **_example(input_example), "input_schema": inputs})


def _existing(path: str | os.PathLike[Any]) -> Path:
    text = os.fspath(path)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InvalidArtifact(f"{shown(text)} is no path", hint="give a file, a folder or a model object")
    found = Path(text).expanduser()
    if not os.path.lexists(found):
        raise InvalidArtifact(
            f"there is no file or folder {shown(text)}",
            hint="check the path; create_model(name, description) makes a model that has no versions yet",
            details={"path": text[:1000]},
        )
    return found


def _example(example: object) -> dict[str, Any]:
    if example is None:
        return {}
    return {"input_schema": infer_schema(example), "input_example": example_json(example)}
