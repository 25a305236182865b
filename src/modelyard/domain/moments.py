"""A moment of the past as people write it.

It is ISO 8601; without an offset it is UTC, and a date alone is the beginning of that day. What was true in the future
nobody knows: such a moment is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest

_SPACED_OFFSET = re.compile(r".*T.* \d\d:?\d\d")


def moment(text: str, now: str) -> str:
    """Return a moment as events write it, `2026-03-01T12:00:00.000000Z`.

    Args:
        text: ISO 8601, such as `2026-03-01`, `2026-03-01T12:00Z` or `2026-03-01T14:00+02:00`.
        now: the present moment, as events write it.

    Raises:
        InvalidRequest: it is no moment, or lies in the future.
    """
    try:
        given = datetime.fromisoformat(text.strip())
        given = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        spaced = _SPACED_OFFSET.fullmatch(text)
        hint = "in a URL, + is written %2B" if spaced else "write 2026-03-01, 2026-03-01T12:00Z or an offset, +02:00"
        raise InvalidRequest(f"{shown(text)} is no moment", hint=hint) from None
    written = given.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if written > now:
        raise InvalidRequest(
            f"{shown(text)} lies in the future", hint=f"it is {now} now; leave it out for the present state"
        )
    return written
