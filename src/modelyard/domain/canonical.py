"""One text for equal content: records of delivery as JSON that is the same byte for byte wherever they are equal.

Rules
- The names in objects are sorted, nothing stands between the tokens, and text is UTF-8.
- The order in lists is kept, for it may have a meaning (the first rule that matches decides).
- A float that is a whole number is written as one: 1 and 1.0 are equal, so they read alike.
- Only plain JSON values are taken; a number that is not finite is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, Final

_EXACT: Final = float(1 << 53)
"""Below it every whole float is one integer, exactly."""


def plain(value: Any) -> Any:
    """Return a record, or a JSON value, as a JSON value whose equal numbers are written alike."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def encoded(value: Any) -> bytes:
    """Return a record, or a JSON value, as its one text.

    Raises:
        ValueError: a number in it is not finite.
        TypeError: something in it is no JSON value.
    """
    text = json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()
