"""The order of MLflow's searches, and the tokens of their pages.

Rules
1. A wish is `field [ASC|DESC]`, in any case, with any white space between; ASC where nothing is said.
2. The first wish counts most. What they leave equal is settled by what makes the order whole: models by name;
   versions by name, then by number, the newest first. Without wishes, versions come by their last update, the newest
   first.
3. A token holds the last row's values of all fields of the order, so that rows which come or go neither repeat nor hide
   others; the next page may have another size.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelyard.domain.mlflow.names import is_whole

MODEL_FIELDS: Final = {"name": "name", "last_updated_timestamp": "edited_at", "timestamp": "edited_at"}
"""What models may be ordered by → the column."""
VERSION_FIELDS: Final = {
    "name": "name",
    "version_number": "number",
    "creation_timestamp": "created_at",
    "last_updated_timestamp": "edited_at",
}
"""What versions may be ordered by → the column."""
UNREADABLE: Final = "Invalid page token, could not base64-decode"
LONGEST_TOKEN: Final = 10_000


class InvalidOrder(ValueError):
    """An order, or a page's token, that cannot be understood; the text is what MLflow's clients are told."""


@dataclass(frozen=True)
class By:
    """One field of an order."""

    column: str
    descending: bool = False


Order = tuple[By, ...]
_NEWEST: Final = By("edited_at", descending=True)


def order_of_models(wishes: Sequence[str]) -> Order:
    """The whole order of a search of models.

    Raises:
        InvalidOrder: a wish cannot be understood, or two are about one field.
    """
    wanted = _wanted(wishes, MODEL_FIELDS, "Invalid order by key '{}' specified.")
    return _completed(wanted, By("name"))


def order_of_versions(wishes: Sequence[str]) -> Order:
    """The whole order of a search of versions; errors as above."""
    wanted = _wanted(wishes, VERSION_FIELDS, "Invalid attribute key '{}' specified.")
    return _completed(wanted or (_NEWEST,), By("name"), By("number", descending=True))


def token_of(order: Order, row: Any) -> str:
    """The token of the page behind a row, which has the order's columns as attributes."""
    return base64.urlsafe_b64encode(json.dumps([getattr(row, by.column) for by in order]).encode()).decode()


def position_of(order: Order, token: str) -> list[Any]:
    """The values that a token holds, one for each field of the order; none for an empty token.

    Raises:
        InvalidOrder: the token was not made for this order.
    """
    if not token:
        return []
    if len(token) > LONGEST_TOKEN:
        raise InvalidOrder(UNREADABLE)
    try:
        values = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidOrder(UNREADABLE) from None
    kinds = [int if by.column == "number" else str for by in order]
    is_sound = isinstance(values, list) and [type(value) for value in values] == kinds
    if not is_sound or any(_is_odd(value) for value in values):
        raise InvalidOrder("Invalid page token: it belongs to another search")
    return list(values)


def _is_odd(value: str | int) -> bool:
    """Whether no row can have the value, and a database might refuse it."""
    if isinstance(value, int):
        return abs(value) >= 1 << 62
    return "\0" in value or not is_whole(value)


def _wanted(wishes: Sequence[str], fields: dict[str, str], unknown: str) -> Order:
    made = [_wish(text, fields, unknown) for text in wishes]
    if len({by.column for by in made}) < len(made):
        raise InvalidOrder(f"`order_by` contains duplicate fields: {list(wishes)}")
    return tuple(made)


def _wish(text: str, fields: dict[str, str], unknown: str) -> By:
    words = text.split()
    if not words:
        raise InvalidOrder(f"Invalid order_by clause '{text}'. It names no field.")
    field = words[0].removeprefix("attribute.").removeprefix("attributes.").strip('`"')
    if field not in fields:
        raise InvalidOrder(f"{unknown.format(field)} The valid keys are {sorted(fields)}")
    way = words[1].upper() if len(words) > 1 else "ASC"
    if words[2:] or way not in {"ASC", "DESC"}:
        raise InvalidOrder(f"Invalid order_by clause '{text}'. Use 'field ASC' or 'field DESC'.")
    return By(fields[field], descending=way == "DESC")


def _completed(wanted: Order, *rest: By) -> Order:
    present = {by.column for by in wanted}
    return (*wanted, *(by for by in rest if by.column not in present))
