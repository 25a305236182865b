"""Tokens: made, listed, rotated, revoked, and taken as the proof of who asks.

Rules
- The text of a token leaves this module once, in the answer to the one who made it. Events hold its id, never more.
- Nobody makes, or revokes, a token that may do more than they may themselves.
- A token works until it is revoked, until its end, and while its principal is not disabled.
- A rotated token is followed by a new one with the same rights; the old one ends at once, or after an overlap.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any, NamedTuple

from sqlalchemy import Row

from modelyard.domain import durations
from modelyard.domain.checks import check_text
from modelyard.domain.grants import SERVICE, parse_grants, principal_name, written
from modelyard.domain.ids import is_id
from modelyard.domain.paging import check_limit, key_of, token_after
from modelyard.domain.permissions import Grant, Principal, expanded, narrowed
from modelyard.domain.tokens import SECRET_BYTES, TOKEN_PREFIX, credential, ends_at, token_text
from modelyard.domain.wire import IssuedToken, TokenPage, TokenRecord
from modelyard.errors import Conflict, InvalidRequest, ModelyardError, PrincipalNotFound
from modelyard.metadata import journal, principals
from modelyard.metadata.database import known
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import (
    CREATE_TOKEN,
    LIST_TOKENS,
    REVOKE_TOKEN,
    ROTATE_TOKEN,
    CreateToken,
    ListTokens,
    NamedToken,
    RotateToken,
)
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves
from modelyard.registry.granting import (
    PERMISSIONS,
    add,
    as_text,
    grant_records,
    is_disabled,
    lock,
    principal_row,
    refuse_more,
    said,
    stored,
    tell,
)

USE_NOTED_EVERY = durations.seconds("1d")
LONGEST_DESCRIPTION = 1_000
_NOBODY = "0" * 64


class Proof(NamedTuple):
    """Who proved to be whom, and when the proof ends by itself."""

    principal: Principal
    expires_at: str | None


def authenticate(yard: Yard, text: str) -> Proof | None:
    """Return whom the text of a token proves its bearer to be; None for everything that proves nobody."""
    given = credential(text)
    if given is None:
        return None
    now = yard.clock()
    with yard.database.read() as tx:
        row = principals.token_and_owner(tx, given.id)
    if not hmac.compare_digest(row.hash if row is not None else _NOBODY, given.hash) or row is None:
        return None
    if _state(row, now) != "active" or row.disabled_at is not None:
        return None
    _note_use(yard, row, now)
    limits = None if row.grants is None else stored(row.grants)
    principal = Principal(name=row.principal, proven=True, grants=stored(row.owned), limits=limits)
    return Proof(principal, row.expires_at)


def known_by(yard: Yard) -> str:
    """Return a text that is another one as soon as any user or token has changed, in whichever process.

    Each such change appends to the registry's own chain, whose lock it holds: there, what is committed later comes
    behind what was committed before.
    """
    with yard.database.read() as tx:
        return journal.end_of(tx, REGISTRY)


def anybody_can_prove(yard: Yard) -> bool:
    """Tell whether there is any token that `authenticate` would accept."""
    with yard.database.read() as tx:
        return principals.anybody(tx, yard.clock())


@serves(CREATE_TOKEN)
def create_token(context: Context, request: CreateToken) -> IssuedToken:
    """Make a token, and the service that it is for where nobody has that name.

    Raises:
        InvalidRequest: a new service would be granted nothing, or a grant lies beyond what the principal may do.
        PermissionDenied: the token would be able to do more than the caller.
    """
    name = principal_name(request.principal)
    given = parse_grants(request.grants, PERMISSIONS)
    expires_at = ends_at(request.expires, context.now)
    description = check_text("description", request.description, LONGEST_DESCRIPTION)
    lock(context)
    row = principals.one(context.tx, name, context.now)
    if row is None:
        if not given:
            hint = "name a role, such as viewer or deployer; or make the user first"
            raise InvalidRequest(f"nobody is named {name}, and nothing says what it shall be granted", hint=hint)
        add(context, name, SERVICE, given)
        limits = None
    else:
        limits = _limits(context, row, given)
    return _issue(context, name, limits=limits, expires_at=expires_at, description=description)


@serves(LIST_TOKENS)
def list_tokens(context: Context, request: ListTokens) -> TokenPage:
    """Return a page of tokens, the oldest first."""
    limit = check_limit(request.limit)
    after = str(key_of(request.page_token, str) or "")
    name = principal_row(context, request.principal).name if request.principal else ""
    rows = principals.tokens_page(
        context.tx, principal=name, ended=request.ended, after=after, limit=limit + 1, now=context.now
    )
    token = token_after(rows[limit - 1].id) if len(rows) > limit else ""
    return TokenPage(tokens=[_token_record(row, context.now) for row in rows[:limit]], next_page_token=token)


@serves(ROTATE_TOKEN)
def rotate_token(context: Context, request: RotateToken) -> IssuedToken:
    """Replace a token by a new one with the same rights.

    Raises:
        Conflict: the token has ended already, or its principal is disabled.
        PermissionDenied: the token may do more than the caller.
    """
    overlap = durations.seconds(request.overlap, "overlap") if request.overlap not in {"", "0"} else 0.0
    lock(context)
    old = _token(context, request.token)
    owner = principal_row(context, old.principal)
    if _state(old, context.now) != "active":
        raise Conflict(f"the token {old.id} is {_state(old, context.now)}", hint="create a new one")
    if owner.disabled_at is not None:
        raise is_disabled(owner.name)
    limits = None if old.grants is None else stored(old.grants)
    refuse_more(_effective(owner, limits), context.principal)
    expires_at = ends_at(request.expires, context.now)
    if expires_at is None and old.expires_at is not None:
        expires_at = durations.later(context.now, durations.elapsed(old.created_at, old.expires_at))
    _end(context, old, overlap)
    issued = _issue(
        context, owner.name, limits=limits, expires_at=expires_at, description=old.description, follows=old.id
    )
    facts = {"id": old.id, "to": issued.id, "principal": owner.name, "overlap_seconds": overlap}
    tell(context, "token.rotated", facts)
    return issued


@serves(REVOKE_TOKEN)
def revoke_token(context: Context, request: NamedToken) -> TokenRecord:
    """End a token at once; one that was revoked before stays as it is."""
    lock(context)
    row = _token(context, request.token)
    if row.revoked_at is None:
        owner = principal_row(context, row.principal)
        rights = _effective(owner, None if row.grants is None else stored(row.grants))
        refuse_more(rights, context.principal, doing="take away")
        _end(context, row, 0.0)
        tell(context, "token.revoked", {"id": row.id, "principal": row.principal})
    return _token_record(_token(context, row.id), context.now)


def _limits(context: Context, row: Row[Any], given: tuple[Grant, ...]) -> tuple[Grant, ...] | None:
    """What a token of somebody who exists is narrowed to; None for all that they may do."""
    if row.disabled_at is not None:
        raise is_disabled(row.name)
    owned = stored(row.grants)
    idle = [grant for grant in given if not narrowed(owned, [grant])]
    if idle:
        raise InvalidRequest(
            f"{row.name} has nothing of {said(idle[0])}, so a token cannot have it",
            hint="a token narrows what its user was granted; `modelyard user update` grants more",
        )
    limits = given or None
    refuse_more(_effective(row, limits), context.principal)
    return limits


def _issue(
    context: Context,
    name: str,
    *,
    limits: tuple[Grant, ...] | None,
    expires_at: str | None,
    description: str,
    follows: str = "",
) -> IssuedToken:
    """Write a token and its event, and return it with its text."""
    token_id = context.yard.new_id(TOKEN_PREFIX)
    text = token_text(token_id, secrets.token_bytes(SECRET_BYTES))
    values = {
        "id": token_id,
        "principal": name,
        "hash": known(credential(text)).hash,
        "grants": None if limits is None else as_text(limits),
        "description": description,
        "created_at": context.now,
        "created_by": context.actor,
        "expires_at": expires_at,
    }
    principals.add_token(context.tx, values)
    facts = {
        "id": token_id,
        "principal": name,
        "expires_at": expires_at,
        "follows": follows or None,
        "grants": None if limits is None else [written(grant) for grant in limits],
    }
    tell(context, "token.created", {key: value for key, value in facts.items() if value is not None})
    record = _token_record(_token(context, token_id), context.now)
    return IssuedToken(**{name: getattr(record, name) for name in TokenRecord.__dataclass_fields__}, token=text)


def _end(context: Context, row: Row[Any], overlap: float) -> None:
    if not overlap:
        principals.end_token(context.tx, row.id, revoked_at=context.now, expires_at=row.expires_at)
        return
    end = durations.later(context.now, overlap)
    principals.end_token(context.tx, row.id, revoked_at=None, expires_at=min(end, row.expires_at or end))


def _effective(owner: Row[Any], limits: tuple[Grant, ...] | None) -> tuple[Grant, ...]:
    owned = stored(owner.grants)
    return expanded(owned) if limits is None else narrowed(owned, limits)


def _token(context: Context, token_id: str) -> Row[Any]:
    row = principals.token(context.tx, token_id) if is_id(TOKEN_PREFIX, token_id) else None
    if row is None:
        # What was given may be the secret itself, which belongs into no message.
        which = f"token {token_id}" if is_id(TOKEN_PREFIX, token_id) else "such token: its id begins with tk_"
        raise PrincipalNotFound(f"there is no {which}")
    return row


def _state(row: Row[Any], now: str) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "active"


def _note_use(yard: Yard, row: Row[Any], now: str) -> None:
    """Write that a token was used, about once a day; a registry that cannot be written to is no reason to refuse."""
    if row.last_used_at is not None and durations.elapsed(row.last_used_at, now) < USE_NOTED_EVERY:
        return
    try:
        with yard.database.write() as tx:
            principals.note_use(tx, row.id, now)
    except ModelyardError:
        return


def _token_record(row: Row[Any], now: str) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        principal=row.principal,
        grants=None if row.grants is None else grant_records(stored(row.grants)),
        description=row.description,
        state=_state(row, now),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
