"""Describe: what may still be said about a model or a version after it was made.

Files and manifest never change; metadata may grow and be corrected, and each change is an event that holds both the
old and the new value.

A change of a version's schemas is held to the promise of its number, as at its registration (`numbering`): one that
breaks callers is refused, unless `allow_breaking` comes with it. Then the reason stands in the metadata, and what it
breaks in the event.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from modelyard.domain import checks
from modelyard.domain import metadata as rules
from modelyard.domain.directions import canonical
from modelyard.domain.names import shown
from modelyard.domain.signature import Signature
from modelyard.domain.wire import METADATA_FIELDS, ModelRecord, VersionRecord
from modelyard.errors import InvalidMetadata
from modelyard.metadata import lineage, models, tags, versions
from modelyard.operations import (
    UPDATE_METRICS,
    UPDATE_MODEL,
    UPDATE_VERSION,
    UpdateMetrics,
    UpdateModel,
    UpdateVersion,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.forwards import forward_again
from modelyard.registry.lookup import check_revision, document, find, find_model, model_record, record
from modelyard.registry.numbering import judge_change
from modelyard.registry.publish import columns, index_words
from modelyard.registry.views import mark_stale

SCHEMAS = frozenset({"input_schema", "output_schema"})
METRIC_FIELDS = ("metrics", "training_metrics", "validation_metrics")


@serves(UPDATE_MODEL)
def update_model(context: Context, request: UpdateModel) -> ModelRecord:
    """Change a model's description, owner, team or tags."""
    row = find_model(context, request.name, lock=True)
    check_revision(row, request.if_match, row.name)
    old: dict[str, Any] = {"description": row.description, "owner": row.owner, "team": row.team}
    old["tags"] = msgspec.json.decode(row.tags)
    new = {
        "description": _text("description", request.description, row.description),
        "owner": _text("owner", request.owner, row.owner, 250),
        "team": _text("team", request.team, row.team, 250),
        "tags": _merged_tags(old["tags"], request.tags),
    }
    changes = {key: [old[key], new[key]] for key in new if old[key] != new[key]}
    if changes:
        models.change(context.tx, row.id, {**new, "at": context.now})
        _tell(context, row.id, "model.updated", None, {"changes": changes}, edited="description" in changes)
    return model_record(context, find_model(context, request.name))


@serves(UPDATE_VERSION)
def update_version(context: Context, request: UpdateVersion) -> VersionRecord:
    """Set metadata fields and the label of a version. Tags are merged, other fields replaced; null removes."""
    row = find(context, request.reference, lock=True)
    check_revision(row, request.if_match, f"{row.name} {row.version}")
    unknown = sorted(set(request.metadata) - set(METADATA_FIELDS))
    if unknown:
        raise InvalidMetadata(
            f"{unknown[0]!r} is not a metadata field", hint=f"the fields are {', '.join(METADATA_FIELDS)}"
        )
    changed = dict(request.metadata)
    rules.check_extra(changed.get("extra"))
    _refuse_other_origin(row, changed)
    said = "allow_breaking" in changed and (changed["allow_breaking"] or "") != document(row).get("allow_breaking", "")
    if said and not SCHEMAS & set(changed):
        raise InvalidMetadata(
            "allow_breaking is said when a version is registered or its schemas change, and stays as it was said",
            hint="leave it out; migration_notes may say more about the change",
        )
    if "tags" in changed:
        changed["tags"] = _merged_tags(document(row).get("tags", {}), changed["tags"])
    label = row.label if request.status is None else checks.check_label(request.status)
    return _write(context, row, changed, label=label)


@serves(UPDATE_METRICS)
def update_metrics(context: Context, request: UpdateMetrics) -> VersionRecord:
    """Add to or correct the metrics of a version; metrics that are not named stay."""
    row = find(context, request.reference, lock=True)
    check_revision(row, request.if_match, f"{row.name} {row.version}")
    present = document(row)
    changed = {
        name: _corrected(present.get(name, {}), checks.check_metrics(getattr(request, name), name))
        for name in METRIC_FIELDS
        if getattr(request, name)
    }
    return _write(context, row, changed, label=row.label)


