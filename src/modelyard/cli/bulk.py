"""`bulk-register`: many versions from one JSON file.

Rules
1. The file holds a list of entries, or `{"models": [entries]}`; an entry has the arguments of `register` by name, and
   the other names of the documents count too (`performance_metrics`, `hyperparams`, …).
2. A relative `model_path` starts at the file's folder, so that a file and its models can be moved together.
3. Every entry is checked before the first is registered; with an invalid one among them nothing is.
4. An entry whose version is there with the same files is done already, so that the same command can be repeated after a
   failure. Entries without a version always make a new one.
5. Entries are registered in order: a later one may name an earlier one as its parent. The first failure ends the run,
   unless `--continue-on-error` is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from blake3 import blake3

from modelyard.artifacts.tree import walk
from modelyard.cli.options import read_document
from modelyard.cli.outcomes import DONE, FAILED, INVALID, PLANNED, THERE, UNTRIED, Outcome, Outcomes
from modelyard.cli.progress import bar
from modelyard.cli.publish import register_bare
from modelyard.cli.session import Session
from modelyard.cli.shape import command
from modelyard.domain.metadata import SYSTEM_FIELDS, identity
from modelyard.domain.names import model_name, shown
from modelyard.domain.versions import SemVer
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidArtifact, InvalidRequest, ModelyardError, NotFound, VersionExists
from modelyard.facade.arguments import metadata_of
from modelyard.facade.registry import ModelRegistry

PATH_NAMES = ("model_path", "path")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A checked entry: which version it is to be, where its files are, and what is recorded about it."""

    place: int
    name: str
    version: str | None
    path: Path | None
    facts: dict[str, Any]

    @property
    def label(self) -> str:
        """The reference that the entry will have."""
        return f"{self.name}/{self.version or 'next'}"


