"""`POST /api/models/{name}/deploy?wait=SECONDS`: how long the caller wants to wait for the deployment's end."""

from __future__ import annotations

import math
from urllib.parse import urlencode

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest
from modelyard.server.binding import query_values

WAIT = "wait"
LONGEST_S = 3600.0


def split_wait(query: bytes) -> tuple[bytes, float]:
    """A query string without `wait`, and its seconds; 0 where it has none.

    Raises:
        InvalidRequest: `wait` is no number of seconds that can be waited.
    """
    values = query_values(query)
    text = values.pop(WAIT, None)
    if text is None:
        return query, 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LONGEST_S:
        hint = f"give a number of seconds, 0 to {LONGEST_S:g}"
        raise InvalidRequest(f"wait is {shown(text)}", hint=hint, details={"in": "query", "field": WAIT})
    return urlencode(values).encode("ascii"), seconds