def _write(context: Context, row: Row[Any], changed: dict[str, Any], *, label: str) -> VersionRecord:
    old = document(row)
    merged = {**old, **changed}
    new = rules.check_fields({name: value for name, value in merged.items() if value not in ("", None, {}, [])})
    broken = _hold_to_number(context, row, old, new, given="allow_breaking" in changed)
    changes = {name: [old.get(name), new.get(name)] for name in {*old, *new} if old.get(name) != new.get(name)}
    if label != row.label:
        changes["label"] = [row.label, label]
    if changes:
        edited = "description" in changes
        versions.change(context.tx, row, context.now, edited=edited, label=label, **columns(new))
        versions.rank(context.tx, row, rules.performance(new))
        if "tags" in changes:
            tags.replace_of_version(context.tx, row.seq, new.get("tags", {}))
        index_words(context, row, new)
        lineage.index(context.tx, row.seq, row.model_id, new)
        facts = {"changes": dict(sorted(changes.items())), **broken}
        forward_again(context, row.id, changes)
        _tell(context, row.model_id, "version.updated", row.id, facts)
        mark_stale(context, row)
    return record(context, find(context, row.id))


def _hold_to_number(
    context: Context, row: Row[Any], old: dict[str, Any], new: dict[str, Any], *, given: bool
) -> dict[str, Any]:
    """Judge new schemas by the version's number; a reason that is not needed leaves the recorded one as it is."""
    reason = new.get("allow_breaking", "") if given else ""
    broken = judge_change(context, row, new, reason) if Signature.of(new) != Signature.of(old) else {}
    if broken:
        return {"allow_breaking": {"reason": reason, **broken}}
    new.pop("allow_breaking", None)
    if "allow_breaking" in old:
        new["allow_breaking"] = old["allow_breaking"]
    return {}


def _refuse_other_origin(row: Row[Any], changed: dict[str, Any]) -> None:
    """What runs a version is as fixed as its files: who deployed it must find the same thing again."""
    if "source" in changed and (changed["source"] or "") != document(row).get("source", ""):
        raise InvalidMetadata(
            "the source of a version is set when it is registered, and stays",
            hint="register a new version from the other source",
        )
    if "provider" not in changed:
        return
    given = changed["provider"]
    present = document(row).get("provider", {})
    if (rules.check_fields({"provider": given})["provider"] if given else {}) != present:
        raise InvalidMetadata(
            "the provider of a version is set when it is registered, and stays",
            hint="register a new version with the other provider, model or prompt",
        )


def _corrected(present: dict[str, float], given: dict[str, float]) -> dict[str, float]:
    """Merge metrics; a new value takes the place of the metric's other spellings too (f1 and f1_score)."""
    replaced = {canonical(name) for name in given}
    return {**{name: value for name, value in present.items() if canonical(name) not in replaced}, **given}


def _text(field: str, given: str | None, present: str, limit: int = 100_000) -> str:
    return present if given is None else checks.check_text(field, given, limit)


def _merged_tags(present: dict[str, str], changes: dict[str, Any] | None) -> dict[str, str]:
    if changes is None:
        return {}
    if not isinstance(changes, dict):
        raise InvalidMetadata(f"tags: {shown(changes)} is no mapping", hint="give tags as names with their values")
    kept = {key: value for key, value in present.items() if key not in changes}
    return checks.check_tags({**kept, **{key: value for key, value in changes.items() if value is not None}})


def _tell(
    context: Context, model_id: str, kind: str, version_id: str | None, facts: dict[str, Any], *, edited: bool = False
) -> None:
    models.touch(context.tx, model_id, context.now, edited=edited)
    context.tell(model_id=model_id, kind=kind, version_id=version_id, data=facts)
