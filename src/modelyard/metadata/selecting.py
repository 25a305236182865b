"""Which rows a selection chooses: conditions on models and on versions, and whom to begin with where it chooses few.

Rules
- A condition looks one row up by keys. So a list goes along its own order and stops when a page is full, which takes
  long only where few rows fit. These are found the other way round: by the index of what is demanded (`few_…`).
- What `few_…` returns holds all that fit, and maybe others; the conditions are asked as well.
- Rows of deleted models and versions may be among them; who lists has left those out anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from modelyard.domain.selection import Selection, Tag
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import (
    DEFAULT_WORKSPACE,
    model_tags,
    models,
    placements,
    version_tags,
    versions,
)
from modelyard.metadata.tags import HEAD

FEW: Final = 5_000
"""Up to so many rows are looked at one by one. Where there are more, a page is full soon enough without them."""

FEW_MODELS: Final = 500
"""The same of models by a tag, and of models whose versions are looked at."""

_Conditions = Iterator[ColumnElement[bool]]


def of_models(wanted: Selection, *, placed: bool) -> _Conditions:
    """Yield the conditions that a model meets; `placed`: the stage may also be one of an environment."""
    if wanted.owner:
        yield models.c.owner == wanted.owner
    if wanted.team:
        yield models.c.team == wanted.team
    if wanted.tag is not None:
        yield _model_has(models.c.id, wanted.tag)
    if wanted.stage:
        own = exists().where(
            versions.c.model_id == models.c.id, versions.c.stage == wanted.stage, versions.c.deleted_at.is_(None)
        )
        there = exists().where(
            placements.c.model_id == models.c.id,
            placements.c.stage == wanted.stage,
            placements.c.version_seq == versions.c.seq,
            versions.c.deleted_at.is_(None),
        )
        yield or_(own, there) if placed else own


def of_versions(wanted: Selection, *, placed: bool) -> _Conditions:
    """Yield the conditions that a version meets; what it does not say itself, its model says."""
    for own, of_model, value in _said_of(wanted):
        inherited = exists().where(models.c.id == versions.c.model_id, of_model == value)
        yield or_(own == value, and_(own == "", inherited))
    if wanted.tag is not None:
        has_key = exists().where(version_tags.c.version_seq == versions.c.seq, version_tags.c.key == wanted.tag.key)
        yield or_(
            has_key.where(*_valued(version_tags, wanted.tag)),
            and_(~has_key, _model_has(versions.c.model_id, wanted.tag)),
        )
    if wanted.stage:
        there = exists().where(placements.c.version_seq == versions.c.seq, placements.c.stage == wanted.stage)
        yield or_(versions.c.stage == wanted.stage, there) if placed else versions.c.stage == wanted.stage


def few_models(tx: Transaction, wanted: Selection, *, placed: bool) -> list[str] | None:
    """Return the ids of the models that may fit, where some demand leaves few; None where none does.

    Owner and team are not asked for: the index by these has the models in the order of the list.
    """
    if wanted.tag is not None:
        found = _few(tx, _tagged(model_tags.c.model_id, wanted.tag), most=FEW_MODELS)
        if found is not None:
            return found
    if wanted.stage:
        return _few(tx, *_in_stage(versions.c.model_id, placements.c.model_id, wanted.stage, placed=placed))
    return None


def few_versions(tx: Transaction, wanted: Selection, *, placed: bool) -> list[int] | None:
    """Return the sequence numbers of the versions that may fit, where some demand leaves few; None where none does."""
    if wanted.stage:
        found = _few(tx, *_in_stage(versions.c.seq, placements.c.version_seq, wanted.stage, placed=placed))
        if found is not None:
            return found
    for own, of_model in _sources(wanted):
        found = _few_said(tx, own, of_model)
        if found is not None:
            return found
    return None


def _few_said(tx: Transaction, own: Select[Any], of_model: Select[Any]) -> list[int] | None:
    """Return the versions that say something themselves, and those of the models that say it."""
    said = _few(tx, own)
    # The models first, and then their versions: at once, PostgreSQL would rather read all versions.
    theirs = None if said is None else _few(tx, of_model, most=FEW_MODELS)
    inherited = None if theirs is None else _few(tx, select(versions.c.seq).where(versions.c.model_id.in_(theirs)))
    return None if said is None or inherited is None else [*{*said, *inherited}]


def _sources(wanted: Selection) -> Iterator[tuple[Select[Any], Select[Any]]]:
    """Yield, for each demand that models can meet for their versions, the queries for such versions and such models."""
    if wanted.tag is not None:
        yield _tagged(version_tags.c.version_seq, wanted.tag), _tagged(model_tags.c.model_id, wanted.tag)
    for own, of_model, value in _said_of(wanted):
        yield select(versions.c.seq).where(own == value), select(models.c.id).where(of_model == value)


def _said_of(wanted: Selection) -> Iterator[tuple[ColumnElement[str], ColumnElement[str], str]]:
    """Yield what is demanded of columns that versions and models both have: theirs, and the value."""
    if wanted.owner:
        yield versions.c.owner, models.c.owner, wanted.owner
    if wanted.team:
        yield versions.c.team, models.c.team, wanted.team


def _few(tx: Transaction, *sources: Select[Any], most: int | None = None) -> list[Any] | None:
    most = FEW if most is None else most
    found: set[Any] = set()
    for source in sources:
        rows = tx.all(source.limit(most + 1))
        if len(rows) > most:
            return None
        found.update(row[0] for row in rows)
    return list(found)


def _in_stage(own: Any, there: Any, stage: str, *, placed: bool) -> tuple[Select[Any], ...]:
    standing = select(own).where(versions.c.workspace == DEFAULT_WORKSPACE, versions.c.stage == stage)
    return (standing, select(there).where(placements.c.stage == stage)) if placed else (standing,)


def _tagged(owner: Any, tag: Tag) -> Select[Any]:
    table = owner.table
    return select(owner).where(table.c.key == tag.key, *_valued(table, tag))


def _model_has(model_id: ColumnElement[str], tag: Tag) -> ColumnElement[bool]:
    return exists().where(model_tags.c.model_id == model_id, model_tags.c.key == tag.key, *_valued(model_tags, tag))


def _valued(table: Any, tag: Tag) -> _Conditions:
    if tag.value is not None:
        yield table.c.head == tag.value[:HEAD]
        yield table.c.value == tag.value
