"""What people record about a version: how a free-form document becomes the fields of `wire.Metadata`.

Rules
1. `normalise` reads a document as users write it: synonyms are renamed, a top-level number under the name of a known
   metric becomes a metric, what the registry itself decides (ids, sizes, times of storing, `deployed`) is left out, and
   what nobody knows goes to `extra`. Two names of one field may be given together as long as they do not disagree.
2. `identity` reads from the same document what says *which* version is meant: name, version, stage, label, parent.
3. `check_fields` takes each field by the check of its kind; no unchecked value is stored.
4. A field that is None counts as not given.
5. Metadata is complete when every line of `ESSENTIAL` has a value in one of its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from modelyard.domain.checks import (
    LABELS,
    check_count,
    check_json,
    check_metrics,
    check_number,
    check_samples,
    check_tags,
    check_text,
    check_timestamp,
)
from modelyard.domain.directions import canonical, direction, is_training
from modelyard.domain.names import shown
from modelyard.domain.provider import check_provider
from modelyard.domain.signature import check_schema
from modelyard.domain.wire import METADATA_FIELDS, Completeness
from modelyard.errors import InvalidMetadata, InvalidMetric

LONGEST_WORD = 1_000
"""Characters of a short text: a framework, a run id, a person."""

SYNONYMS = {
    "performance_metrics": "metrics",
    "evaluation_metrics": "metrics",
    "train_metrics": "training_metrics",
    "val_metrics": "validation_metrics",
    "test_metrics": "validation_metrics",
    "hyperparams": "hyperparameters",
    "hyper_parameters": "hyperparameters",
    "params": "hyperparameters",
    "parameters": "hyperparameters",
    "training_parameters": "hyperparameters",
    "flavor": "flavour",
    "run_id": "training_run_id",
    "trained_at": "training_timestamp",
    "dataset_version": "data_version",
    "features_version": "feature_version",
    "git_commit": "code_version",
    "commit": "code_version",
    "dataset": "training_data",
    "training_dataset": "training_data",
    "optimiser": "optimizer",
    "loss": "loss_function",
    "resource_utilization": "resource_utilisation",
    "environment_info": "environment",
    "author": "created_by",
    "release_notes": "changelog",
}
"""Other names under which documents give a field."""

SYSTEM_FIELDS = frozenset(
    {
        "environments",
        "successor",
        "id",
        "version_id",
        "model_id",
        "number",
        "revision",
        "name",
        "model_name",
        "version",
        "stage",
        "label",
        "status",
        "parent",
        "parent_id",
        "parent_model_id",
        "created_at",
        "updated_at",
        "deployed",
        "serving",
        "unproven",
        "deprecated",
        "deprecation_reason",
        "aliases",
        "completeness",
        "missing",
        "digest",
        "model_hash",
        "model_size_bytes",
        "artifact_path",
        "artifact_uri",
        "files",
    }
)
"""What the registry decides, or `identity` reads; a document that was exported before has these too."""

_STORED = "READY"

ESSENTIAL = (
    ("description",),
    ("metrics", "validation_metrics"),
    ("hyperparameters",),
    ("framework",),
    ("data_version", "training_data", "data_lineage"),
    ("code_version",),
    ("created_by", "owner"),
    ("input_schema",),
    ("output_schema",),
)
"""The fields that complete metadata has; of a line with several, one is enough, and the first names what is missing."""


def normalise(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `wire.Metadata` that a free-form document gives, not checked yet; see rule 1.

    Raises:
        InvalidMetadata: it is no mapping by texts, or two names of one field disagree.
    """
    found: dict[str, Any] = {}
    for key, value in _items(document):
        name = _field_name(key, value)
        if value is None or name is None:
            continue
        given = value if name in METADATA_FIELDS else {key: value}
        field = name if name in METADATA_FIELDS else _home(name, value)
        found[field] = _merged(field, found[field], given) if field in found else given
    return found


