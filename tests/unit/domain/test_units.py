"""Units: they are stored and read back as they were, and damage is told."""

from __future__ import annotations

import msgspec
import pytest

from components.units import failed, well
from modelyard.domain.units import NONE, Arrival, Batch, key_hash, pack, unpack
from modelyard.errors import RegistryCorrupt

ARMS = (Arrival("old", 3), Arrival("new", 3))
UNITS = (well(0, 0, 12), failed(1, (1 << 64) - 1, -800, 7, 40), failed(1, 5, NONE))


def test_a_batch_is_read_back_as_it_was_stored():
    assert unpack(pack(ARMS, UNITS)) == Batch(ARMS, UNITS)


def test_the_same_units_make_the_same_bytes():
    assert pack(list(ARMS), list(UNITS)) == pack(ARMS, UNITS)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\xff",
        pack(ARMS, UNITS)[:-1],
        pack(ARMS, UNITS) + b"\x00",
        msgspec.msgpack.encode([[], "units"]),
        msgspec.msgpack.encode([[["old", 3]], [[0, 0, "no", 12]]]),
        msgspec.msgpack.encode([[["old", 3]], [[0, 0, False, 12.5]]]),
        msgspec.msgpack.encode([[["old", 3]], [[0, 0, False, float("nan")]]]),
        pack(ARMS, [well(2, 0, 1)]),
        pack(ARMS, [well(-1, 0, 1)]),
    ],
    ids=["empty", "no-msgpack", "short", "long", "text", "word", "fraction", "nan", "no-such-arm", "negative-arm"],
)
def test_bytes_that_stand_for_no_batch_are_damage(stored):
    with pytest.raises(RegistryCorrupt, match="stored evidence is damaged"):
        unpack(stored)


def test_no_key_has_the_hash_nought_and_a_key_never_has():
    assert key_hash(None, b"s") == 0
    assert key_hash(b"", b"s") != 0
    assert key_hash(b"user-1", b"s") == key_hash(b"user-1", b"s") != key_hash(b"user-2", b"s")
    assert key_hash(b"user-1", b"s") != key_hash(b"user-1", b"t"), "nobody finds it by trying without the secret"
    assert 0 < key_hash(b"x" * 1_000_000, b"s" * 64) < 1 << 64
