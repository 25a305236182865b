"""How bytes get out: any range, any damage, nothing unverified."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.files import names
from modelyard.artifacts.hashing import PART_SIZE
from modelyard.artifacts.layout import blob_key
from modelyard.artifacts.opening import open_store
from modelyard.errors import IntegrityError, InvalidArtifact, RegistryUnusable

SIZE = 2 * PART_SIZE + PART_SIZE // 2
EDGES = [0, 1, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 2 * PART_SIZE - 1, 2 * PART_SIZE, SIZE - 1]


@pytest.fixture(scope="module")
def content():
    return os.urandom(SIZE)


@pytest.fixture(scope="module")
def stored(tmp_path_factory, content):
    store = open_store(tmp_path_factory.mktemp("store"))
    with store.writer("model.bin") as writer:
        writer.write(content)
        return store, writer.commit()


@settings(max_examples=40)
@given(
    st.one_of(st.sampled_from(EDGES), st.integers(-5, SIZE + 5)),
    st.one_of(st.sampled_from(EDGES), st.integers(-5, SIZE + 5)),
)
def test_any_range_is_the_slice(stored, content, start, end):
    store, blob = stored
    pieces = list(store.read_range(blob.digest, blob.size, blob.parts, start=start, end=end))
    assert b"".join(pieces) == content[max(start, 0) : max(end, 0)]
    assert all(0 < len(piece) <= PART_SIZE and piece.readonly for piece in pieces)


@pytest.mark.parametrize("offset", EDGES)
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path, stored, content, offset, bit):
    original, blob = stored
    store = open_store(tmp_path / "copy")
    path = Path(store.backend.where) / blob_key(blob.digest)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(content)
        file.seek(offset)
        file.write(bytes([content[offset] ^ (1 << bit)]))
    given_out = bytearray()
    pieces = store.read(blob.digest, blob.size, blob.parts, name="weights.bin")
    with pytest.raises(IntegrityError, match=r"weights\.bin is damaged"):
        deque(map(given_out.extend, pieces))
    assert len(given_out) == offset // PART_SIZE * PART_SIZE
    assert content.startswith(given_out)
    with pytest.raises(IntegrityError):
        store.fetch_to(blob.digest, blob.size, blob.parts, tmp_path / "out")
    with pytest.raises(IntegrityError):
        store.verify(blob.digest)
    assert names(tmp_path) == ["copy"]
    assert original.verify(blob.digest) == SIZE


def test_the_manifest_must_fit_the_file(stored):
    store, blob = stored
    with pytest.raises(IntegrityError, match="lists 0 parts"):
        list(store.read(blob.digest, blob.size, ()))
    with pytest.raises(IntegrityError, match="instead of"):
        list(store.read(blob.digest, blob.size - 1, blob.parts))
    with pytest.raises(IntegrityError, match="do not match"):
        list(store.read(blob.digest, blob.size, blob.parts[::-1]))


def test_two_swapped_objects_are_refused(tmp_path):
    store = open_store(tmp_path / "store")
    blobs = []
    for data in (b"first model", b"other model"):
        with store.writer() as writer:
            writer.write(data)
            blobs.append(writer.commit())
    one, two = (Path(store.backend.where) / blob_key(blob.digest) for blob in blobs)
    one.rename(tmp_path / "aside")
    two.rename(one)
    (tmp_path / "aside").rename(two)
    for blob in blobs:
        with pytest.raises(IntegrityError):
            list(store.read(blob.digest, blob.size))


def test_a_link_in_the_place_of_an_object_is_not_followed(tmp_path):
    store = open_store(tmp_path / "store")
    with store.writer() as writer:
        writer.write(b"data")
        blob = writer.commit()
    path = Path(store.backend.where) / blob_key(blob.digest)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert not store.exists(blob.digest)
    with pytest.raises(RegistryUnusable, match="failed"):
        list(store.read(blob.digest, blob.size))


def test_pieces_may_be_kept(stored, content):
    store, blob = stored
    assert b"".join(list(store.read(blob.digest, blob.size, blob.parts))) == content


def test_reading_may_be_broken_off(stored):
    store, blob = stored
    descriptors = Path("/proc/self/fd")
    before = len(names(descriptors)) if descriptors.is_dir() else 0
    pieces = store.read(blob.digest, blob.size, blob.parts)
    next(pieces)
    pieces.close()
    assert not before or len(names(descriptors)) == before


def test_a_digest_cannot_name_another_file(stored):
    store, _ = stored
    for digest in ("../../etc/passwd", "", "AB" * 32, "ab" * 33):
        with pytest.raises(InvalidArtifact, match="not a BLAKE3 digest"):
            store.exists(digest)
