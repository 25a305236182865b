"""Find what a caller names: a reference becomes a row, rows become records.

Rules
- `latest` is the highest version by SemVer precedence that is not deprecated, or the highest of all where every one is;
  where two differ only in build metadata, the one registered
  later.
- A range names the highest version in it that is not deprecated and serves the callers of the lowest such version of
  the same line (`domain.promise`).
- A stage names its highest version.
- A digest names the version with that content; where several have it, the reference is refused and the versions are
  listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypedDict

import msgspec
from sqlalchemy import Row

from modelyard.domain.graph import StageGraph, normalise_stage
from modelyard.domain.manifest import Manifest
from modelyard.domain.metadata import completeness
from modelyard.domain.names import model_name, shown
from modelyard.domain.promise import highest_compatible
from modelyard.domain.references import Reference
from modelyard.domain.signature import Signature
from modelyard.domain.signature_diff import diff
from modelyard.domain.stages import ModelStage
from modelyard.domain.versions import SemVer, SemVerRange
from modelyard.domain.wire import FileRecord, ModelRecord, Resolved, VersionRecord
from modelyard.errors import (
    AliasNotFound,
    InvalidReference,
    InvalidStage,
    ModelNotFound,
    ModelyardError,
    PreconditionFailed,
    VersionNotFound,
)
from modelyard.metadata import aliases, manifests, models, placements, versions
from modelyard.registry.context import Context
from modelyard.registry.serving import main_versions, shares_of_versions

UNSHOWN = frozenset({ModelStage.DEVELOPMENT, ModelStage.ARCHIVED, ModelStage.REJECTED})
"""Stages that a model's record leaves out: what stands there is not in use."""


class _Beside(TypedDict):
    """What a version's record holds from other tables."""

    aliases: list[str]
    files: list[FileRecord]
    environments: dict[str, str]
    serving: dict[str, float]


_documents = msgspec.json.Decoder(dict[str, Any])
_reasons = msgspec.json.Decoder(dict[str, str])


def find_model(context: Context, name: str, *, lock: bool = False, permission: str = "") -> Row[Any]:
    """Return the row of a live model.

    Raises:
        InvalidName: `name` cannot be the name of a model.
        PermissionDenied: who asks does not have the permission, or the operation's, on the model, which may not exist.
        ModelNotFound: no live model has it.
    """
    checked = model_name(name)
    context.require(permission or context.permission, checked)
    row = models.lock(context.tx, checked) if lock else models.by_name(context.tx, checked)
    if row is None:
        raise ModelNotFound(f"there is no model named {shown(name)}", details={"name": name})
    return row


def find(context: Context, text: str, *, lock: bool = False, permission: str = "") -> Row[Any]:
    """Return the row of the version that a reference names, with its model's name as `name`.

    With `lock`, the model is locked first and the reference looked up under the lock.

    Raises:
        InvalidReference: the text is no reference, or a digest that several versions share.
        PermissionDenied: who asks does not have the permission, or the operation's, on the model.
        ModelNotFound, AliasNotFound, VersionNotFound: nothing answers to it.
    """
    return find_reference(context, Reference.parse(text), lock=lock, permission=permission)


def find_within(context: Context, name: str, selector: str) -> Row[Any]:
    """Return the row of a version of one model, named by what stands behind the model's name, or in full."""
    try:
        reference = Reference.within(name, selector)
    except ModelyardError:
        reference = Reference.parse(selector)
    row = find_reference(context, reference)
    if row.name != name:
        raise VersionNotFound(f"{shown(selector)} is a version of {row.name}, not of {name}")
    return row


def find_reference(context: Context, reference: Reference, *, lock: bool = False, permission: str = "") -> Row[Any]:
    """Return the row of the version that a parsed reference names; see `find`."""
    wanted = permission or context.permission
    row = _look_up(context, reference, wanted)
    locked = ""
    # Only now is it known which model to lock; before the lock is held, the reference may come to name another version,
    # even one of another model of the same name.
    while lock and row.model_id != locked:
        locked = row.model_id
        models.lock_by_id(context.tx, locked)
        row = _look_up(context, reference, wanted)
    return row


def check_revision(row: Row[Any] | None, wanted: int | None, what: str) -> None:
    """Refuse a change to something that has moved since the caller looked.

    Raises:
        PreconditionFailed: its revision is another one.
    """
    present = 0 if row is None else int(row.revision)
    if wanted is not None and wanted != present:
        raise PreconditionFailed(
            f"{what} is at revision {present}, not {wanted}", details={"revision": present, "if_match": wanted}
        )