@command(
    "bulk-register",
    "modelyard bulk-register ./models_config.json",
    "modelyard bulk-register ./models_config.json --dry-run",
    "modelyard bulk-register ./models_config.json --continue-on-error --output json",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--continue-on-error", is_flag=True, help="Go on with the next entry after a failure.")
@click.option("--dry-run", is_flag=True, help="Check every entry, and register none.")
@click.pass_context
def bulk_register(ctx: click.Context, file: str, *, continue_on_error: bool, dry_run: bool) -> None:
    """Register many versions from a JSON file.

    The file holds a list of entries, or {"models": [entries]}. An entry has model_path, name, version, stage,
    description, metrics, tags, hyperparams, label, parent and any other metadata. Relative paths start at the file's
    folder. All entries are checked first. Repeating the command skips the versions that are there already; an entry
    that names no version makes a new one each time.
    """
    session = ctx.ensure_object(Session)
    outcomes = Outcomes()
    entries = _checked(read_entries(file), Path(file).parent, outcomes)
    if outcomes.rows:
        for entry in entries:
            outcomes.add(Outcome(entry=entry.place, version=entry.label, outcome=UNTRIED))
        outcomes.rows.sort(key=lambda row: row.entry)
        outcomes.finish(ctx, session)
    registry = session.open_if_there() if dry_run else session.open(make=True)
    for entry in entries:
        if not continue_on_error and any(row.outcome == FAILED for row in outcomes.rows):
            outcomes.add(Outcome(entry=entry.place, version=entry.label, outcome=UNTRIED))
            continue
        outcomes.attempt(entry.place, entry.label, lambda: _settle(session, registry, entry, dry_run=dry_run))  # noqa: B023
    outcomes.finish(ctx, session)


def read_entries(file: str) -> list[Any]:
    """Return the entries of a file, not checked yet.

    Raises:
        InvalidRequest: it holds no JSON, or no list.
    """
    try:
        document = read_document(file)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    entries = document.get("models") if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise InvalidRequest(f"{file} holds no list of models", hint='write [{"model_path": …, "name": …}, …]')
    return entries


def check(place: int, document: Any, folder: Path) -> Entry:
    """Check one entry of a file in that folder.

    Raises:
        ModelyardError: what is wrong with it.
    """
    if not isinstance(document, Mapping):
        raise InvalidRequest(f"an entry is an object with names and values, not {shown(document)}")
    paths = [document[name] for name in PATH_NAMES if document.get(name) is not None]
    rest = {name: value for name, value in document.items() if name not in PATH_NAMES}
    who = identity(rest)
    if not who.get("name"):
        raise InvalidRequest("the entry has no name", hint='name the model: "name": "fraud"')
    version = None if who.get("version") is None else SemVer.parse(who["version"]).text
    facts = {key: who[key] for key in ("stage", "label", "parent") if key in who}
    fields = {name: value for name, value in rest.items() if name not in SYSTEM_FIELDS}
    return Entry(
        place=place,
        name=model_name(who["name"]),
        version=version,
        path=_path(paths, folder),
        facts=facts | metadata_of("bulk-register", fields),
    )


def same_files(record: VersionRecord, path: Path | None) -> bool:
    """Whether a version has exactly the files that lie at a path (None: no files)."""
    stored = {file.path: file.blake3 for file in record.files}
    if path is None:
        return not stored
    here = {file.path: file.location for file in walk(path)}
    return here.keys() == stored.keys() and all(
        blake3().update_mmap(location).hexdigest() == stored[name] for name, location in here.items()
    )


def _checked(documents: list[Any], folder: Path, outcomes: Outcomes) -> list[Entry]:
    """Return the entries that are right, and note what is wrong with the others."""
    entries: list[Entry] = []
    taken: dict[tuple[str, str], int] = {}
    for place, document in enumerate(documents, 1):
        try:
            entry = check(place, document, folder)
            first = taken.setdefault((entry.name, entry.version), place) if entry.version else place
            if first != place:
                raise VersionExists(f"entry {first} is {entry.label} too", hint="give one of them another version")
        except ModelyardError as error:
            label = str(document.get("name", "")) if isinstance(document, Mapping) else ""
            outcomes.add(
                Outcome(entry=place, version=label, outcome=INVALID, detail=str(error), code="invalid_request")
            )
        else:
            entries.append(entry)
    return entries


def _path(paths: list[Any], folder: Path) -> Path | None:
    if not paths:
        return None
    if len(paths) > 1 or not isinstance(paths[0], str) or not paths[0]:
        raise InvalidArtifact(f"model_path is {shown(paths[0])}", hint="give the path of one file or folder")
    path = folder / Path(paths[0]).expanduser()
    if not any(file.size for file in walk(path)):
        raise InvalidArtifact(f"{path} is empty", hint="register a file that has content")
    return path


def _settle(session: Session, registry: ModelRegistry | None, entry: Entry, *, dry_run: bool) -> Outcome:
    """Register an entry, unless it is there already."""
    present = None
    with suppress(NotFound):
        present = registry.get_model(f"{entry.name}/{entry.version}") if registry and entry.version else None
    if present is not None:
        if not same_files(present, entry.path):
            raise VersionExists(f"{entry.label} is there with other files", hint="give the entry another version")
        return Outcome(entry=entry.place, version=entry.label, outcome=THERE, id=present.id)
    if dry_run or registry is None:
        return Outcome(entry=entry.place, version=entry.label, outcome=PLANNED)
    record = _register(session, registry, entry)
    return Outcome(entry=entry.place, version=f"{record.name}/{record.version}", outcome=DONE, id=record.id)


def _register(session: Session, registry: ModelRegistry, entry: Entry) -> VersionRecord:
    if entry.path is None:
        return registry.get_model(register_bare(registry, entry.name, entry.version, entry.facts))
    with bar(session, f"registering {entry.label}", entry.path) as progress:
        identifier = registry.register_model(entry.path, entry.name, entry.version, progress=progress, **entry.facts)
    return registry.get_model(identifier)
