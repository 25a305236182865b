"""How events are chained: the hash of a fact covers the fact and the hash of the fact before it.

The canonical form is JSON with sorted keys and no blanks, so that any language can check a chain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from blake3 import blake3

GENESIS = "0" * 64
"""The `previous` of a chain's first event."""

HASHED = ("model", "position", "type", "at", "actor", "version_id", "data", "previous")
"""The fields that an event's hash covers."""


def event_hash(fact: Mapping[str, Any]) -> str:
    """Return the BLAKE3 of an event's canonical JSON, in hexadecimal."""
    canonical = json.dumps(
        {name: fact[name] for name in HASHED},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return blake3(canonical.encode()).hexdigest()