def stage_filter(context: Context, text: str) -> str:
    """Return a stage of any graph to filter by, or the empty text for all of them."""
    if not text:
        return ""
    fits = [graph for graph in context.graphs.every if _has_stage(graph, text)]
    return str(normalise_stage(fits[0] if fits else context.graphs.registry, text))


def versions_in_stage(context: Context, model_id: str, stage: ModelStage) -> Sequence[Row[Any]]:
    """Return a model's versions that stand in a stage, be it their own or an environment's; oldest first."""
    if context.graphs.of(model_id).environment_of(stage):
        return placements.in_stage(context.tx, model_id, stage)
    return versions.in_stage(context.tx, model_id, stage)


def highest_in_stage(context: Context, model_id: str, text: str) -> Row[Any] | None:
    """Return the highest of a model's versions that stand in a stage."""
    graph = context.graphs.of(model_id)
    stage = normalise_stage(graph, text)
    if graph.environment_of(stage):
        return placements.highest(context.tx, model_id, stage)
    return versions.highest(context.tx, model_id, str(stage))


def _has_stage(graph: StageGraph, text: str) -> bool:
    try:
        normalise_stage(graph, text)
    except InvalidStage:
        return False
    return True


def record(context: Context, row: Row[Any]) -> VersionRecord:
    """Return the record of one version's row."""
    return records(context, [row])[0]


def records(context: Context, rows: Sequence[Row[Any]]) -> list[VersionRecord]:
    """Return the records of versions' rows, in two queries for each thousand of them."""
    made: list[VersionRecord] = []
    for start in range(0, len(rows), models.BATCH):
        made += _batch(context, rows[start : start + models.BATCH])
    return made


def _batch(context: Context, rows: Sequence[Row[Any]]) -> list[VersionRecord]:
    names = aliases.of_versions(context.tx, [row.id for row in rows])
    contents = manifests.files(context.tx, [row.digest for row in rows])
    placed = placements.of_versions(context.tx, [row.seq for row in rows]) if context.graphs.placed else {}
    served = shares_of_versions(context, (row.model_id for row in rows))
    return [
        _record(
            context,
            row,
            {
                "aliases": names.get(row.id, []),
                "files": contents.get(row.digest, []),
                "environments": placed.get(row.seq, {}),
                "serving": served.get(row.id, {}),
            },
        )
        for row in rows
    ]


def model_record(context: Context, row: Row[Any]) -> ModelRecord:
    """Return the record of one model's row."""
    return model_records(context, [row])[0]


def model_records(context: Context, rows: Sequence[Row[Any]]) -> list[ModelRecord]:
    """Return the records of models' rows."""
    shown_stages = [stage for stage in context.graphs.stages if stage not in UNSHOWN]
    made = models.records(context.tx, rows, shown_stages)
    keys = [row.id for row in rows]
    served = main_versions(context, keys)
    if served:
        made = [replace(one, serving=served[one.id]) if one.id in served else one for one in made]
    if not context.graphs.placed:
        return made
    placed = placements.highest_of_models(context.tx, keys)
    return [replace(one, stages={**one.stages, **placed[one.id]}) if one.id in placed else one for one in made]


def resolved(row: Row[Any]) -> Resolved:
    """Return the short answer for a version's row."""
    return Resolved(
        id=row.id,
        name=row.name,
        number=row.number,
        version=row.version,
        stage=row.stage,
        digest=row.digest,
        model_size_bytes=row.size,
        deprecated=row.deprecation is not None,
        deprecation_reason=deprecation(row).get("reason", ""),
        successor=deprecation(row).get("successor", ""),
    )


def document(row: Row[Any]) -> dict[str, Any]:
    """Return the metadata document of a version's row."""
    return _documents.decode(row.document)


def content(context: Context, row: Row[Any]) -> Manifest:
    """Return the manifest of a version's row; empty for a version without files."""
    return manifests.load(context.tx, row.digest)


def deprecation(row: Row[Any]) -> dict[str, str]:
    """Return why a version is deprecated, since when, by whom, and what takes its place; empty where it is not."""
    return _reasons.decode(row.deprecation) if row.deprecation is not None else {}


