"""What users and tokens have in common: their grants, the lock that keeps changes apart, their events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from modelyard.domain.grants import principal_name, written
from modelyard.domain.names import shown
from modelyard.domain.permissions import EVERYTHING, ROLES, Grant, Principal, lacking
from modelyard.domain.wire import GrantRecord
from modelyard.errors import Conflict, PermissionDenied, PrincipalNotFound
from modelyard.metadata import models, principals
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import TABLE
from modelyard.registry.context import Context

PERMISSIONS = frozenset(row.permission for row in TABLE) | {
    grant.allow for role in ROLES.values() for grant in role if grant.allow != EVERYTHING
}
"""Every permission that there is."""

_grants = msgspec.json.Decoder(list[dict[str, str]])


def lock(context: Context) -> None:
    """Keep other changes of users and tokens away until the transaction ends."""
    models.lock_by_id(context.tx, REGISTRY)


def tell(context: Context, kind: str, facts: dict[str, Any]) -> None:
    """Append an event to the registry's own chain, which `lock` has locked."""
    context.tell(model_id=REGISTRY, kind=kind, data=facts)


def principal_row(context: Context, name: str) -> Row[Any]:
    """Return the row of a user or a service.

    Raises:
        PrincipalNotFound: nobody has the name.
    """
    row = principals.one(context.tx, principal_name(name), context.now)
    if row is None:
        raise PrincipalNotFound(f"there is no user named {shown(name)}")
    return row


def add(context: Context, name: str, kind: str, granted: tuple[Grant, ...]) -> None:
    """Insert a user or a service with its event."""
    refuse_more(granted, context.principal)
    principals.add(context.tx, {"name": name, "kind": kind, "grants": as_text(granted), "at": context.now})
    tell(context, "user.created", {"name": name, "kind": kind, "grants": [written(grant) for grant in granted]})


def refuse_more(granted: Iterable[Grant], giver: Principal, *, doing: str = "hand out") -> None:
    """Refuse that somebody hands out, or takes away from others, what they do not have."""
    beyond = lacking(giver, granted)
    if beyond is not None:
        raise PermissionDenied(
            f"{giver.name} cannot {doing} {said(beyond)} without having it",
            hint="ask an administrator who has it",
            details={"permission": beyond.allow, "model": beyond.model},
        )


def is_disabled(name: str) -> Conflict:
    """The error for what a disabled user cannot have."""
    return Conflict(f"{name} is disabled", hint=f"`modelyard user enable {name}` enables it again")


def said(grant: Grant) -> str:
    """A grant as messages tell it."""
    places = [f"{name} {value}" for name, value in written(grant).items() if name != "allow"]
    return " on ".join([grant.allow, *([", ".join(places)] if places else [])])


def stored(text: str) -> tuple[Grant, ...]:
    """Grants as they are stored, read."""
    return tuple(Grant(**fields) for fields in _grants.decode(text))


def as_text(grants: Sequence[Grant]) -> str:
    """Grants as they are stored."""
    return msgspec.json.encode([written(grant) for grant in grants]).decode()


def grant_records(grants: Iterable[Grant]) -> list[GrantRecord]:
    """The records of grants."""
    return [GrantRecord(allow=one.allow, model=one.model, stage=one.stage, alias=one.alias) for one in grants]
