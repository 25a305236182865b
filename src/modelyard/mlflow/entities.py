"""What MLflow's clients read: registered models and model versions, made from rows.

Rules
- Times are milliseconds, cut and not rounded; `last_updated_timestamp` is the row's `edited_at`.
- A field that has no value is left out.
- The number of a version is a text. Its SemVer is the tag `VERSION_TAG`, where it says more than the number: where a
  person chose it. A version that an MLflow client registered without a wish shows the tags of that client, and no
  other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Row

from modelyard.domain.mlflow.stages import told
from modelyard.domain.wire import VersionRecord
from modelyard.metadata import aliases
from modelyard.mlflow.desk import Answer
from modelyard.registry.context import Context

VERSION_TAG: Final = "modelyard.version"
"""The tag that shows a version's SemVer, and by which a client may ask for one."""
EXTRA: Final = "mlflow"
"""The field of `extra` that keeps what only MLflow's clients know of a version."""


class Known(NamedTuple):
    """What only MLflow's clients know of a version; empty where they said nothing.

    Attributes:
        run_link: where its run is shown.
        model_id: the logged model that it was made of.
        copied: the id of the version at the beginning of a chain of copies.
        address: the source at the beginning of a chain of copies of a version without files.
        status_message: what there is to say about its status.
        is_numbered: whether the registry chose its SemVer.
    """

    run_link: str = ""
    model_id: str = ""
    copied: str = ""
    address: str = ""
    status_message: str = ""
    is_numbered: bool = False


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_read = msgspec.json.Decoder(dict[str, Any]).decode
_read_tags = msgspec.json.Decoder(dict[str, str]).decode
_TEXTS = [name for name in Known._fields if name != "is_numbered"]


def milliseconds(moment: str) -> int:
    """A moment of ours as MLflow tells it, cut to whole milliseconds."""
    since = datetime.fromisoformat(moment) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as MLflow's messages have them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def tags_of(row: Row[Any]) -> dict[str, str]:
    """The tags of a model's row."""
    return _read_tags(row.tags)


def known_of(document: Mapping[str, Any]) -> Known:
    """What a version's document keeps for MLflow's clients. Anybody may write into `extra`, and anything."""
    kept = document.get("extra", {}).get(EXTRA)
    if not isinstance(kept, Mapping):
        return Known()
    texts = {name: kept[name] for name in _TEXTS if isinstance(kept.get(name), str)}
    return Known(**texts, is_numbered=kept.get("numbered") is True)


def model_versions(context: Context, rows: Sequence[Row[Any]]) -> list[Answer]:
    """Model versions of rows, in one query for their aliases."""
    names = aliases.of_versions(context.tx, [row.id for row in rows])
    return [_version(row, names.get(row.id, [])) for row in rows]


def model_version(context: Context, row: Row[Any]) -> Answer:
    """The model version of one row."""
    return model_versions(context, [row])[0]


def newcomer(record: VersionRecord) -> Answer:
    """The model version that was registered just now, from its record."""
    document = {
        "description": record.description,
        "tags": record.tags,
        "source": record.source,
        "training_run_id": record.training_run_id,
        "created_by": record.created_by,
        "extra": record.extra,
    }
    row = SimpleNamespace(
        id=record.id, name=record.name, number=record.number, version=record.version, stage=record.stage,
        status=record.status, digest=record.digest, created_at=record.created_at, edited_at=record.created_at,
    )  # fmt: skip
    return _told(row, document, record.aliases)


def registered_models(context: Context, rows: Sequence[Row[Any]], latest: Iterable[Row[Any]]) -> list[Answer]:
    """Registered models of rows, each with its newest versions by stage."""
    newest: dict[str, list[Answer]] = defaultdict(list)
    found = list(latest)
    for row, version in zip(found, model_versions(context, found), strict=True):
        newest[row.model_id].append(version)
    names = aliases.of_models(context.tx, [row.id for row in rows])
    return [_model(row, newest[row.id], names.get(row.id, {})) for row in rows]


def _version(row: Row[Any], names: Sequence[str]) -> Answer:
    return _told(row, _read(row.document), names)


def _told(row: Any, document: Mapping[str, Any], names: Sequence[str]) -> Answer:
    known = known_of(document)
    tags = dict(document.get("tags", {}))
    if not known.is_numbered:
        tags.setdefault(VERSION_TAG, row.version)
    made: Answer = {
        "name": row.name,
        "version": str(row.number),
        "creation_timestamp": milliseconds(row.created_at),
        "last_updated_timestamp": milliseconds(row.edited_at),
        "current_stage": told(row.stage),
        "status": row.status,
        "source": document.get("source") or _own_source(row),
        "description": document.get("description", ""),
        "tags": tag_list(tags),
        "aliases": list(names),
    }
    optional = {
        "run_id": document.get("training_run_id"),
        "user_id": document.get("created_by"),
        "run_link": known.run_link,
        "model_id": known.model_id,
        "status_message": known.status_message,
    }
    return made | {name: value for name, value in optional.items() if value}


def _own_source(row: Any) -> str:
    """The source of a version that no MLflow client registered: our artifact proxy has its files by its id."""
    return f"mlflow-artifacts:/modelyard/{row.id}" if row.digest else f"models:/{row.name}/{row.number}"


def _model(row: Row[Any], latest: list[Answer], names: Mapping[str, int]) -> Answer:
    made: Answer = {
        "name": row.name,
        "creation_timestamp": milliseconds(row.created_at),
        "last_updated_timestamp": milliseconds(row.edited_at),
        "latest_versions": latest,
        "tags": tag_list(tags_of(row)),
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in names.items()],
    }
    return made | ({"description": row.description} if row.description else {})
