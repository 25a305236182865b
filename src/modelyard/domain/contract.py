"""What a row of the operations table says; the rows themselves stand in `modelyard.operations`."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

Request = TypeVar("Request")
Response = TypeVar("Response")

PLACEHOLDER = re.compile(r"\{(\w+)\}")
IF_MATCH = "if_match"


@runtime_checkable
class Secretive(Protocol):
    """A response with a secret that is shown once."""

    def stored(self) -> Any:
        """The same without the secret: what is kept for a repeat of the request."""


@runtime_checkable
class Numbered(Protocol):
    """A request that may be known by a number of its own, so that its repeat is known without a kept answer."""

    @property
    def is_numbered(self) -> bool:
        """Whether it is."""
        ...


@dataclass(frozen=True)
class Operation(Generic[Request, Response]):
    """One row: the contract of one operation.

    `mutates` decides the kind of transaction; `example` is a request for the documentation; `status` is the HTTP
    status of success. A `long` operation reads or deletes files: its use case opens short transactions of its own. One
    that looks at all models takes its permission `everywhere`: having it on some models is not enough.
    """

    name: str
    method: str
    path: str
    permission: str
    request: type[Request]
    response: type[Response]
    summary: str
    status: int = 200
    example: dict[str, Any] = field(default_factory=dict)
    long: bool = False
    everywhere: bool = False

    @property
    def mutates(self) -> bool:
        """Whether the operation may change the registry."""
        return self.method != "GET"

    @property
    def path_fields(self) -> tuple[str, ...]:
        """The request fields that stand in the path."""
        return tuple(PLACEHOLDER.findall(self.path))

    @property
    def query_fields(self) -> tuple[str, ...]:
        """The request fields that stand in the query string."""
        return self._rest() if self.method in {"GET", "DELETE"} else ()

    @property
    def body_fields(self) -> tuple[str, ...]:
        """The request fields that stand in the JSON body."""
        return () if self.method in {"GET", "DELETE"} else self._rest()

    @property
    def movable(self) -> bool:
        """Whether the caller may ask for the change only if the revision is still the one that it saw."""
        return any(item.name == IF_MATCH for item in fields(self.request))  # type: ignore[arg-type]

    def required(self) -> tuple[str, ...]:
        """The request fields without a default."""
        return tuple(
            item.name
            for item in fields(self.request)  # type: ignore[arg-type]
            if item.default is MISSING and item.default_factory is MISSING
        )

    def _rest(self) -> tuple[str, ...]:
        taken = {*self.path_fields, IF_MATCH}
        return tuple(item.name for item in fields(self.request) if item.name not in taken)  # type: ignore[arg-type]
