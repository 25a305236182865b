"""Tags to search by. They hold nothing of their own: they follow from the documents, and are written with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import model_tags, version_tags

HEAD = 250
"""Characters of a value that an index holds."""

_FORGET_MODEL = delete(model_tags).where(model_tags.c.model_id == bindparam("owner"))
_FORGET_VERSION = delete(version_tags).where(version_tags.c.version_seq == bindparam("owner"))
_INSERT_MODEL = insert(model_tags)
_INSERT_VERSION = insert(version_tags)


def of_model(tx: Transaction, model_id: str, tags: Mapping[str, str]) -> None:
    """Store a new model's tags."""
    if tags:
        tx.run(_INSERT_MODEL, _rows("model_id", model_id, tags))


def of_version(tx: Transaction, seq: int, tags: Mapping[str, str]) -> None:
    """Store a new version's tags."""
    if tags:
        tx.run(_INSERT_VERSION, _rows("version_seq", seq, tags))


def replace_of_model(tx: Transaction, model_id: str, tags: Mapping[str, str]) -> None:
    """Store a model's tags in place of those stored before."""
    tx.run(_FORGET_MODEL, {"owner": model_id})
    of_model(tx, model_id, tags)


def replace_of_version(tx: Transaction, seq: int, tags: Mapping[str, str]) -> None:
    """Store a version's tags in place of those stored before."""
    tx.run(_FORGET_VERSION, {"owner": seq})
    of_version(tx, seq, tags)


def _rows(owner: str, key: str | int, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{owner: key, "key": name, "head": value[:HEAD], "value": value} for name, value in tags.items()]
