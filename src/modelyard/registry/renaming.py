"""Rename: a model gets another name, and everything that is its own comes along.

Rules
- Versions, numbers, stages, aliases, tags and the chain of events stay; the old name is free at once.
- What refers to a model by name outside of it does not follow: grants, patterns of webhooks, rules of alerts,
  applications. So a model that serves is renamed by force alone.
- Who renames may make a model of the new name, too: otherwise a pattern of names would be no fence.
- A moment before the change knows the model by its old name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Row, exc

from modelyard.domain.names import model_name, shown
from modelyard.domain.wire import ModelRecord
from modelyard.errors import InUse, ModelExists
from modelyard.metadata import models, versions
from modelyard.operations import CREATE_MODEL, RENAME_MODEL, RenameModel
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.holding import serving_of_model
from modelyard.registry.lookup import check_revision, document, find_model, model_record
from modelyard.registry.publish import index_words
from modelyard.registry.views import mark_stale

PAGE = 500


class _Gone(NamedTuple):
    """A version under the name that it has no more."""

    id: str
    name: str
    version: str


@serves(RENAME_MODEL)
def rename_model(context: Context, request: RenameModel) -> ModelRecord:
    """Give a model another name; the name that it has already changes nothing.

    Raises:
        ModelExists: a live model has the new name.
        InUse: an endpoint of the model serves, and `force` is not given.
    """
    wanted = model_name(request.new_name)
    model = find_model(context, request.name, lock=True)
    check_revision(model, request.if_match, model.name)
    context.require(CREATE_MODEL.permission, wanted)
    if wanted == model.name:
        return model_record(context, model)
    _refuse_serving(context, model, force=request.force)
    _take_name(context, model, wanted)
    _follow(context, model)
    return model_record(context, find_model(context, wanted, permission=CREATE_MODEL.permission))


def _refuse_serving(context: Context, model: Row[Any], *, force: bool) -> None:
    serving = serving_of_model(context, model.id)
    if serving and not force:
        named = ", ".join(f"{holder['kind']} {holder['name']}" for holder in serving[:5])
        raise InUse(
            f"{model.name} serves ({named}), and its callers know it by this name",
            hint="tell the callers first and use force, or deploy it under the new name by `copy`",
            details={"holders": serving},
        )


def _take_name(context: Context, model: Row[Any], wanted: str) -> None:
    """Write the name. Its event is the last under the old one, by which the past finds the model."""
    taken = ModelExists(f"there is a model named {shown(wanted)} already", details={"name": wanted})
    if models.by_name(context.tx, wanted) is not None:
        raise taken
    context.tell(model_id=model.id, kind="model.renamed", data={"from": model.name, "to": wanted})
    try:
        with context.tx.savepoint():
            models.rename(context.tx, model.id, wanted, context.now)
    except exc.IntegrityError:
        # Another transaction took it between the look and the change; the unique name is what decides.
        raise taken from None
    models.touch(context.tx, model.id, context.now, edited=True)


def _follow(context: Context, model: Row[Any]) -> None:
    """Bring what holds the name along: the index of words, and the readable trees."""
    before: int | None = None
    while rows := versions.page(context.tx, model_id=model.id, before=before, limit=PAGE):
        for row in rows:
            index_words(context, row, document(row))
            mark_stale(context, _Gone(row.id, model.name, row.version))
            mark_stale(context, row)
        before = rows[-1].seq
