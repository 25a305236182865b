"""What the judge takes in: units, one for a request that the router drew lots for, in batches.

Rules
- A unit is a request with the arm that it came to, how it ended, and a hash of the key that the lots were drawn by. A
  request without a key is a unit of its own, hash 0.
- Where there are more than can be kept, a failed one may be kept for its error only: its latency is `NONE` then.
- A batch holds units in the order in which they ended. It is stored as it came, and is never changed.
- Latencies, sizes and costs are bins of `modelyard.domain.sketch`, exact to one per cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from modelyard.errors import RegistryCorrupt

NONE: Final = -100_000
"""Stands for no latency, no size and no cost; no bin has this number."""
COST_SCALE: Final = 1_000
"""What a cost is multiplied by before it falls into its bin: bins reach from 10^-10 of the currency to 1,000 then."""

MOST_SEEN: Final = 4096
"""How many requests of a deployment one process looks at in a second."""
MOST_UNITS: Final = 256
"""How many of these it keeps whatever they are, the first ones."""
MOST_FAILED: Final = 1024
"""How many failed ones it keeps behind them, for their error only."""


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """One request: `arm` is a place in the batch's list of arms."""

    arm: int
    key: int
    failed: bool
    place: int
    """Bin of the latency; `NONE` where the request is kept for its error only."""
    size: int = NONE
    """Bin of the tokens."""
    cost: int = NONE
    """Bin of the cost, in thousandths of the currency."""


class Arrival(msgspec.Struct, frozen=True, array_like=True):
    """An arm in an epoch: what a unit's place stands for."""

    version_id: str
    epoch: int


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Units of one deployment that one process saw in about a second."""

    arms: tuple[Arrival, ...]
    units: tuple[Unit, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Batch).decode


def key_hash(key: bytes | None, secret: bytes) -> int:
    """Return the hash that a key is known by, in 1 … 2^64 - 1; 0 for no key.

    Without the registry's secret, of up to 64 bytes, nobody finds short keys by trying.
    """
    if key is None:
        return 0
    return int.from_bytes(blake2b(key, digest_size=8, key=secret).digest()) or 1


def pack(arms: Sequence[Arrival], units: Sequence[Unit]) -> bytes:
    """Return a batch as it is stored."""
    return _encode(Batch(tuple(arms), tuple(units)))


def unpack(stored: bytes) -> Batch:
    """Return the batch that some bytes stand for.

    Raises:
        RegistryCorrupt: they stand for none.
    """
    try:
        batch = _decode(stored)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RegistryCorrupt(f"stored evidence is damaged: {error}") from error
    if any(not 0 <= unit.arm < len(batch.arms) for unit in batch.units):
        raise RegistryCorrupt("stored evidence is damaged: a unit has no arm")
    return batch
