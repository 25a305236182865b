"""From what an MLflow server tells about a model version to what is recorded about it here.

Rules
1. Tags and the description stay as they are. Metrics are the run's, and over them those of the logged model. A metric
   that is not finite, or is one with another under our spelling and has another value, goes to `extra["imported"]`.
2. Parameters are texts, as MLflow stores them; the version's own (`model_params`) win over the run's.
3. The SemVer is the tag `modelyard.version`, or else a tag named `version` or `semver` that is one, with or without a
   `v`; where there is none, the registry chooses the next number.
4. `training_run_id` is the run's id, `code_version` its git commit, `training_timestamp` its end, or else its start.
   Datasets of the run stand in `data_lineage`, each with its digest as its version.
5. `source` is the source as it was given there. One that names another version (`models:/NAME/NUMBER`) is a copy; that
   version is the parent. Secrets in this and in every other address stay where they are.
6. `extra["imported"]` holds what has no place here, and what tells an imported version again: where from, model, number
   and the time of its making there.
7. Numbers may come as text. What is absent is left out; nothing here fails on an answer of another MLflow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from modelyard.domain.addresses import without_secrets
from modelyard.domain.directions import canonical
from modelyard.domain.mlflow.stages import NAMES
from modelyard.domain.mlflow.stages import canonical as stage_name
from modelyard.domain.stages import ModelStage
from modelyard.domain.versions import SemVer
from modelyard.errors import InvalidVersion

KIND: Final = "mlflow"
VERSION_TAG: Final = "modelyard.version"
_VERSION_TAGS: Final = ("version", "semver")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COPY: Final = re.compile(r"models:/([^/@]+)/([0-9]+)")
_OWN_TAGS: Final = "mlflow."
_RUN_FACTS: Final = {"mlflow.source.name": "source_name", "mlflow.source.type": "source_type"}
Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracked:
    """What the tracking server knows about a version; empty where it knows nothing."""

    run: Facts = field(default_factory=dict)
    experiment: str = ""
    """The experiment's name."""
    logged: Facts = field(default_factory=dict)
    """The logged model."""


def pairs(entries: object) -> dict[str, str]:
    """Return MLflow's list of `{key, value}` as a mapping; a value that is absent is empty."""
    listed = entries if isinstance(entries, Sequence) and not isinstance(entries, str) else ()
    return {str(entry["key"]): str(entry.get("value", "")) for entry in listed}


def origin(address: str, version: Facts) -> dict[str, Any]:
    """What tells a version of an MLflow server again, as `extra["imported"]` begins."""
    return {
        "from": KIND,
        "address": address,
        "name": str(version.get("name", "")),
        "number": int(version.get("version", 0)),
        "created_at": moment(version.get("creation_timestamp")),
    }


def identity(imported: object) -> tuple[str, str, int, str] | None:
    """The version elsewhere that a record's `extra["imported"]` names; None where it names none.

    The address is no part of it: one server may be called by several.
    """
    if not isinstance(imported, Mapping):
        return None
    number = imported.get("number")
    if imported.get("from") != KIND or not isinstance(number, int):
        return None
    return KIND, str(imported.get("name", "")), number, str(imported.get("created_at", ""))


def copied_from(version: Facts) -> tuple[str, int] | None:
    """The name and the number of the version that this one is a copy of, if it is one."""
    found = _COPY.fullmatch(str(version.get("source", "")))
    return (unquote(found[1]), int(found[2])) if found else None


def stage_of(version: Facts) -> ModelStage:
    """The stage here for the stage there."""
    return NAMES[stage_name(str(version.get("current_stage", ""))) or "None"]


def semver_of(tags: Mapping[str, str]) -> str | None:
    """The SemVer that a version's tags tell; see rule 3."""
    lower = {key.lower(): value for key, value in tags.items()}
    for key in (VERSION_TAG, *_VERSION_TAGS):
        with suppress(InvalidVersion):
            return SemVer.parse(re.sub(r"^[vV](?=[0-9])", "", lower.get(key, "").strip())).text
    return None


