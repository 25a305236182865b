"""Users and services: who there is, what each was granted, and what one may do oneself.

Rules
- Nobody hands out more than they have themselves.
- A user is never deleted, because events name it; a disabled one proves nothing any more, whatever tokens it has.
- All changes are events of the registry's own chain, and its lock keeps them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.domain.grants import SERVICE, USER, parse_grants, principal_name, written
from modelyard.domain.names import model_name, shown
from modelyard.domain.paging import check_limit, key_of, token_after
from modelyard.domain.permissions import EVERYTHING, ROLES, SELF, STAGE_TARGETS, Grant, Principal, denial
from modelyard.domain.wire import Allowed, PrincipalPage, PrincipalRecord, Whoami
from modelyard.errors import Conflict, InvalidRequest
from modelyard.metadata import principals
from modelyard.operations import (
    CAN_I,
    CREATE_USER,
    LIST_USERS,
    UPDATE_USER,
    WHOAMI,
    CanI,
    CreateUser,
    ListUsers,
    Myself,
    UpdateUser,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.granting import (
    PERMISSIONS,
    add,
    as_text,
    grant_records,
    lock,
    principal_row,
    refuse_more,
    stored,
    tell,
)
from modelyard.registry.lookup import check_revision


@serves(CREATE_USER)
def create_user(context: Context, request: CreateUser) -> PrincipalRecord:
    """Make a user or a service.

    Raises:
        Conflict: there is one of that name.
        PermissionDenied: it would be granted, or lose, more than the caller has.
    """
    name = principal_name(request.name)
    if request.kind not in {USER, SERVICE}:
        raise InvalidRequest(f"the kind is {shown(request.kind)}", hint=f"use {USER} or {SERVICE}")
    granted = parse_grants(request.grants, PERMISSIONS)
    lock(context)
    if principals.one(context.tx, name, context.now) is not None:
        raise Conflict(f"there is a user named {name} already", hint="`modelyard user update` changes what it may do")
    add(context, name, request.kind, granted)
    return _record(principal_row(context, name))


@serves(LIST_USERS)
def list_users(context: Context, request: ListUsers) -> PrincipalPage:
    """Return a page of users and services by name."""
    limit = check_limit(request.limit)
    after = str(key_of(request.page_token, str) or "")
    rows = principals.page(context.tx, after=after, limit=limit + 1, now=context.now)
    token = token_after(rows[limit - 1].name) if len(rows) > limit else ""
    return PrincipalPage(users=[_record(row) for row in rows[:limit]], next_page_token=token)


@serves(UPDATE_USER)
def update_user(context: Context, request: UpdateUser) -> PrincipalRecord:
    """Change what a user is granted, or disable or enable it.

    Raises:
        PermissionDenied: it would be granted more than the caller has.
    """
    granted = None if request.grants is None else parse_grants(request.grants, PERMISSIONS)
    lock(context)
    row = principal_row(context, request.name)
    check_revision(row, request.if_match, row.name)
    old = stored(row.grants)
    new = old if granted is None else granted
    was_disabled = row.disabled_at is not None
    disabled = was_disabled if request.disabled is None else request.disabled
    _refuse_stronger(context.principal, () if was_disabled else old, () if disabled else new)
    if disabled:
        # What a disabled user will have once it is enabled again is handed out now.
        _refuse_stronger(context.principal, old, new)
    if new == old and disabled == was_disabled:
        return _record(row)
    _change(context, row, new, disabled=disabled)
    return _record(principal_row(context, row.name))


def _change(context: Context, row: Row[Any], granted: Sequence[Grant], *, disabled: bool) -> None:
    moment = (row.disabled_at or context.now) if disabled else None
    principals.change(context.tx, row.name, grants=as_text(granted), disabled_at=moment, at=context.now)
    if tuple(granted) != stored(row.grants):
        changes = {"grants": [[written(grant) for grant in grants] for grants in (stored(row.grants), granted)]}
        tell(context, "user.updated", {"name": row.name, "changes": changes})
    if disabled != (row.disabled_at is not None):
        tell(context, "user.disabled" if disabled else "user.enabled", {"name": row.name})


def _refuse_stronger(giver: Principal, before: Sequence[Grant], after: Sequence[Grant]) -> None:
    """Refuse that somebody hands out, or takes away, what they do not have themselves."""
    refuse_more([grant for grant in after if grant not in before], giver)
    refuse_more([grant for grant in before if grant not in after], giver, doing="take away")


@serves(WHOAMI)
def whoami(context: Context, _request: Myself) -> Whoami:
    """Tell who asks, and what they may do."""
    asking = context.principal
    return Whoami(
        name=asking.name,
        proven=asking.proven,
        roles=list(dict.fromkeys(grant.allow for grant in asking.grants if grant.allow in ROLES)),
        grants=grant_records(asking.rights),
    )


@serves(CAN_I)
def can_i(context: Context, request: CanI) -> Allowed:
    """Tell whether who asks has a permission, on a model and a target if they are named."""
    permission, model = request.permission, request.model
    if permission not in PERMISSIONS:
        raise InvalidRequest(
            f"there is no permission {shown(permission)}", hint=f"there are {', '.join(sorted(PERMISSIONS - {SELF}))}"
        )
    model = model if model in {"", EVERYTHING} else model_name(model)
    target = request.target.strip().lower() if permission in STAGE_TARGETS else request.target
    allowed = context.principal.allows(permission, model, target)
    reason = "" if allowed else denial(context.principal, permission, model, target).message
    return Allowed(
        allowed=allowed, name=context.actor, permission=permission, model=model, target=target, reason=reason
    )


def _record(row: Row[Any]) -> PrincipalRecord:
    return PrincipalRecord(
        name=row.name,
        kind=row.kind,
        grants=grant_records(stored(row.grants)),
        disabled=row.disabled_at is not None,
        tokens=row.tokens,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
