"""Retire: delete a version or a model, unless something live holds it.

Rules
- A version is held by its aliases, by a live version that names it as its parent, and by standing in an exclusive stage
  (production). A model is held by each of its versions.
- The model's endpoints, live deployments, and the snapshots that a rollback would go back to hold it, too
  (`modelyard.registry.holding`).
- `force` deletes all the same: aliases go with the version, and the event lists what held it. But not what an endpoint
  or a live deployment holds: requests come for it this moment. So a model is not deleted while an endpoint serves.
- To archive, reject or deprecate a version changes no traffic, and is allowed while it serves; its record tells its
  share (`serving`). It cannot be deployed anew.
- Rows stay as tombstones, so that numbers are never reused; files go when the next garbage collection finds them
  unused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.domain.names import model_name
from modelyard.domain.references import PREFIX, Reference
from modelyard.domain.wire import Deleted
from modelyard.errors import InUse
from modelyard.metadata import aliases, models, placements, search, versions
from modelyard.operations import DELETE, Delete
from modelyard.registry.aliases import remove_alias
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.holding import IN_USE, holders_in_delivery, serving_of_model
from modelyard.registry.lookup import check_revision, find_model, find_reference
from modelyard.registry.moves import standing_of
from modelyard.registry.promoting import end_open
from modelyard.registry.views import mark_stale

EVERY = 1 << 30
STILL_USED = "roll the endpoint back or deploy another version, and end its live deployment, first; force does not help"
NAMED = 5


@serves(DELETE)
def delete(context: Context, request: Delete) -> Deleted:
    """Delete a version, or a whole model where only its name is given.

    Raises:
        InUse: something live holds it and `force` is not given, or it serves; `details["holders"]` lists what.
    """
    reference = Reference.parse(request.reference)
    if reference.model is not None and request.reference.removeprefix(PREFIX) == reference.model:
        return _delete_model(context, reference.model, request)
    row = find_reference(context, reference, lock=True)
    check_revision(row, request.if_match, f"{row.name} {row.version}")
    versions.condemn(context.tx, row.id)
    _refuse_held(f"{row.name} {row.version}", _holders(context, row), force=request.force)
    _bury(context, row, forced=request.force)
    models.touch(context.tx, row.model_id, context.now, edited=True)
    return Deleted(name=row.name, versions=[row.version])


def _delete_model(context: Context, name: str, request: Delete) -> Deleted:
    model = find_model(context, model_name(name), lock=True)
    check_revision(model, request.if_match, model.name)
    rows = versions.page(context.tx, model_id=model.id, limit=EVERY)
    serving = serving_of_model(context, model.id)
    holders = [*({"kind": "version", "name": row.version} for row in rows), *serving]
    _refuse_held(model.name, holders, force=request.force)
    for row in rows:
        _bury(context, row, forced=request.force)
    context.tell(
        model_id=model.id,
        kind="model.deleted",
        data={"versions": [row.version for row in rows]},
    )
    models.bury(context.tx, model.id, context.now)
    return Deleted(name=model.name, versions=[row.version for row in rows])


def _holders(context: Context, row: Row[Any]) -> list[dict[str, str]]:
    names = aliases.of_versions(context.tx, [row.id]).get(row.id, [])
    children = versions.children(context.tx, row.id)
    exclusive = context.graphs.of(row.model_id).exclusive
    return [
        *holders_in_delivery(context, row),
        *({"kind": "alias", "name": name} for name in names),
        *({"kind": "child", "name": _shown(context, child)} for child in children),
        *({"kind": "stage", "name": str(stage)} for stage in standing_of(context, row).stages if stage in exclusive),
    ]


def _shown(context: Context, child: Row[Any]) -> str:
    """A child as the refusal names it; that there is one is told, whose it is only to who may see that model."""
    return f"{child.name}/{child.version}" if context.sees(child.name) else "of another model"


def _refuse_held(what: str, holders: Sequence[dict[str, str]], *, force: bool) -> None:
    in_use = [holder for holder in holders if holder["kind"] in IN_USE]
    told = in_use if force else holders
    if not told:
        return
    named = ", ".join(f"{holder['kind']} {holder['name']}" for holder in told[:NAMED])
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    raise InUse(f"{what} is held by {named}{more}", hint=STILL_USED if in_use else None, details={"holders": told})


def _bury(context: Context, row: Row[Any], *, forced: bool) -> None:
    holders = _holders(context, row)
    for alias in aliases.of_model(context.tx, row.model_id):
        if alias.version_id == row.id:
            remove_alias(context, row.model_id, alias)
    search.forget(context.tx, row.seq)
    end_open(context, row)
    placements.leave(context.tx, row.seq)
    versions.bury(context.tx, row, context.now)
    models.lose_version(context.tx, row.model_id)
    context.tell(
        model_id=row.model_id,
        kind="version.deleted",
        version_id=row.id,
        data={"number": row.number, "version": row.version, "forced": forced, "holders": holders},
    )
    mark_stale(context, row)
