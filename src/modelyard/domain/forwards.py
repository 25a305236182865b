"""Forwards: versions that are sent on to a tracking system, and what of a version is told there.

A forward is one version on its way to one target:

    pending ── sent            it is there; a later change of what was told makes it pending again
       └────── failed          it was given up, or waiting cannot help; a retry makes it pending again

Rules
1. Sent on is what is registered here. What an import brought along from another system is left where it came from.
2. A change of what a target is told (`TOLD`) is sent too; files are sent once, because they never change.
3. What a target is told follows from the version's record alone, so that telling it twice tells the same.
4. Names and values that a target does not take are made such that it does: what it has no room for is cut off, other
   characters become `_`, and where two names become the same one, the later gets a number.
5. A tag of the version never stands in the place of one by which modelyard finds the run again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.domain.durations import parsed
from modelyard.domain.wire import VersionRecord

MLFLOW: Final = "mlflow"
WANDB: Final = "wandb"
TARGETS: Final = (MLFLOW, WANDB)

PENDING: Final = "pending"
SENT: Final = "sent"
FAILED: Final = "failed"
STATES: Final = (PENDING, SENT, FAILED)

TOLD: Final = frozenset(
    {
        "description", "tags", "metrics", "training_metrics", "validation_metrics", "hyperparameters", "label",
        "framework", "framework_version", "model_type", "architecture", "training_data", "training_run_id",
        "data_version", "feature_version", "code_version", "owner", "team", "created_by",
    }
)  # fmt: skip
"""What of a version's metadata a target is told."""

OURS: Final = "modelyard."
"""How the tags begin by which modelyard knows its runs."""
VERSION_ID: Final = f"{OURS}version_id"
THEIRS: Final = "mlflow."
"""How the tags begin that mean something to MLflow itself."""
NOTE: Final = "mlflow.note.content"

LONGEST_KEY: Final = 250
LONGEST_PARAM: Final = 6000
LONGEST_TAG: Final = 5000
LONGEST_NAME: Final = 128

_FACTS: Final = (
    "label", "framework", "framework_version", "model_type", "architecture", "training_data", "training_run_id",
    "data_version", "feature_version", "code_version", "owner", "team", "created_by",
)  # fmt: skip
_FOREIGN: Final = re.compile(r"[^\w.\- /]")
_FOREIGN_IN_NAME: Final = re.compile(r"[^A-Za-z0-9_.\-]")
_FOREIGN_IN_ALIAS: Final = re.compile(r"[/:]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Landing:
    """Where a version went: the run's id and address there, and what was left out and why."""

    run_id: str = ""
    url: str = ""
    note: str = ""
    has_files: bool = False
    """Whether the files need not be sent again: they are there, or were left out on purpose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What of a version is told to every target; times are moments as records have them."""

    version_id: str
    model: str
    version: str
    label: str = ""
    digest: str = ""
    description: str = ""
    created_at: str
    updated_at: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Those of training and validation begin with `training_` and `validation_`."""
    facts: dict[str, str] = field(default_factory=dict)
    """What else is known, by the names of metadata fields."""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class MlflowRun:
    """What MLflow is told: all of it legal there."""

    name: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    started_ms: int
    told_ms: int
    """The time of the metrics: telling the same ones again adds nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WandbRun:
    """What Weights & Biases is told: all of it legal there."""

    run_id: str
    name: str
    notes: str
    config: dict[str, Any]
    summary: dict[str, float]
    artifact: str
    aliases: list[str]
    metadata: dict[str, Any]


def is_forwarded(document: Mapping[str, Any]) -> bool:
    """Whether a version with this metadata is sent on; one that was imported is not."""
    return "imported" not in document.get("extra", {})


def told_of(record: VersionRecord) -> Told:
    """Return what of a version targets are told."""
    groups = (("", record.metrics), ("training_", record.training_metrics), ("validation_", record.validation_metrics))
    facts = {name: str(getattr(record, name)) for name in _FACTS if getattr(record, name)}
    return Told(
        version_id=record.id,
        model=record.name,
        version=record.version,
        label=record.label,
        digest=record.digest,
        description=record.description,
        created_at=record.created_at,
        updated_at=record.updated_at,
        hyperparameters=record.hyperparameters,
        metrics=distinct((f"{prefix}{name}", value) for prefix, group in groups for name, value in group.items()),
        facts=facts,
        tags=record.tags,
    )


def mlflow_run(told: Told) -> MlflowRun:
    """Return what MLflow is told of a version."""
    params = distinct((mlflow_key(name), value) for name, value in flattened(told.hyperparameters))
    metrics = distinct((mlflow_key(name), value) for name, value in told.metrics.items())
    own = {**told.facts, "model": told.model, "version": told.version, "version_id": told.version_id}
    if told.digest:
        own["digest"] = told.digest
    given = ((key, value) for key, value in told.tags.items() if not key.startswith((OURS, THEIRS)))
    tags = distinct((mlflow_key(key), value) for key, value in given)
    tags |= {f"{OURS}{key}": value for key, value in own.items()}
    if told.description:
        tags[NOTE] = told.description
    return MlflowRun(
        name=title_of(told),
        params={key: value[:LONGEST_PARAM] for key, value in params.items()},
        metrics=metrics,
        tags={key: value[:LONGEST_TAG] for key, value in tags.items()},
        started_ms=milliseconds(told.created_at),
        told_ms=milliseconds(told.updated_at),
    )


def wandb_run(told: Told) -> WandbRun:
    """Return what Weights & Biases is told of a version. The run's id follows from the version's: it is made once."""
    identity = {"model": told.model, "version": told.version, "version_id": told.version_id, "digest": told.digest}
    known = {key: value for key, value in {**identity, **told.facts}.items() if value}
    aliases = [told.version, told.label]
    return WandbRun(
        run_id=f"modelyard-{told.version_id}",
        name=title_of(told),
        notes=told.description,
        config={**told.hyperparameters, "modelyard": {**known, **({"tags": told.tags} if told.tags else {})}},
        summary=told.metrics,
        artifact=_FOREIGN_IN_NAME.sub("_", told.model)[:LONGEST_NAME],
        aliases=list(dict.fromkeys(_FOREIGN_IN_ALIAS.sub("_", alias) for alias in aliases if alias)),
        metadata={**known, **told.metrics},
    )


def title_of(told: Told) -> str:
    """Return a run's name for people."""
    return f"{told.model} {told.version}"


def mlflow_key(text: str) -> str:
    """Return a name as MLflow takes one: it stands for a path that means itself, of characters that it knows."""
    path = _FOREIGN.sub("_", text)[:LONGEST_KEY]
    parts = [part for part in path.split("/") if part not in {"", "."}]
    name = "/".join(part if part != ".." else "_" for part in parts) or "_"
    # MLflow takes every path that begins with two dots for one that leads upwards.
    return f"__{name[2:]}" if name.startswith("..") else name


def distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as a mapping; of two with one name, the later gets `_2`, `_3`, … behind it."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 1
        while name in found:
            number += 1
            ending = f"_{number}"
            name = f"{key[: LONGEST_KEY - len(ending)]}{ending}"
        found[name] = value
    return found


def flattened(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    """Yield nested values by dotted names, each as text: texts as they are, and everything else as JSON."""
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{name}.")
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def milliseconds(moment: str) -> int:
    """Return a record's moment in milliseconds since 1970."""
    return int(parsed(moment).timestamp() * 1000)
