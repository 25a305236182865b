"""Where the rows of the operations table lie among all paths, and which of them need more than their use case.

Rules
- `{reference}` takes slashes. So a path without such a placeholder is tried before one with it, and a path with more
  fixed words before one with fewer: `/api/models/versions` is the list, and never a model named `versions`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from modelyard.domain.contract import PLACEHOLDER
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    BY_NAME,
    CHECK_GUARD,
    CONFIGURE_ENDPOINT,
    DELETE_FLAG,
    PROMOTE_DEPLOYMENT,
    RESTORE_SNAPSHOT,
    ROLLBACK,
    SET_FLAG,
    TABLE,
    Operation,
)
from modelyard.server.binding import Binder

REROUTING = frozenset(
    {ROLLBACK.name, RESTORE_SNAPSHOT.name, ABORT_DEPLOYMENT.name, PROMOTE_DEPLOYMENT.name}
    | {SET_FLAG.name, DELETE_FLAG.name, CONFIGURE_ENDPOINT.name, CHECK_GUARD.name}
)
"""Rows whose answer comes when this server sends requests where the answer says."""


def precedence(operation: Operation[Any, Any]) -> tuple[bool, int, str]:
    """What routes are sorted by: the first that matches a request gets it."""
    words = [part for part in operation.path.split("/") if part and not PLACEHOLDER.search(part)]
    return "{reference}" in operation.path, -len(words), operation.path


def in_order() -> list[Operation[Any, Any]]:
    """The rows in the order in which their paths are tried."""
    return sorted(TABLE, key=precedence)


@cache
def binder_of(name: str) -> Binder:
    """What binds the requests of an operation; made when the first one comes."""
    return Binder(BY_NAME[name])
