"""Deprecate: a version that is not to be used any more, why, and what to use instead.

Rules
- A deprecated version stays readable; ranges and `latest` pass it over, and it enters no exclusive stage.
- Whoever names it by a stage, an alias or its number is told that it is deprecated, and what its successor is.
- A deprecation can be taken back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.domain import checks
from modelyard.domain.wire import VersionRecord
from modelyard.errors import Conflict, InvalidRequest
from modelyard.metadata import versions
from modelyard.operations import DEPRECATE, Deprecate
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import check_revision, find, find_within, record
from modelyard.registry.moves import tell_of_version
from modelyard.registry.publish import encode


@serves(DEPRECATE)
def deprecate(context: Context, request: Deprecate) -> VersionRecord:
    """Mark a version as not to be used any more, with the reason and its successor; or take that back.

    Raises:
        Conflict: a deprecation shall be taken back, and there is none.
        VersionNotFound: the successor does not exist.
    """
    row = find(context, request.reference, lock=True)
    check_revision(row, request.if_match, f"{row.name} {row.version}")
    reason = checks.check_text("reason", request.reason)
    if request.undo:
        _restore(context, row)
    else:
        deprecate_row(context, row, reason, successor=_successor(context, row, request.successor))
    return record(context, find(context, row.id))


def deprecate_row(context: Context, row: Row[Any], reason: str, *, successor: str = "") -> None:
    """Mark a locked version as deprecated."""
    facts = {"reason": reason, **({"successor": successor} if successor else {})}
    text = encode({**facts, "at": context.now, "by": context.actor})
    versions.change(context.tx, row, context.now, deprecation=text)
    tell_of_version(context, row, "version.deprecated", facts)


def _restore(context: Context, row: Row[Any]) -> None:
    if row.deprecation is None:
        raise Conflict(f"{row.name} {row.version} is not deprecated", hint="there is nothing to take back")
    versions.change(context.tx, row, context.now, deprecation=None)
    tell_of_version(context, row, "version.restored", {})


def _successor(context: Context, row: Row[Any], text: str) -> str:
    if not text:
        return ""
    found = find_within(context, row.name, text)
    if found.id == row.id:
        raise InvalidRequest(f"{row.name} {row.version} cannot be its own successor", hint="name another version")
    return f"{found.name}/{found.version}"
