"""Page tokens: where the next page starts, as text that callers pass back and need not understand.

A token holds the key of the last row of a page, so that rows which come or go meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from modelyard.domain.names import printable
from modelyard.errors import InvalidName, InvalidRequest

MAX_LIMIT = 1000
UNBOUNDED = 1 << 62
"""No sequence reaches this."""


def check_limit(limit: int) -> int:
    """Give a page's size back if it is possible.

    Raises:
        InvalidRequest: it is not a whole number from 1 to MAX_LIMIT.
    """
    # Callers in Python may pass anything; a bool passes for an int and is none here.
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"limit must be a whole number from 1 to {MAX_LIMIT}, and is {limit!r}")
    return limit


def token_after(key: str | int) -> str:
    """Return the token of the page that starts behind a key."""
    return base64.urlsafe_b64encode(json.dumps([key]).encode()).decode().rstrip("=")


def key_of(token: str, kind: type[str | int]) -> str | int | None:
    """Return the key that a token holds, or None for an empty token.

    Raises:
        InvalidRequest: the token was not made by `token_after` for this list.
    """
    if not token:
        return None
    try:
        keys: Any = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        if isinstance(keys, list) and len(keys) == 1 and type(keys[0]) is kind:
            return printable(keys[0], "a page token") if kind is str else keys[0]
    except (binascii.Error, ValueError, RecursionError, InvalidName):
        pass
    raise InvalidRequest(
        f"the page token {token[:80]!r} is not valid",
        hint="pass next_page_token back as it came, with the same filters",
    )


def number_of(token: str) -> int | None:
    """Return the number that a token holds, or None for an empty token; errors as in `key_of`."""
    key = key_of(token, int)
    return None if key is None else check_sequence(int(key), "the page token")


def check_sequence(number: int, what: str) -> int:
    """Return a number that databases can count to.

    Raises:
        InvalidRequest: it is beyond that.
    """
    if abs(number) >= UNBOUNDED:
        raise InvalidRequest(
            f"{what} holds a number of {len(str(number))} digits", hint="use a number that was given out"
        )
    return number
