"""What an MLflow route is: a plain function from a desk and the request's fields to the answer's fields.

Rules
- A route names its permission, as every route does. `Desk.call` runs rows of the operations table as whoever asks, so
  that their rules, gates and events are those of every other way in.
- A caller's mistake is a `Refusal`, or an error of our own tree; `errors` turns both into MLflow's form.
- Parameters of the path stand among the fields of the body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeVar

from modelyard.domain.manifest import Manifest
from modelyard.domain.mlflow.stages import FREE_GRAPH
from modelyard.domain.permissions import Principal
from modelyard.operations import Operation
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import perform

Request = TypeVar("Request")
Response = TypeVar("Response")
Fields = Mapping[str, Any]
Answer = dict[str, Any]

STATUSES: Final = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STATE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""MLflow's error codes that this server answers with → the HTTP status that its clients expect with them."""

PREFIX: Final = "/api/2.0/mlflow/"
THIRD: Final = "/api/3.0/mlflow/"
"""Where MLflow has its newer routes."""


class Refusal(Exception):
    """A request that MLflow's protocol refuses, with the code and the text that its clients look at."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        # It quotes what was sent, which may hold half a character.
        self.message = message.encode("utf-8", "backslashreplace").decode()
        self.code, self.status = code, STATUSES[code]


def invalid(message: str) -> Refusal:
    """The refusal of a parameter's value."""
    return Refusal("INVALID_PARAMETER_VALUE", message)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where a request is worked on.

    Attributes:
        yard: the registry's parts.
        principal: who asks.
        address: how the client reached this server, such as `http://127.0.0.1:5000`, for addresses in answers.
    """

    yard: Yard
    principal: Principal
    address: str = ""
    fetch: Callable[[str], Manifest | None] | None = None
    """Fetches the files of a source from the tracking server; None without one. See `fetching`."""

    def call(self, operation: Operation[Request, Response], request: Request) -> Response:
        """Run a row of the operations table as whoever asks.

        Raises:
            ModelyardError: whatever the use case refuses.
        """
        return perform(self.yard, operation, request, principal=self.principal)

    @contextmanager
    def reading(self, permission: str) -> Iterator[Context]:
        """A transaction that reads, as whoever asks, for a permission that they need on what they look at.

        Raises:
            PermissionDenied: they have it on no model.
        """
        self.principal.require(permission)
        with self.yard.database.read() as tx:
            yield Context(yard=self.yard, tx=tx, principal=self.principal, now=self.yard.clock(), permission=permission)

    @cached_property
    def unbound(self) -> Desk:
        """The same desk where MLflow's own stage graph holds as long as nobody has written one."""
        return replace(self, yard=replace(self.yard, graph=FREE_GRAPH))


Handler = Callable[[Desk, Fields], Answer]


@dataclass(frozen=True)
class Route:
    """A route: its method, its path (with `{placeholders}`) below `base`, what it takes, and what answers it."""

    method: str
    path: str
    permission: str
    handle: Handler
    base: str = PREFIX
    waits: bool = False
    """Whether it may wait for other servers, so that it must not take a thread from those that only ask ours."""
