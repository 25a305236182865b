"""The key of a request: what sticks to a version. From a header, from one field of the JSON body, or by chance.

Rules
- The header wins over the field. Where neither is there, the request has no key, and gets one by chance (`chance`).
- Of a body only the one field is decoded. A text counts as its characters and anything else as its JSON, so that the
  same user has the same key in a header and in a body.
- A body that cannot be read has no key: the version it comes to says what is wrong with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache, reduce
from typing import Any

import msgspec

from modelyard.domain.routing import Header
from modelyard.domain.wire.delivery import EndpointConfiguration

_KEY_BYTES = 8
CHANCE = random.Random()  # noqa: S311 - it decides on nothing but the spread
"""A source of its own: whoever seeds the module's shared one for an experiment is not disturbed."""
_read_text = msgspec.json.Decoder(str).decode


def chance() -> bytes:
    """Return a key for a request that has none."""
    # Spread requests, not secrets, come from this chance.
    return CHANCE.randbytes(_KEY_BYTES)


def key_of(configuration: EndpointConfiguration, header: Header, body: bytes) -> bytes | None:
    """Return the key of a request; None where it has none."""
    named = header(configuration.key_header) if configuration.key_header else None
    if named:
        return named.encode("utf-8", "surrogatepass")
    if configuration.key_field:
        return field_reader(configuration.key_field)(body)
    return None


@lru_cache(maxsize=1_000)
def field_reader(path: str) -> Callable[[bytes], bytes | None]:
    """Return what reads one field of a JSON object, by its dotted path; None where it is not there."""
    names = path.split(".")

    def nested(inner: Any, name: str) -> Any:
        return msgspec.defstruct("Part", [("inner", inner)], rename={"inner": name})

    decode = msgspec.json.Decoder(reduce(nested, reversed(names), msgspec.Raw)).decode

    def read(body: bytes) -> bytes | None:
        try:
            found: Any = decode(body)
            for _ in names:
                found = found.inner
            raw = bytes(found)
            return _read_text(raw).encode("utf-8", "surrogatepass") if raw.startswith(b'"') else raw
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    return read
