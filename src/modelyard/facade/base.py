"""What the parts of `ModelRegistry` share: the caller that they run operations on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import build, count_of
from modelyard.facade.caller import Caller
from modelyard.operations import Operation

Req = TypeVar("Req")
Res = TypeVar("Res")
Item = TypeVar("Item")
Page = TypeVar("Page", bound="Paged")

PAGE = 500
"""Records that are asked for at once where a list is fetched as a whole."""


class Paged(Protocol):
    """A page of a list; the token of the next one is empty on the last page."""

    @property
    def next_page_token(self) -> str:
        """Where the next page starts."""
        ...


class Base:
    """A registry's caller, and the two ways to use it: one operation, or a list page by page."""

    def __init__(self, caller: Caller) -> None:
        self._open_caller: Caller | None = caller
        self.address = caller.address
        """The path or the URL that the registry was opened by."""

    @property
    def _caller(self) -> Caller:
        if self._open_caller is None:
            raise InvalidRequest(f"the registry {self.address} was closed", hint="open it again with ModelRegistry(…)")
        return self._open_caller

    def _call(self, operation: Operation[Req, Res], **values: Any) -> Res:
        """Run an operation with the fields of its request; None stands for a field's default."""
        return self._caller.call(operation, build(operation.request, values))

    def _all(
        self, operation: Operation[Any, Page], items: Callable[[Page], list[Item]], *, limit: int | None, **values: Any
    ) -> list[Item]:
        """Fetch a list page by page until it ends, or has `limit` entries."""
        most = count_of("limit", limit)
        found: list[Item] = []
        token = ""
        while most is None or len(found) < most:
            size = PAGE if most is None else min(PAGE, most - len(found))
            page = self._call(operation, **values, limit=size, page_token=token)
            found += items(page)
            token = page.next_page_token
            if not token:
                break
        return found