def identity(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a free-form document says of which version it is: some of name, version, stage, label and parent."""
    found: dict[str, Any] = {}
    keys = {
        "name": ("name", "model_name"),
        "version": ("version",),
        "stage": ("stage",),
        "label": ("label", "status"),
        "parent": ("parent", "parent_id", "parent_model_id"),
    }
    values = dict(_items(document))
    for field, names in keys.items():
        given = [values[name] for name in names if _is_given(values.get(name)) and _says_label(name, values[name])]
        if given:
            found[field] = given[0]
    return found


def check_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they will be stored: `wire.Metadata(**check_fields(fields))` is sound.

    Raises:
        InvalidMetadata: a field is unknown, or its value has not the form of its kind.
        InvalidMetric: a metric or a score is no finite number.
        InvalidName: a metric's name or a tag's key is not usable.
    """
    checked = {}
    for field, value in fields.items():
        if field not in CHECKS:
            raise InvalidMetadata(f"there is no metadata field {shown(field)}", hint="put other facts into extra")
        if value is not None:
            checked[field] = CHECKS[field](field, value)
    return checked


def check_extra(extra: object) -> None:
    """Refuse other facts under the name of a metadata field: nothing would look for the field there.

    Raises:
        InvalidMetadata: a key of `extra` is a metadata field.
    """
    fields = sorted(set(extra) & set(METADATA_FIELDS)) if isinstance(extra, Mapping) else []
    if fields:
        raise InvalidMetadata(
            f"extra has {shown(fields[0])}, which is a metadata field of its own",
            hint=f"give it as the argument {fields[0]}",
        )


def missing(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The essential fields that have no value, in the order of `ESSENTIAL`."""
    given = {field for field, value in fields.items() if _is_given(value)}
    return tuple(line[0] for line in ESSENTIAL if given.isdisjoint(line))


def completeness(fields: Mapping[str, Any]) -> Completeness:
    """The share of the essential fields that have a value, and those that have none."""
    gaps = missing(fields)
    return Completeness(score=round(1 - len(gaps) / len(ESSENTIAL), 4), missing=list(gaps))


def _items(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if not isinstance(document, Mapping):
        raise InvalidMetadata(
            f"metadata is {shown(document)}, not a mapping", hint="give an object of names and values"
        )
    for key in document:
        if not isinstance(key, str):
            raise InvalidMetadata(f"metadata has the key {shown(key)}", hint="keys are texts")
    return list(document.items())


def _field_name(key: str, value: object) -> str | None:
    """The canonical field of a key, the key itself where it is no field's name, or None for a system field."""
    if key == "status" and value != _STORED and not _says_label(key, value):
        return key
    if key in SYSTEM_FIELDS:
        return None
    if key == "loss" and _is_number(value):
        return key
    return SYNONYMS.get(key, key)


def _home(name: str, value: object) -> str:
    """Where a key that is no field belongs: with the metrics if it is one, else with the rest."""
    if not _is_number(value) or direction(name) is None:
        return "extra"
    return "training_metrics" if is_training(name) else "metrics"


def _merged(field: str, one: Any, other: Any) -> Any:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        clashes = sorted(str(key) for key in one.keys() & other.keys() if not _equal(one[key], other[key]))
        if not clashes:
            return {**one, **other}
        raise InvalidMetadata(f"{field} is given twice, and {shown(clashes[0])} has two values", hint="give it once")
    if not _equal(one, other):
        raise InvalidMetadata(f"{field} is given twice, as {shown(one)} and as {shown(other)}", hint="give it once")
    return one


def _equal(one: object, other: object) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def _says_label(key: str, value: object) -> bool:
    """False for a `status` that is no label, such as the READY of a stored version."""
    return key != "status" or (isinstance(value, str) and value.strip().lower() in LABELS)


def _is_number(value: object) -> bool:
    try:
        check_number(value)
    except ValueError:
        return False
    return True


def _is_given(value: object) -> bool:
    return bool(value) and (not isinstance(value, str) or not value.isspace())


def _word(field: str, value: object) -> str:
    return check_text(field, value, LONGEST_WORD)


def _text(field: str, value: Any) -> str:
    """A long text; a list of lines, as people write known issues, is joined."""
    if isinstance(value, list | tuple) and all(isinstance(line, str) for line in value):
        return check_text(field, "\n".join(value))
    return check_text(field, value)


def _facts(field: str, value: Any) -> str:
    """A text; a number (a data version 2) is written as text, a mapping or a list as JSON."""
    if isinstance(value, str):
        return check_text(field, value)
    return check_text(field, json.dumps(check_json(field, value), ensure_ascii=False))


def _time(field: str, value: object) -> str:
    return "" if value == "" else check_timestamp(field, value)


def _resources(field: str, value: object) -> dict[str, float]:
    """Numbers by name; a single number is the total."""
    return check_metrics({"total": value} if _is_number(value) else value, field)


def _mapping(field: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidMetadata(
            f"{field} is {shown(value)}, not a mapping", hint=f"give {field} as names with their values"
        )
    plain: dict[str, Any] = check_json(field, value)
    return plain


def _numbers(field: str, value: object) -> dict[str, float]:
    checked = check_metrics(value, field)
    spellings: dict[str, str] = {}
    for name, number in checked.items():
        other = spellings.setdefault(canonical(name), name)
        if checked[other] != number:
            raise InvalidMetric(
                f"{field}: {shown(other)} and {shown(name)} are one metric, and their values differ",
                hint="give one of them",
            )
    return checked


def performance(fields: Mapping[str, Any]) -> dict[str, float]:
    """What a version is judged by: its metrics, completed by the validation metrics that are not among them."""
    metrics = fields.get("metrics", {})
    known = {canonical(name) for name in metrics}
    validated = fields.get("validation_metrics", {})
    return {**{name: value for name, value in validated.items() if canonical(name) not in known}, **metrics}


def _schema(field: str, value: object) -> dict[str, Any]:
    return check_schema(value, field)


CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("description", "changelog", "migration_notes", "known_issues", "architecture"), _text),
    **dict.fromkeys(("framework", "framework_version", "model_type", "flavour", "created_by", "owner", "team"), _word),
    **dict.fromkeys(("training_run_id", "data_version", "feature_version", "code_version", "training_data"), _facts),
    **dict.fromkeys(("optimizer", "loss_function"), _facts),
    "allow_breaking": _word,
    "source": _text,
    **dict.fromkeys(("metrics", "training_metrics", "validation_metrics"), _numbers),
    **dict.fromkeys(("hyperparameters", "data_lineage", "environment", "extra"), _mapping),
    **dict.fromkeys(("input_schema", "output_schema"), _schema),
    "resource_utilisation": _resources,
    "input_example": check_json,
    "provider": lambda _field, value: check_provider(value) if value != {} else {},
    "tags": lambda _field, value: check_tags(value),
    "metric_samples": lambda _field, value: check_samples(value),
    "sample_size": check_count,
    "training_timestamp": _time,
}
"""The check of every metadata field, by its kind."""
