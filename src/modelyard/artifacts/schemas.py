"""What the files of a version tell of its inputs and outputs, without running anything.

Rules
- An `MLmodel` file, the one in the highest folder, tells it by its signature; else the only ONNX file does, or the one
  called `model.onnx`. No other format is looked into: their schemas stand in code.
- Whatever is wrong with such a file, it only means that nothing is known: a registration never fails for it. But the
  caller hears of it, by a function that takes a sentence.
- Stored files are read as everything is, by verified parts, and so many of them at most; a file on this machine is read
  at any place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Self

from modelyard.artifacts.hashing import PART_SIZE
from modelyard.artifacts.mlmodel import LARGEST, mlflow_schemas
from modelyard.artifacts.onnx import Window, onnx_schemas
from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.domain.names import shown
from modelyard.domain.signature import check_schema

MOST_PARTS = 8
"""Parts of a stored file that are read at most: a file whose description lies deeper has no known schema."""
NEAR = 1 << 12

Tell = Callable[[str], object]
Schemas = dict[str, dict[str, Any]]
"""Some of `input_schema` and `output_schema`."""


class _StoredWindow:
    """A stored file, whose parts are read as they are needed."""

    def __init__(self, store: ArtifactStore, entry: FileEntry) -> None:
        self._store, self._entry = store, entry
        self.size = entry.size
        self._number, self._part, self._left = -1, b"", MOST_PARTS

    def read(self, start: int, end: int) -> bytes:
        found = b""
        for number in range(start // PART_SIZE, -(-min(end, self.size) // PART_SIZE)):
            base = number * PART_SIZE
            found += self._load(number)[max(start - base, 0) : end - base]
        return found

    def _load(self, number: int) -> bytes:
        if number != self._number:
            self._left -= 1
            if self._left < 0:
                raise ValueError("the description lies too deep in the file")
            entry, base = self._entry, number * PART_SIZE
            pieces = self._store.read_range(
                entry.blake3, entry.size, tuple(entry.parts), start=base, end=base + PART_SIZE, name=entry.path
            )
            self._number, self._part = number, b"".join(pieces)
        return self._part


class _LocalWindow:
    """A file on this machine; small reads that lie near each other take one call."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size = path.stat().st_size
        self._start, self._near = 0, b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, start: int, end: int) -> bytes:
        if not (self._start <= start and end <= self._start + len(self._near)):
            self._file.seek(start)
            self._start, self._near = start, self._file.read(max(end - start, NEAR))
        return self._near[start - self._start : end - self._start]


def _nobody(_sentence: str) -> None:
    pass


def schemas_of_stored(store: ArtifactStore, manifest: Manifest, trouble: Tell = _nobody) -> Schemas:
    """Return what the stored files of a version tell; nothing where they tell nothing.

    `trouble` is told of a file that should have told it, and could not be read.
    """
    entries = {entry.path: entry for entry in manifest.files}
    chosen = _chosen([(path, entry.size) for path, entry in entries.items()])
    return _attempted(chosen, lambda path, told: told(_StoredWindow(store, entries[path])), trouble) if chosen else {}


def schemas_of_path(source: Path, trouble: Tell = _nobody) -> Schemas:
    """Return what a file, or a file right in a folder, on this machine tells; nothing where it tells nothing.

    `trouble` is as in `schemas_of_stored`.
    """

    def attempt(path: str, told: Callable[[Window], Schemas]) -> Schemas:
        with _LocalWindow(places[path]) as window:
            return told(window)

    try:
        found = sorted(source.iterdir()) if source.is_dir() else [source]
        sizes = [(file.name, file.stat().st_size) for file in found if file.is_file()]
    except OSError:
        # Whether it can be registered at all is judged, and said, by the registration.
        return {}
    places = {file.name: file for file in found}
    chosen = _chosen(sizes)
    return _attempted(chosen, attempt, trouble) if chosen else {}


def _chosen(files: Sequence[tuple[str, int]]) -> str:
    """Return the path of the file to ask; empty where there is none."""
    described = [path for path, size in files if PurePosixPath(path).name == "MLmodel" and size <= LARGEST]
    if described:
        return min(described, key=lambda path: (path.count("/"), path))
    graphs = [path for path, _ in files if PurePosixPath(path).suffix.lower() == ".onnx"]
    named = [path for path in graphs if PurePosixPath(path).name.lower() == "model.onnx"]
    return next((found[0] for found in (graphs, named) if len(found) == 1), "")


def _attempted(path: str, attempt: Callable[[str, Callable[[Window], Schemas]], Schemas], trouble: Tell) -> Schemas:
    told = _mlflow if PurePosixPath(path).name == "MLmodel" else _onnx
    try:
        return attempt(path, told)
    except Exception as error:  # noqa: BLE001 - files may be anything, and a schema is no condition of a version
        reason = shown(str(error) or type(error).__name__)
        trouble(f"the file {shown(path)} tells no inputs and outputs, because it cannot be read: {reason}")
        return {}


def _onnx(window: Window) -> Schemas:
    return _told(onnx_schemas(window))


def _mlflow(window: Window) -> Schemas:
    return _told(mlflow_schemas(window.read(0, window.size)))


def _told(schemas: tuple[dict[str, Any], dict[str, Any]]) -> Schemas:
    named = zip(("input_schema", "output_schema"), schemas, strict=True)
    return {name: check_schema(schema) for name, schema in named if schema}
