"""Rows of users, services and tokens. Of a token's secret there is only the hash.

The registry's own row among the models is the lock of them all: whoever changes one of them holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, func, insert, or_, select, update

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, principals, tokens

_NOW: BindParameter[Any] = bindparam("now")
_ACTIVE = tokens.c.revoked_at.is_(None) & or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > _NOW)
_COUNTED = (
    select(func.count()).where(tokens.c.principal == principals.c.name, _ACTIVE).correlate(principals).scalar_subquery()
)
_ONE = select(principals, _COUNTED.label("tokens")).where(principals.c.name == bindparam("key"))
_PAGE = (
    select(principals, _COUNTED.label("tokens"))
    .where(principals.c.workspace == DEFAULT_WORKSPACE, principals.c.name > bindparam("after"))
    .order_by(principals.c.name)
    .limit(bindparam("limit"))
)
_INSERT = insert(principals)
_UPDATE = (
    update(principals)
    .where(principals.c.name == bindparam("key"))
    .values(
        grants=bindparam("given"),
        disabled_at=bindparam("disabled"),
        updated_at=bindparam("at"),
        revision=principals.c.revision + 1,
    )
)

_TOKEN = select(tokens).where(tokens.c.id == bindparam("key"))
_OWNER = (
    select(tokens, principals.c.grants.label("owned"), principals.c.disabled_at)
    .join(principals, principals.c.name == tokens.c.principal)
    .where(tokens.c.id == bindparam("key"))
)
_TOKENS = (
    select(tokens)
    .where(tokens.c.workspace == DEFAULT_WORKSPACE, tokens.c.id > bindparam("after"))
    .order_by(tokens.c.id)
    .limit(bindparam("limit"))
)
_OF_PRINCIPAL = tokens.c.principal == bindparam("principal")
_INSERT_TOKEN = insert(tokens)
_END = (
    update(tokens)
    .where(tokens.c.id == bindparam("key"))
    .values(revoked_at=bindparam("revoked"), expires_at=bindparam("expires"))
)
_USED = update(tokens).where(tokens.c.id == bindparam("key")).values(last_used_at=bindparam("at"))
_ANY = select(tokens.c.id).join(principals, principals.c.name == tokens.c.principal).where(
    _ACTIVE, principals.c.disabled_at.is_(None)
).limit(1)  # fmt: skip


def add(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Insert a principal: name, kind, grants (JSON text) and the moment `at`."""
    at = values["at"]
    row = {name: values[name] for name in ("name", "kind", "grants")}
    tx.run(_INSERT, {**row, "revision": 1, "created_at": at, "updated_at": at, "disabled_at": None})


def one(tx: Transaction, name: str, now: str) -> Row[Any] | None:
    """Find a principal by name; `tokens` is the number of those that are active now."""
    return tx.first(_ONE, {"key": name, "now": now})


def page(tx: Transaction, *, after: str, limit: int, now: str) -> Sequence[Row[Any]]:
    """Return principals whose name follows `after`, by name."""
    return tx.all(_PAGE, {"after": after, "limit": limit, "now": now})


def change(tx: Transaction, name: str, *, grants: str, disabled_at: str | None, at: str) -> None:
    """Write a principal's grants and whether it is disabled, and count its revision up."""
    tx.run(_UPDATE, {"key": name, "given": grants, "disabled": disabled_at, "at": at})


def add_token(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Insert a token; the values are all its columns."""
    tx.run(_INSERT_TOKEN, dict(values))


def token(tx: Transaction, token_id: str) -> Row[Any] | None:
    """Find a token by its id."""
    return tx.first(_TOKEN, {"key": token_id})


def token_and_owner(tx: Transaction, token_id: str) -> Row[Any] | None:
    """Find a token with its principal's grants as `owned` and its `disabled_at`."""
    return tx.first(_OWNER, {"key": token_id})


def tokens_page(
    tx: Transaction, *, principal: str, ended: bool, after: str, limit: int, now: str
) -> Sequence[Row[Any]]:
    """Return tokens whose id follows `after`, by id and so by age; of one principal, and ended ones too, if asked."""
    query = _TOKENS.where(_OF_PRINCIPAL) if principal else _TOKENS
    values = {"after": after, "limit": limit, **({"principal": principal} if principal else {})}
    return tx.all(query, values) if ended else tx.all(query.where(_ACTIVE), {**values, "now": now})


def end_token(tx: Transaction, token_id: str, *, revoked_at: str | None, expires_at: str | None) -> None:
    """Write when a token was revoked and when it ends by itself."""
    tx.run(_END, {"key": token_id, "revoked": revoked_at, "expires": expires_at})


def note_use(tx: Transaction, token_id: str, at: str) -> None:
    """Write when a token was used."""
    tx.run(_USED, {"key": token_id, "at": at})


def anybody(tx: Transaction, now: str) -> bool:
    """Tell whether there is any token that would be accepted."""
    return tx.first(_ANY, {"now": now}) is not None