def _record(context: Context, row: Row[Any], beside: _Beside) -> VersionRecord:
    metadata, files, environments = document(row), beside["files"], beside["environments"]
    graph = context.graphs.of(row.model_id)
    deprecated = deprecation(row)
    return VersionRecord(
        **metadata,
        id=row.id,
        name=row.name,
        number=row.number,
        version=row.version,
        stage=row.stage,
        label=row.label,
        status=row.status,
        revision=row.revision,
        parent_id=row.parent_id,
        aliases=beside["aliases"],
        environments=environments,
        deployed=bool(beside["serving"])
        or row.stage == ModelStage.PRODUCTION
        or not graph.exclusive.isdisjoint(environments.values()),
        serving=beside["serving"],
        deprecated=row.deprecation is not None,
        deprecation_reason=deprecated.get("reason", ""),
        successor=deprecated.get("successor", ""),
        created_at=row.created_at,
        updated_at=row.updated_at,
        digest=row.digest,
        model_hash=row.model_hash,
        model_size_bytes=row.size,
        artifact_path=context.yard.views.locate(row.name, row.version, files) if files else None,
        artifact_uri=f"models:/{row.name}/{row.number}",
        files=files,
        completeness=completeness(metadata),
    )


def _look_up(context: Context, reference: Reference, permission: str) -> Row[Any]:
    if reference.model is None:
        row = (
            _by_content(context, reference)
            if reference.kind == "digest"
            else versions.by_id(context.tx, reference.value)
        )
        # Whose model may not be seen, is told the same as who names nothing.
        row = _found(row if row is not None and context.sees(row.name) else None, reference)
        context.require(permission, row.name)
        return row
    context.require(permission, reference.model)
    if reference.kind == "alias":
        # The commonest look-up by far takes one query; where it finds nothing, the steps below tell what is missing.
        row = versions.by_alias(context.tx, reference.model, reference.value)
        if row is not None:
            return row
    model = find_model(context, reference.model, permission=permission)
    row = _of_model(context, reference, model)
    if row is not None and row.model_id != model.id:
        owner = f", but of {row.name}" if context.sees(row.name) else ""
        raise VersionNotFound(f"{reference} is not a version of {model.name}{owner}")
    return _found(row, reference)


def _found(row: Row[Any] | None, reference: Reference) -> Row[Any]:
    if row is None:
        raise VersionNotFound(f"no version answers to {str(reference)!r}", details={"reference": str(reference)})
    return row


def _of_model(context: Context, reference: Reference, model: Row[Any]) -> Row[Any] | None:
    tx, value = context.tx, reference.value
    row: Row[Any] | None = None
    match reference.kind:
        case "latest":
            row = versions.highest(tx, model.id)
        case "alias":
            row = versions.by_id(tx, _alias(context, model, value).version_id)
        case "number":
            row = versions.by_number(tx, model.id, int(value))
        case "version":
            row = versions.by_version(tx, model.id, value)
        case "range":
            row = _in_range(context, model, SemVerRange.parse(value))
        case "stage":
            row = highest_in_stage(context, model.id, value)
        case "id":
            row = versions.by_id(tx, value)
        case "digest":
            row = _by_content(context, reference, model.id)
    return row


def _alias(context: Context, model: Row[Any], alias: str) -> Row[Any]:
    row = aliases.one(context.tx, model.id, alias)
    if row is None:
        raise AliasNotFound(f"{model.name} has no alias {alias!r}", details={"name": model.name, "alias": alias})
    return row


def _in_range(context: Context, model: Row[Any], wanted: SemVerRange) -> Row[Any] | None:
    known = versions.in_use(context.tx, model.id)

    @cache
    def signature(text: str) -> Signature:
        row = versions.by_version(context.tx, model.id, text)
        return Signature.of(document(row)) if row is not None else Signature()

    def breaks(old: SemVer, new: SemVer) -> bool:
        digests = (known[old.text], known[new.text])
        # Documents may be large; most of the time the digests of the signatures tell enough.
        if "" in digests or (digests[0] is not None and digests[0] == digests[1]):
            return False
        return bool(diff(signature(old.text), signature(new.text)).breaking)

    best = highest_compatible(wanted, map(SemVer.parse, known), breaks)
    return versions.by_version(context.tx, model.id, best.text) if best else None


def _by_content(context: Context, reference: Reference, model_id: str = "") -> Row[Any] | None:
    digest = reference.value.partition(":")[2]
    rows = [
        row
        for row in versions.by_digest(context.tx, digest)
        if (not model_id or row.model_id == model_id) and context.sees(row.name)
    ]
    if len(rows) > 1:
        names = [f"{row.name}/{row.version}" for row in rows]
        raise InvalidReference(
            f"{len(rows)} versions have this content: {', '.join(names[:5])}",
            hint="name one of them",
            details={"versions": names},
        )
    return rows[0] if rows else None
