"""Make the models and versions of an export, or of another registry of modelyard, again in this registry.

Rules
1. An export holds no files. `--from` names the registry that has them; each file is verified against its digest on its
   way, and the version that comes out must have the digest that the export says.
2. Without `--from`, a version that had files comes without them. Its version text is taken then: this is asked first.
3. What is made: models with their descriptions, owners and tags; versions with their metadata, labels, parents, stages
   and deprecations; aliases. What is not: identifiers (`extra["imported_id"]` keeps the old one), numbers where the
   export has gaps, times, and the history, which begins anew with the import.
4. A version that is there with the same content is left as it is, so that an import can be repeated after a failure.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from modelyard.cli.imports.finishing import move, point
from modelyard.cli.outcomes import DONE, PART, PLANNED, THERE, Outcome, Outcomes
from modelyard.cli.publish import register_bare
from modelyard.cli.session import Session
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import METADATA_FIELDS, RegistryExport, VersionRecord
from modelyard.domain.wording import counted, size
from modelyard.errors import (
    Conflict,
    IntegrityError,
    InvalidRequest,
    ModelExists,
    ModelyardError,
    NotFound,
    VersionExists,
)
from modelyard.facade.opening import other_token
from modelyard.facade.registry import ModelRegistry

FORMAT = 1


@dataclass(kw_only=True)
class Import:
    """One import: where to, where the files come from, and which new identifier each old one got."""

    registry: ModelRegistry | None
    """None in a dry run where there is no registry yet."""
    source: ModelRegistry | None
    dry_run: bool
    identifiers: dict[str, str] = field(default_factory=dict)

    def settle(self, entry: int, old: VersionRecord) -> Outcome:
        """Make one version, unless it is there already."""
        label = f"{old.name}/{old.version}"
        present = self._present(label)
        if present is not None:
            if present.digest != old.digest:
                raise VersionExists(f"{label} is there with other content", hint="import into another registry")
            self.identifiers[old.id] = present.id
            return Outcome(entry=entry, version=label, outcome=THERE, id=present.id)
        if self.dry_run or self.registry is None:
            return Outcome(entry=entry, version=label, outcome=PLANNED, detail=self._loss(old))
        identifier = self._register(self.registry, old)
        self.identifiers[old.id] = identifier
        problem = _finish(self.registry, old, identifier)
        outcome = PART if problem else DONE
        return Outcome(
            entry=entry,
            version=label,
            outcome=outcome,
            detail=str(problem or self._loss(old)),
            id=identifier,
            code=problem.code if problem else "",
        )

    def _present(self, label: str) -> VersionRecord | None:
        with suppress(NotFound):
            return self.registry.get_model(label) if self.registry else None
        return None

    def _loss(self, old: VersionRecord) -> str:
        return "without its files" if old.files and self.source is None else ""

    def _register(self, registry: ModelRegistry, old: VersionRecord) -> str:
        facts = {name: getattr(old, name) for name in METADATA_FIELDS if getattr(old, name) not in ("", None, {}, [])}
        # What was registered once is taken over; the reason is kept only where the number promises too much here too.
        facts.setdefault("allow_breaking", f"imported as {old.name}/{old.version} was")
        facts["extra"] = {**old.extra, "imported_id": old.id}
        if old.parent_id in self.identifiers:
            facts["parent"] = self.identifiers[old.parent_id]
        if not old.files or self.source is None:
            return register_bare(registry, old.name, old.version, {**facts, "label": old.label})
        if self.source.get_model(f"{old.name}/{old.version}").digest != old.digest:
            raise Conflict(f"{old.name}/{old.version} has other content in {self.source} than in the export")
        with tempfile.TemporaryDirectory(prefix="modelyard-import-") as folder:
            self.source.download_model(f"{old.name}/{old.version}", f"{folder}/")
            identifier = registry.register_model(Path(folder), old.name, old.version, label=old.label, **facts)
        made = registry.get_model(identifier)
        if made.digest != old.digest:
            raise IntegrityError(f"{old.name}/{old.version} has the digest {made.digest}, and not {old.digest}")
        return identifier


def run(ctx: click.Context, session: Session, file: str | None, origin: str | None, *, dry_run: bool) -> None:
    """Import an export, or all of another registry, and end the command.

    Args:
        ctx: the command.
        session: its options.
        file: the export; None where all of `origin` is meant.
        origin: the path or the URL of the registry that has the files.
        dry_run: only say what would be made.
    """
    with _source(origin) as source:
        export = _wanted(file, source)
        _ask(session, export, source, dry_run=dry_run)
        registry = session.open_if_there() if dry_run else session.open(make=True)
        work = Import(registry=registry, source=source, dry_run=dry_run)
        if registry and not dry_run:
            _make_models(registry, export)
        outcomes = Outcomes()
        for entry, old in enumerate(export.versions, 1):
            outcomes.attempt(entry, f"{old.name}/{old.version}", lambda: work.settle(entry, old))  # noqa: B023
    outcomes.finish(ctx, session)


@contextmanager
def _source(origin: str | None) -> Iterator[ModelRegistry | None]:
    if origin is None:
        yield None
        return
    if "://" not in origin and not Path(origin).is_dir():
        raise NotFound(f"there is no registry in {origin}", hint="--from names the folder or the URL of a registry")
    with ModelRegistry(origin, token=other_token(origin)) as registry:
        yield registry


def _read(file: str) -> RegistryExport:
    try:
        export = msgspec.json.decode(Path(file).read_bytes(), type=RegistryExport)
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidRequest(
            f"{file} is no export of a registry: {error}", hint="make one with `modelyard export`"
        ) from error
    if export.format > FORMAT:
        raise InvalidRequest(f"{file} has format {export.format}, written by modelyard {export.modelyard}")
    return export


def _finish(registry: ModelRegistry, old: VersionRecord, identifier: str) -> ModelyardError | None:
    """Give a new version its stage, its deprecation and its aliases; return what stood in the way."""
    try:
        move(registry, registry.get_model(identifier), ModelStage(old.stage))
        if old.deprecated:
            registry.deprecate_model(identifier, old.deprecation_reason or "deprecated where it was exported")
        point(registry, old.name, old.aliases, identifier)
    except ModelyardError as error:
        return error
    return None


def _wanted(file: str | None, source: ModelRegistry | None) -> RegistryExport:
    """Return the export in the file, or without one all of the source."""
    if file is not None:
        return _read(file)
    if source is None:
        raise click.UsageError("give an export, or --from, or both")
    with tempfile.TemporaryDirectory(prefix="modelyard-import-") as folder:
        return _read(str(source.export_registry(Path(folder) / "export.json")))


def _ask(session: Session, export: RegistryExport, source: ModelRegistry | None, *, dry_run: bool) -> None:
    losing = [version for version in export.versions if version.files] if source is None else []
    if losing and not dry_run:
        lost = size(sum(version.model_size_bytes for version in losing))
        session.confirm(
            f"An export holds no files: {counted(len(losing), 'version')} ({lost}) would come without them for good; "
            "--from names a registry that has them.",
            "Import the metadata alone?",
        )


def _make_models(registry: ModelRegistry, export: RegistryExport) -> None:
    for old in export.models:
        try:
            registry.create_model(old.name, old.description, owner=old.owner, team=old.team, tags=old.tags)
        except ModelExists:
            continue
