"""Find models and versions by MLflow's filters, in an order, page by page.

Rules
- Conditions on tags are asked of the tables of tags, which have an index by key and value.
- LIKE tells upper case from lower case on every database, and ILIKE does not; no character escapes another.
- A page begins behind the last row of the page before, by all fields of the order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from modelyard.domain.mlflow.filters import PROMPT_TAG, Clause, Filter
from modelyard.domain.mlflow.ordering import Order
from modelyard.metadata.database import Transaction
from modelyard.metadata.scopes import EVERY_MODEL, limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, model_tags, models, version_tags, versions
from modelyard.metadata.tags import HEAD

_MODELS = select(models).where(models.c.workspace == DEFAULT_WORKSPACE, models.c.live_name.is_not(None))
_VERSIONS = (
    select(versions, models.c.name)
    .join(models, models.c.id == versions.c.model_id)
    .where(versions.c.workspace == DEFAULT_WORKSPACE, versions.c.deleted_at.is_(None))
)
_BY_SEQS = _VERSIONS.where(versions.c.seq.in_(bindparam("seqs", expanding=True))).order_by(versions.c.number.desc())
_NEWEST_OF = _VERSIONS.where(versions.c.model_id == bindparam("model_id")).order_by(versions.c.number.desc()).limit(1)
_MODEL_COLUMNS: Mapping[str, ColumnElement[Any]] = {"name": models.c.live_name, "edited_at": models.c.edited_at}
_VERSION_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "name": models.c.live_name,
    "run_id": versions.c.run_id,
    "source_path": func.coalesce(versions.c.source, ""),
    "version_number": versions.c.number,
    "number": versions.c.number,
    "created_at": versions.c.created_at,
    "edited_at": versions.c.edited_at,
}
_COMPARE: Mapping[str, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "IN": lambda column, value: column.in_(value),
}


@dataclass(frozen=True)
class _Tags:
    """A table of tags, its column of owners, and the column of the owner that it points to."""

    table: Table
    owner: ColumnElement[Any]
    key: ColumnElement[Any]


_OF_MODELS = _Tags(model_tags, model_tags.c.model_id, models.c.id)
_OF_VERSIONS = _Tags(version_tags, version_tags.c.version_seq, versions.c.seq)


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched.

    Attributes:
        wanted: which rows.
        order: in which order.
        after: the values of the order's fields in the last row that was seen; none from the beginning on.
        limit: how many rows at most.
        seen: patterns of the models that may be shown.
    """

    wanted: Filter
    order: Order
    after: Sequence[Any] = ()
    limit: int
    seen: Sequence[str] = EVERY_MODEL


def find_models(tx: Transaction, search: Search) -> list[Row[Any]]:
    """Return rows of live models."""
    return _page(tx, _MODELS, search, _MODEL_COLUMNS, _OF_MODELS)


def find_versions(tx: Transaction, search: Search) -> list[Row[Any]]:
    """Return rows of live versions, with their model's name as `name`."""
    return _page(tx, _VERSIONS, search, _VERSION_COLUMNS, _OF_VERSIONS)


def newest(tx: Transaction, model_ids: Sequence[str], stages: Sequence[str]) -> list[Row[Any]]:
    """Return the newest version of some models in each of some stages; one step down an index for each."""
    if not model_ids or not stages:
        return []
    rows = tx.all(_newest(tuple(stages)), {"keys": list(model_ids)})
    return list(tx.all(_BY_SEQS, {"seqs": [seq for row in rows for seq in row if seq is not None]}))


@cache
def _newest(stages: tuple[str, ...]) -> Select[Any]:
    top = (
        select(versions.c.seq)
        .where(versions.c.model_id == models.c.id, versions.c.deleted_at.is_(None))
        .order_by(versions.c.number.desc())
        .limit(1)
        .correlate(models)
    )
    columns = [top.where(versions.c.stage == stage).scalar_subquery() for stage in stages]
    return select(*columns).where(models.c.id.in_(bindparam("keys", expanding=True)))


def _page(
    tx: Transaction, query: Select[Any], search: Search, columns: Mapping[str, ColumnElement[Any]], tags: _Tags
) -> list[Row[Any]]:
    conditions = [_condition(tx.dialect, clause, columns, tags) for clause in search.wanted.clauses]
    if search.wanted.prompts is not None:
        conditions.append(_is_prompt(tags, wanted=search.wanted.prompts))
    keys = [(columns[by.column], by.descending) for by in search.order]
    if search.after:
        conditions.append(_behind(keys, search.after))
    query = limited(query, models.c.live_name, search.seen).where(*conditions)
    ordered = query.order_by(*(column.desc() if descending else column.asc() for column, descending in keys))
    return list(tx.all(ordered.limit(search.limit)))


def _condition(
    dialect: str, clause: Clause, columns: Mapping[str, ColumnElement[Any]], tags: _Tags
) -> ColumnElement[bool]:
    if clause.kind == "attribute":
        return _holds(dialect, columns[clause.key], clause)
    value = tags.table.c.value
    fits = _holds(dialect, value, clause)
    if clause.operator == "=":
        fits = and_(tags.table.c.head == str(clause.value)[:HEAD], fits)
    return tags.key.in_(select(tags.owner).where(tags.table.c.key == clause.key, fits))


def _holds(dialect: str, column: ColumnElement[Any], clause: Clause) -> ColumnElement[bool]:
    if clause.operator in _COMPARE:
        value = list(clause.value) if isinstance(clause.value, tuple) else _compared(clause.value)
        return _COMPARE[clause.operator](column, value)
    pattern = str(clause.value)
    if dialect == "postgresql":
        # Without this, a backslash would escape the character behind it.
        return column.like(pattern, escape="") if clause.operator == "LIKE" else column.ilike(pattern, escape="")
    if clause.operator == "LIKE":
        return column.op("GLOB", is_comparison=True)(_glob(pattern))
    return column.op("LIKE", is_comparison=True)(pattern)


def _glob(pattern: str) -> str:
    """A pattern of LIKE as one of GLOB, which tells upper case from lower case in SQLite."""
    special = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(special.get(character, character) for character in pattern)


def _is_prompt(tags: _Tags, *, wanted: bool) -> ColumnElement[bool]:
    """Look one row up. A list of all prompts, or of all that are none, would be made for each page."""
    table = tags.table
    found = exists().where(tags.owner == tags.key, table.c.key == PROMPT_TAG, table.c.head == "true")
    return found if wanted else ~found


def _behind(keys: Sequence[tuple[ColumnElement[Any], bool]], after: Sequence[Any]) -> ColumnElement[bool]:
    """Rows behind the last one: a later first field, or the same one and a later second field, and so on."""
    behind: list[ColumnElement[bool]] = []
    same: ColumnElement[bool] = true()
    for (column, descending), last in zip(keys, after, strict=True):
        value = _compared(last)
        behind.append(and_(same, column < value if descending else column > value))
        same = and_(same, column == value)
    return or_(false(), *behind)


def _compared(value: str | int) -> Any:
    """A value to compare a column with. PostgreSQL would refuse a number that the column itself cannot hold."""
    return literal(value, BigInteger) if isinstance(value, int) else value


def newest_of(tx: Transaction, model_id: str) -> Row[Any] | None:
    """Return the newest version of a model."""
    return tx.first(_NEWEST_OF, {"model_id": model_id})
