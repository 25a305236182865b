"""Addresses that somebody else wrote, without the secrets that they may hold, so that they can be recorded and shown.

Rules
1. A password (`://user:password@`) and the value of a query's field that is named like a secret become `***`; so does a
   user without a password of a web address, because tokens are often written there.
2. Everything else stays as it is, also around the address: it may stand in a longer text, such as JSON.
"""

from __future__ import annotations

import re
from typing import Final

_PASSWORD: Final = re.compile(r"(://[^:@/?#\s\"]*):[^/?#\s\"]*@")
_USER: Final = re.compile(r"(https?://)[^:@/?#\s\"]+@", re.IGNORECASE)
_FIELD: Final = re.compile(
    r"([?&][^=&\s\"]*(?:password|passwd|secret|token|key|sig|credential)[^=&\s\"]*)=[^&#\s\"]*", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """Return a text with addresses in which no secrets stand any more."""
    hidden = _USER.sub(r"\1***@", _PASSWORD.sub(r"\1:***@", text))
    return _FIELD.sub(r"\1=***", hidden)
