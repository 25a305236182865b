"""Rolling an endpoint back: to its last healthy snapshot, to a snapshot, or to a version.

Rules
- A rollback is a deployment of its own kind: it has a record, history and events, and is done when it is written.
- Where a deployment is live, the way back is its end: its traffic returns to what served before it; a version or
  snapshot that is named is restored behind that, in the same transaction.
- To go back means the newest healthy snapshot with another main version than the one that serves. Route, configuration,
  aliases and stages become what they were. Going back to a version that is named changes the route alone.
- Before anything is moved, the version is started and probed; one that does not answer is not gone back to, unless
  it is forced. Files, deprecation and rejection are looked at as for a deployment.
- A rollback and a restored snapshot move versions between stages, so who asks for one has to have that permission too,
  beside that on deployments.
- Where the model has no endpoint there, or a stage is named, the stage is given back to an earlier version
  (`modelyard.registry.stages`).
- A person's rollback means that the version which leaves was faulty: it is deprecated, unless the caller says
  otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.endpoints import environment_name, find_endpoint
from modelyard.delivery.going_back import (
    Why,
    check_probe,
    go_back,
    leaving,
    main_version,
    of_snapshot,
    probed,
    target_of,
)
from modelyard.delivery.restoring import Target
from modelyard.delivery.snapshots import find_snapshot
from modelyard.domain.checks import check_text
from modelyard.domain.evidence import Finding
from modelyard.domain.paging import check_limit, number_of, token_after
from modelyard.domain.permissions import Principal
from modelyard.domain.references import PREFIX, Reference
from modelyard.domain.wire import Arm, EndpointRollback, RollbackPage, RollbackRecord
from modelyard.errors import EndpointNotFound, InvalidRequest
from modelyard.metadata import deployments, endpoints, models, snapshots, versions
from modelyard.metadata.database import known
from modelyard.operations import (
    LIST_ROLLBACKS,
    RESTORE_SNAPSHOT,
    ROLLBACK,
    ListRollbacks,
    RestoreSnapshot,
    Rollback,
)
from modelyard.registry.context import Context, Yard
from modelyard.registry.deprecation import deprecate_row
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find_model, record
from modelyard.registry.stages import roll_back as roll_stage_back

CONTROL = "deployment.control"
LONGEST_REASON = 10_000


def _prepare(yard: Yard, request: Rollback, principal: Principal) -> Mapping[str, Finding]:
    if request.dry_run or request.force:
        return {}
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=ROLLBACK.permission)
        endpoint = _endpoint(context, request)
        if endpoint is None:
            return {}
        version_id = main_version(target_of(context, endpoint, request.version, request.snapshot))
        configuration = endpoints.configuration_of(endpoint)
    return probed(yard, version_id, configuration)


def _prepare_restore(yard: Yard, request: RestoreSnapshot, principal: Principal) -> Mapping[str, Finding]:
    if request.dry_run or request.force:
        return {}
    with yard.database.read() as tx:
        permission = RESTORE_SNAPSHOT.permission
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=permission)
        content = snapshots.content_of(find_snapshot(context, request.id))
    return probed(yard, main_version(Target(content=content)), content.configuration)


@serves(ROLLBACK, prepare=_prepare)
def roll_back(context: Context, request: Rollback) -> RollbackRecord:
    """Give an endpoint, or a stage, back to what was there before.

    Raises:
        SnapshotNotFound: there is no healthy snapshot to go back to.
        NotDeployable: what it would go back to cannot serve.
        Conflict: it is served already.
    """
    check_text("reason", request.reason, LONGEST_REASON)
    endpoint = _endpoint(context, request)
    if endpoint is None:
        if request.snapshot or request.dry_run:
            raise InvalidRequest("there is no endpoint to roll back", hint="deploy a version first")
        return roll_stage_back(context, request)
    models.lock_by_id(context.tx, endpoint.model_id)
    endpoint = known(endpoints.by_id(context.tx, endpoint.id))
    context.require(CONTROL, endpoint.name)
    check_probe(context)
    target = target_of(context, endpoint, request.version, request.snapshot, force=request.force)
    if not main_version(target):
        raise InvalidRequest("nothing was served at that time", hint="modelyard snapshot restore takes you there")
    left = leaving(context, endpoint)
    done = go_back(context, endpoint, target, Why(reason=request.reason), force=request.force, dry_run=request.dry_run)
    if request.deprecate and not request.dry_run:
        _deprecate(context, left, done)
    row = known(versions.by_id(context.tx, done.version_id or main_version(target)))
    return RollbackRecord(
        version=record(context, row),
        replaced=left.version_id if left else None,
        stage="",
        left=[left.version_id] if left else [],
        endpoint=done,
    )


@serves(RESTORE_SNAPSHOT, prepare=_prepare_restore)
def restore_snapshot(context: Context, request: RestoreSnapshot) -> EndpointRollback:
    """Make an endpoint what a snapshot says.

    Raises:
        NotDeployable: a version of it cannot serve any more.
    """
    check_text("reason", request.reason, LONGEST_REASON)
    row = find_snapshot(context, request.id)
    models.lock_by_id(context.tx, row.model_id)
    context.require(ROLLBACK.permission, row.name)
    check_probe(context)
    endpoint = known(endpoints.by_id(context.tx, row.endpoint_id))
    target = of_snapshot(row)
    if not main_version(target) and not (request.force or request.dry_run):
        raise InvalidRequest(
            f"the snapshot {row.id} is of a time when nothing was served; it would switch the endpoint off",
            hint="restore it with --force if that is what you want",
        )
    why = Why(reason=request.reason or f"restored the snapshot {row.id}")
    return go_back(context, endpoint, target, why, force=request.force, dry_run=request.dry_run)


@serves(LIST_ROLLBACKS)
def list_rollbacks(context: Context, request: ListRollbacks) -> RollbackPage:
    """Return what was rolled back, the newest first, with why."""
    limit = check_limit(request.limit)
    if request.name:
        find_model(context, request.name)
    environment = request.environment and environment_name(request.environment)
    wanted = deployments.Wanted(
        name=request.name, environment=environment, rollbacks=True, patterns=context.models
    )  # fmt: skip
    rows = deployments.page(context.tx, wanted, before=number_of(request.page_token), limit=limit + 1)
    token = token_after(rows[limit - 1].seq) if len(rows) > limit else ""
    found = [deployments.record(row).rollback for row in rows[:limit]]
    return RollbackPage(rollbacks=[one for one in found if one is not None], next_page_token=token)


def _endpoint(context: Context, request: Rollback) -> Row[Any] | None:
    """Return the endpoint that a rollback is about; None where it is about a stage."""
    if request.stage:
        return None
    reference = Reference.parse(request.reference)
    bare = request.reference.removeprefix(PREFIX) == reference.model
    if reference.model is None or not bare:
        return None
    model = find_model(context, reference.model)
    row = endpoints.by_name(context.tx, model.name, environment_name(request.environment))
    if row is None and request.environment:
        return find_endpoint(context, model.name, request.environment)
    if row is not None and not row.epoch:
        raise EndpointNotFound(
            f"nothing has served {model.name} in {row.environment} yet",
            hint="see what became of its deployment: modelyard status MODEL; a stage is rolled back with --stage",
        )
    return row


def _deprecate(context: Context, left: Arm | None, done: EndpointRollback) -> None:
    """Mark the version that left as not to be used any more."""
    row = versions.by_id(context.tx, left.version_id) if left is not None else None
    if row is None or row.id == done.version_id or row.deprecation is not None:
        return
    why = "rolled back from its endpoint" + (f": {done.reason}" if done.reason else "")
    deprecate_row(context, row, why, successor=f"{done.name}/{done.version}" if done.version else "")
