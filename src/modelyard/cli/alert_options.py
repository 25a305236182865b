"""How the options of alerts are read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from math import inf
from typing import Any

import click

from modelyard.domain.durations import seconds
from modelyard.errors import InvalidRequest


class Length(click.ParamType[float]):
    """A length of time, such as `90s` or `2h`; a number alone is one of seconds."""

    name = "LENGTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the seconds."""
        if not isinstance(value, str):
            return value
        with suppress(ValueError):
            number = float(value)
            if not 0 <= number < inf:
                self.fail(f"{value!r} is no length of time; write one such as 90s or 30m", param, ctx)
            return number
        try:
            return seconds(value)
        except InvalidRequest as error:
            self.fail(f"{error.message}; {error.hint}", param, ctx)


def members(kind: type[Any], document: Mapping[str, Any] | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a record, said by a document, by options, or by both; options count over the document.

    Raises:
        InvalidRequest: the document has a member that the record has not.
    """
    for name in document or {}:
        if name not in kind.__dataclass_fields__:
            raise InvalidRequest(
                f"{kind.__name__} has no {name!r}", hint=f"it has {', '.join(kind.__dataclass_fields__)}"
            )
    return {**(document or {}), **{name: value for name, value in options.items() if value is not None}}
