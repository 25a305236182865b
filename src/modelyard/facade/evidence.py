"""Writes the evidence of a period to a folder or a zip file; `modelyard.facade.proof` checks it.

Rules
- It appears whole or not at all: it is written beside its place first.
- Events stream through; what is held in memory is the state of the models.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import msgspec
from blake3 import blake3

from modelyard._version import __version__
from modelyard.artifacts.faults import target_faults
from modelyard.domain import dossier
from modelyard.domain.audit import ends_of
from modelyard.domain.history import ModelState, apply
from modelyard.domain.wire import ChainedEvent
from modelyard.errors import InvalidRequest

_encode = msgspec.json.Encoder(order="sorted").encode
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an export is about; empty texts leave it open."""

    name: str = ""
    since: str = ""
    until: str = ""


@dataclass(kw_only=True)
class ChainPart:
    """What an export has of one chain."""

    model_id: str
    model: str
    first: int
    previous: str
    last: int = 0
    hash: str = ""


@dataclass
class _Gathered:
    states: dict[str, ModelState] = field(default_factory=dict)
    parts: dict[str, ChainPart] = field(default_factory=dict)
    promotions: dossier.Promotions = field(default_factory=dossier.Promotions)
    events: int = 0

    def take(self, event: ChainedEvent, *, exported: bool) -> None:
        apply(self.states.setdefault(event.model_id, ModelState()), event)
        if not exported:
            return
        self.events += 1
        self.promotions.take(event)
        fresh = ChainPart(model_id=event.model_id, model=event.model, first=event.position, previous=event.previous)
        part = self.parts.setdefault(event.model_id, fresh)
        part.last, part.hash = event.position, event.hash


def write_evidence(
    target: Path,
    events: Iterable[ChainedEvent],
    checkpoints: Iterable[ChainedEvent],
    scope: Scope,
    *,
    is_exported: Callable[[ChainedEvent], bool],
) -> Path:
    """Write evidence to a folder that is not there yet or empty, or to a file that ends in .zip.

    Args:
        target: the folder or the file.
        events: all events of the models that are meant, from their first one on.
        checkpoints: all checkpoints.
        scope: what the export is about.
        is_exported: whether an event lies in the period.

    Raises:
        InvalidRequest: the target is there already, or cannot be written.
    """
    is_zip = target.suffix.lower() == ".zip"
    if target.is_dir() and (is_zip or any(target.iterdir())):
        raise InvalidRequest(f"{target} is a folder that is not empty", hint="name one that does not exist yet")
    if target.is_file() and not is_zip:
        raise InvalidRequest(f"{target} is a file", hint="name a folder, or a file that ends in .zip")
    with target_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".modelyard-", dir=target.parent) as beside:
            folder = Path(beside) / "evidence"
            folder.mkdir()
            _write_folder(folder, events, checkpoints, scope, is_exported)
            if is_zip:
                _zipped(folder, Path(beside) / "evidence.zip").replace(target)
            else:
                folder.replace(target)
    return target


def _write_folder(
    folder: Path,
    events: Iterable[ChainedEvent],
    checkpoints: Iterable[ChainedEvent],
    scope: Scope,
    is_exported: Callable[[ChainedEvent], bool],
) -> None:
    gathered = _Gathered()
    with (folder / dossier.EVENTS).open("wb") as stream:
        for event in events:
            exported = is_exported(event)
            gathered.take(event, exported=exported)
            if exported:
                stream.write(_encode(event) + b"\n")
    held = list(_covering(checkpoints, gathered.parts))
    _write_lines(folder / dossier.CHECKPOINTS, held)
    _write_lines(folder / dossier.PROMOTIONS, gathered.promotions.lines())
    states = [state for state in gathered.states.values() if state.id]
    _write_lines(folder / dossier.VERSIONS, (line for state in states for line in dossier.version_lines(state)))
    _write_lines(folder / dossier.ENDPOINTS, (line for state in states for line in dossier.endpoint_lines(state)))
    (folder / dossier.README).write_text(dossier.DESCRIPTION, encoding="utf-8")
    newest = [event for event in held if "root" in event.data]
    manifest = {
        "format": dossier.FORMAT,
        "modelyard": __version__,
        "model": scope.name,
        "since": scope.since,
        "until": scope.until,
        "events": gathered.events,
        "anchor": newest[-1].hash if newest else "",
        "chains": list(gathered.parts.values()),
        "files": {name: digest_of((folder / name).open("rb")) for name in dossier.FILES},
    }
    (folder / dossier.MANIFEST).write_bytes(msgspec.json.format(_encode(manifest), indent=2) + b"\n")


def _covering(checkpoints: Iterable[ChainedEvent], parts: dict[str, ChainPart]) -> Iterator[ChainedEvent]:
    """Yield the checkpoints from the first that names an exported event to the first that covers all of them."""
    open_ends = {model_id: part.last for model_id, part in parts.items()}
    begun = False
    for event in checkpoints:
        marks = {model_id: position for model_id, position, _hash in ends_of(event)}
        begun = begun or any(marks.get(part.model_id, 0) >= part.first for part in parts.values())
        if not begun:
            continue
        yield event
        open_ends = {key: last for key, last in open_ends.items() if marks.get(key, 0) < last}
        if not open_ends and "root" in event.data:
            break


def _write_lines(path: Path, lines: Iterable[Any]) -> None:
    with path.open("wb") as stream:
        for line in lines:
            stream.write(_encode(line) + b"\n")


def _zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (dossier.MANIFEST, *dossier.FILES):
            archive.write(folder / name, name)
    return target


def digest_of(stream: IO[bytes]) -> str:
    """Return the BLAKE3 of what a stream holds, and close it."""
    digest = blake3()
    with stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
