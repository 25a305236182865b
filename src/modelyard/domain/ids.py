"""Global identifiers: a prefix that tells what is named, then 26 characters that sort by the time of creation.

Rules
- `mv_` names a version, `md_` a model. What follows is 128 bits: 48 of the time in milliseconds, then 80 of entropy,
  written in Crockford's base 32 (digits and lower-case letters without i, l, o, u), the highest bits first. So
  identifiers sort as text by their time, and no two makers need to speak to each other.
- Time and entropy are arguments: this module reads no clock and no random source.
"""

from __future__ import annotations

import re
from typing import Final

VERSION_PREFIX: Final = "mv"
MODEL_PREFIX: Final = "md"
ENTROPY_BYTES: Final = 10

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS: Final = 26
# 26 characters hold 130 bits, so the first one never exceeds 7.
_BODY: Final = re.compile(f"[0-7][{_ALPHABET}]{{{_CHARACTERS - 1}}}")


def new_id(prefix: str, now_ms: int, entropy: bytes) -> str:
    """Return an identifier of the kind that `prefix` names.

    Args:
        prefix: `VERSION_PREFIX` or `MODEL_PREFIX`.
        now_ms: milliseconds since 1970, UTC, from 0 to 2**48 - 1.
        entropy: exactly `ENTROPY_BYTES` random bytes.

    Raises:
        ValueError: the time or the entropy is not of that size, which is a defect of the caller.
    """
    if not 0 <= now_ms < 1 << 48:
        message = f"now_ms must fit 48 bits, and is {now_ms}"
        raise ValueError(message)
    if len(entropy) != ENTROPY_BYTES:
        message = f"entropy must have {ENTROPY_BYTES} bytes, and has {len(entropy)}"
        raise ValueError(message)
    bits = now_ms << 80 | int.from_bytes(entropy, "big")
    body = "".join(_ALPHABET[bits >> 5 * place & 31] for place in reversed(range(_CHARACTERS)))
    return f"{prefix}_{body}"


def new_version_id(now_ms: int, entropy: bytes) -> str:
    """Return the identifier of a new version; the arguments are those of `new_id`."""
    return new_id(VERSION_PREFIX, now_ms, entropy)


def new_model_id(now_ms: int, entropy: bytes) -> str:
    """Return the identifier of a new model; the arguments are those of `new_id`."""
    return new_id(MODEL_PREFIX, now_ms, entropy)


def is_id(prefix: str, text: object) -> bool:
    """Tell whether `text` is an identifier of that kind, exactly as `new_id` writes it."""
    return isinstance(text, str) and text.startswith(f"{prefix}_") and bool(_BODY.fullmatch(text, len(prefix) + 1))


def is_version_id(text: object) -> bool:
    """Tell whether `text` is the identifier of a version; whether there is such a version is another question."""
    return is_id(VERSION_PREFIX, text)


def is_model_id(text: object) -> bool:
    """Tell whether `text` is the identifier of a model; whether there is such a model is another question."""
    return is_id(MODEL_PREFIX, text)