def document(address: str, version: Facts, tracked: Tracked) -> dict[str, Any]:
    """Return the metadata fields of an imported version, without what is empty; see the rules."""
    data, info = _at(tracked.run, "data"), _at(tracked.run, "info")
    run_tags = pairs(data.get("tags"))
    metrics, odd = _metrics(
        data.get("metrics"), _at(tracked.logged, "data").get("metrics"), version.get("model_metrics")
    )
    imported = {
        **origin(address, version),
        "updated_at": moment(version.get("last_updated_timestamp")),
        "created_by": str(version.get("user_id", "")),
        "status": str(version.get("status", "")) if version.get("status", "READY") != "READY" else "",
        "run_link": without_secrets(str(version.get("run_link", ""))),
        "logged_model": str(version.get("model_id", "")),
        "run": _run(info, run_tags, tracked.experiment),
        "metrics": odd,
    }
    fields = {
        "description": str(version.get("description", "")),
        "tags": pairs(version.get("tags")),
        "metrics": metrics,
        "hyperparameters": pairs(data.get("params"))
        | pairs(_at(tracked.logged, "data").get("params"))
        | pairs(version.get("model_params")),
        "training_run_id": str(version.get("run_id", "")) or str(_at(tracked.logged, "info").get("source_run_id", "")),
        "training_timestamp": moment(info.get("end_time")) or moment(info.get("start_time")),
        "code_version": run_tags.get("mlflow.source.git.commit", ""),
        "data_lineage": _datasets(_at(tracked.run, "inputs").get("dataset_inputs")),
        "created_by": str(version.get("user_id", "")) or run_tags.get("mlflow.user", ""),
        "source": without_secrets(str(version.get("source", ""))),
        "extra": {"imported": {key: value for key, value in imported.items() if value not in ("", {}, [])}},
    }
    return {key: value for key, value in fields.items() if value not in ("", {}, [])}


def moment(milliseconds: object) -> str:
    """A time of MLflow's, in milliseconds since 1970, as ISO 8601 in UTC; empty where it is none."""
    try:
        count = int(str(milliseconds))
        at = _EPOCH + timedelta(milliseconds=count)
    except (ValueError, OverflowError):
        return ""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if count else ""


def _metrics(*lists: object) -> tuple[dict[str, float], dict[str, str]]:
    """Metrics by name, later lists over earlier ones; and those that cannot stand among them, as text."""
    found: dict[str, float] = {}
    odd: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for entries in lists:
        for key, text in pairs(entries).items():
            number = _number(text)
            first = spellings.setdefault(canonical(key), key)
            if number is None or (first != key and found.get(first, number) != number):
                odd[key] = text
            else:
                found[key] = number
    return found, odd


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _datasets(inputs: object) -> dict[str, Any]:
    found = []
    for entry in inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else ():
        dataset = _at(entry, "dataset")
        context = pairs(entry.get("tags")).get("mlflow.data.context", "")
        facts = {
            "name": dataset.get("name", ""),
            "version": dataset.get("digest", ""),
            "source_type": dataset.get("source_type", ""),
            "source": without_secrets(str(dataset.get("source", ""))),
            "context": context,
        }
        found.append({key: str(value) for key, value in facts.items() if value})
    return {"datasets": found} if found else {}


def _run(info: Facts, tags: Mapping[str, str], experiment: str) -> dict[str, Any]:
    facts = {
        "name": str(info.get("run_name", "")),
        "status": str(info.get("status", "")),
        "experiment": experiment,
        "experiment_id": str(info.get("experiment_id", "")),
        "user": tags.get("mlflow.user", "") or str(info.get("user_id", "")),
        "started_at": moment(info.get("start_time")),
        "ended_at": moment(info.get("end_time")),
        **{name: without_secrets(tags.get(key, "")) for key, name in _RUN_FACTS.items()},
        "tags": {key: value for key, value in tags.items() if not key.startswith(_OWN_TAGS)},
    }
    return {key: value for key, value in facts.items() if value}


def _at(mapping: object, key: str) -> Facts:
    found = mapping.get(key) if isinstance(mapping, Mapping) else None
    return found if isinstance(found, Mapping) else {}
