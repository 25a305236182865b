"""The headers of errors: when to come again, and how to prove who one is."""

from __future__ import annotations

import math

from modelyard.errors import ModelyardError, NotServing, Overloaded, Unauthenticated

Headers = list[tuple[bytes, bytes]]


def headers_of_error(error: ModelyardError) -> Headers:
    """Return the headers that belong to an error's answer: `Retry-After` in whole seconds, `WWW-Authenticate`."""
    if isinstance(error, Unauthenticated):
        return [(b"www-authenticate", b'Bearer realm="modelyard"')]
    if isinstance(error, Overloaded | NotServing):
        told = error.details.get("retry_after", 1)
        seconds = math.ceil(told) if isinstance(told, int | float) and 0 < told < math.inf else 1
        return [(b"retry-after", b"%d" % seconds)]
    return []
