"""What every place for bytes must do, on a folder and on S3; the fixture fails a test that leaves rubbish."""

from __future__ import annotations

import io
import os
import tarfile
import time

import pytest

from components.files import names
from modelyard.artifacts import gc
from modelyard.artifacts.hashing import PART_SIZE, digest_of
from modelyard.artifacts.layout import blob_key
from modelyard.artifacts.transfer import tar_size, tar_stream
from modelyard.artifacts.tree import ingest, restore
from modelyard.errors import IntegrityError, InvalidArtifact, InvalidRequest

KEY = blob_key("ab" + "cd" * 31)
SIZES = [1, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 2 * PART_SIZE + 4321]


def put(place, data, name="", **options):
    with place.open(**options).writer(name) as writer:
        writer.write(data)
        return writer.commit()


def joined(pieces):
    return b"".join(pieces)


def read(place, blob, name=""):
    return joined(place.open().read(blob.digest, blob.size, blob.parts, name=name))


# The backend itself.


def test_an_object_is_there_once_committed(artifact_place):
    backend = artifact_place.open().backend
    with backend.new_writer() as writer:
        writer.write(b"one ")
        writer.write(memoryview(b"two"))
        assert backend.stat(KEY) is None
        writer.commit(KEY)
    found = backend.stat(KEY)
    assert (found.key, found.size) == (KEY, 7)
    assert abs(found.modified - time.time()) < 60
    assert artifact_place.raw(KEY) == b"one two"


def test_ranges_end_with_the_object(artifact_place):
    artifact_place.overwrite(KEY, b"0123456789")
    with artifact_place.open().backend.open(KEY) as reader:
        buffer = memoryview(bytearray(4))
        assert reader.size == 10
        assert (reader.readinto(3, buffer), bytes(buffer)) == (4, b"3456")
        assert (reader.readinto(8, buffer), bytes(buffer[:2])) == (2, b"89")
        assert reader.readinto(10, buffer) == 0
        assert reader.readinto(99, buffer) == 0


def test_a_writer_that_is_left_leaves_nothing(artifact_place):
    backend = artifact_place.open().backend
    with backend.new_writer() as writer:
        writer.write(b"never mind")
    interrupted = backend.new_writer()
    with pytest.raises(KeyboardInterrupt), interrupted:
        raise KeyboardInterrupt
    assert artifact_place.keys() == set()


def test_a_finished_writer_takes_nothing_more(artifact_place):
    writer = artifact_place.open().backend.new_writer()
    writer.abort()
    writer.abort()
    with pytest.raises(ValueError, match=r"finished|closed"):
        writer.write(b"more")
    with pytest.raises(ValueError, match=r"finished|closed"):
        writer.commit(KEY)
    assert artifact_place.keys() == set()


def test_a_second_commit_replaces_the_object(artifact_place):
    artifact_place.overwrite(KEY, b"first")
    artifact_place.overwrite(KEY, b"second!")
    assert artifact_place.raw(KEY) == b"second!"


def test_what_is_not_there(artifact_place):
    backend = artifact_place.open().backend
    assert backend.open(KEY) is None
    assert backend.stat(KEY) is None
    assert backend.last_needed(KEY) is None
    assert backend.delete(KEY) is False
    assert list(backend.list("blobs/")) == []


def test_deleting_says_whether_it_was_there(artifact_place):
    artifact_place.overwrite(KEY, b"x")
    backend = artifact_place.open().backend
    assert backend.delete(KEY) is True
    assert backend.delete(KEY) is False
    assert artifact_place.keys() == set()


def test_listing_stays_below_its_prefix(artifact_place):
    keys = {blob_key(digest_of(bytes([number]))) for number in range(20)}
    for key in keys:
        artifact_place.overwrite(key, b"1234")
    artifact_place.overwrite("view/elsewhere", b"5")
    listed = list(artifact_place.open().backend.list("blobs/"))
    assert {stat.key for stat in listed} == keys
    assert {stat.size for stat in listed} == {4}


def test_touching_makes_an_object_young_again(artifact_place):
    artifact_place.overwrite(KEY, b"x")
    backend = artifact_place.open().backend
    if artifact_place.kind == "local":
        os.utime(backend.root / KEY, (1_000, 1_000))
        assert backend.last_needed(KEY) == 1_000
    before = backend.last_needed(KEY)
    backend.touch(KEY)
    assert backend.last_needed(KEY) >= before
    assert abs(backend.last_needed(KEY) - time.time()) < 60
    assert artifact_place.raw(KEY) == b"x"
    backend.delete(KEY)
    assert artifact_place.keys() == set()


# The store over it.


@pytest.mark.feature("STO-01", "STO-03")
@pytest.mark.parametrize("size", SIZES)
def test_bytes_come_back_as_they_went_in(artifact_place, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "model.bin").write_bytes(data)
    blob = artifact_place.open().add_file(tmp_path / "model.bin")
    assert (blob.digest, blob.size, blob.stored) == (digest_of(data), size, True)
    assert blob.parts == (
        tuple(digest_of(data[start : start + PART_SIZE]) for start in range(0, size, PART_SIZE))
        if size > PART_SIZE
        else ()
    )
    assert read(artifact_place, blob) == data
    artifact_place.open().fetch_to(blob.digest, blob.size, blob.parts, tmp_path / "deep" / "copy.bin")
    assert (tmp_path / "deep" / "copy.bin").read_bytes() == data
    assert names(tmp_path / "deep") == ["copy.bin"]
    assert artifact_place.open().verify(blob.digest) == size
    assert artifact_place.raw(blob_key(blob.digest)) == data


@pytest.mark.parametrize("size", [1000, PART_SIZE, 2 * PART_SIZE + 1])
def test_the_same_bytes_are_stored_once(artifact_place, tmp_path, size):
    data = os.urandom(size)
    first, again = put(artifact_place, data), put(artifact_place, data)
    (tmp_path / "same").write_bytes(data)
    from_file = artifact_place.open().add_file(tmp_path / "same")
    assert (first.stored, again.stored, from_file.stored) == (True, False, False)
    assert first.digest == again.digest == from_file.digest
    assert (first.sha256, first.parts) == (from_file.sha256, from_file.parts)
    assert sum(key.startswith("blobs/") for key in list(artifact_place.keys())) == 1


def test_storing_again_heals_an_object_of_the_wrong_length(artifact_place):
    data = os.urandom(PART_SIZE + 5)
    blob = put(artifact_place, data)
    artifact_place.overwrite(blob_key(blob.digest), data[:-1])
    assert put(artifact_place, data).stored
    assert read(artifact_place, blob) == data


DAMAGE = {
    "flipped": lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
    "truncated": lambda data: data[:-8],
    "emptied": lambda _: b"",
    "extended": lambda data: data + b"\0",
    "swapped": lambda data: os.urandom(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("size", [100, PART_SIZE + 100])
def test_damage_is_refused_and_named(artifact_place, tmp_path, size, damage):
    data = os.urandom(size)
    blob = put(artifact_place, data)
    artifact_place.overwrite(blob_key(blob.digest), damage(data))
    target = tmp_path / "model.bin"
    target.write_bytes(b"as it was")
    store = artifact_place.open()
    with pytest.raises(IntegrityError, match=r"weights/model\.bin"):
        read(artifact_place, blob, name="weights/model.bin")
    with pytest.raises(IntegrityError, match=r"weights/model\.bin") as caught:
        store.fetch_to(blob.digest, blob.size, blob.parts, target, name="weights/model.bin")
    assert caught.value.details["file"] == "weights/model.bin"
    with pytest.raises(IntegrityError, match="damaged"):
        store.verify(blob.digest)
    assert target.read_bytes() == b"as it was"
    assert names(tmp_path).count("model.bin") == 1
    assert not [name for name in names(tmp_path) if name.startswith(".modelyard")]


def test_a_missing_object_is_refused_and_named(artifact_place, tmp_path):
    blob = put(artifact_place, b"gone soon")
    store = artifact_place.open()
    assert store.exists(blob.digest)
    assert store.delete(blob.digest)
    assert not store.delete(blob.digest)
    assert not store.exists(blob.digest)
    with pytest.raises(IntegrityError, match=r"model\.bin is missing from the store"):
        read(artifact_place, blob, name="model.bin")
    with pytest.raises(IntegrityError, match="missing from the store"):
        store.fetch_to(blob.digest, blob.size, blob.parts, tmp_path / "x")
    with pytest.raises(IntegrityError, match="missing from the store"):
        store.verify(blob.digest)
    assert not (tmp_path / "x").exists()


def test_a_range_reads_only_its_own_parts(artifact_place):
    data = os.urandom(2 * PART_SIZE + 10)
    blob = put(artifact_place, data)
    artifact_place.overwrite(blob_key(blob.digest), b"\0" + data[1:])
    store = artifact_place.open()
    pieces = store.read_range(blob.digest, blob.size, blob.parts, start=PART_SIZE, end=PART_SIZE + 5)
    assert joined(pieces) == data[PART_SIZE : PART_SIZE + 5]
    with pytest.raises(IntegrityError):
        joined(store.read_range(blob.digest, blob.size, blob.parts, start=5, end=6))


def test_nothing_empty_is_stored(artifact_place):
    with (
        pytest.raises(InvalidArtifact, match=r"model\.pkl is empty"),
        artifact_place.open().writer("model.pkl") as writer,
    ):
        writer.commit()
    assert artifact_place.keys() == set()
    with artifact_place.open().writer("__init__.py") as writer:
        blob = writer.commit(allow_empty=True)
    assert (blob.size, read(artifact_place, blob)) == (0, b"")


@pytest.mark.feature("STO-02")
def test_pickles_that_shrink_are_held_compressed(artifact_place, tmp_path):
    data = b"tree " * (PART_SIZE // 4)
    blob = put(artifact_place, data, "forest.joblib", compression=True)
    assert blob.digest == digest_of(data)
    assert artifact_place.keys() == {blob_key(blob.digest, compressed=True)}
    assert len(artifact_place.raw(blob_key(blob.digest, compressed=True))) < len(data) / 10
    assert read(artifact_place, blob) == data
    start, end = PART_SIZE - 2, PART_SIZE + 3
    ranged = artifact_place.open().read_range(blob.digest, blob.size, blob.parts, start=start, end=end)
    assert joined(ranged) == data[start:end]
    artifact_place.open().fetch_to(blob.digest, blob.size, blob.parts, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == data
    assert artifact_place.open().verify(blob.digest) == len(data)
    assert not put(artifact_place, data, "forest.joblib", compression=True).stored


@pytest.mark.parametrize("damage", [*DAMAGE.values(), lambda data: data[: len(data) // 2]], ids=[*DAMAGE, "halved"])
def test_damage_to_compressed_objects_is_refused(artifact_place, damage):
    data = b"0123456789abcdef" * 5000
    blob = put(artifact_place, data, "m.pkl", compression=True)
    key = blob_key(blob.digest, compressed=True)
    artifact_place.overwrite(key, damage(artifact_place.raw(key)))
    with pytest.raises(IntegrityError, match=r"m\.pkl"):
        read(artifact_place, blob, name="m.pkl")
    with pytest.raises(IntegrityError):
        artifact_place.open().verify(blob.digest)


def test_a_folder_goes_in_and_comes_out(artifact_place, tmp_path):
    source = tmp_path / "in"
    (source / "code" / "pkg").mkdir(parents=True)
    (source / "code" / "pkg" / "__init__.py").touch()
    (source / "model.bin").write_bytes(os.urandom(PART_SIZE + 1))
    (source / ".config").write_text("hidden")
    manifest = ingest(artifact_place.open(), source)
    assert [file.path for file in manifest.files] == [".config", "code/pkg/__init__.py", "model.bin"]
    written = restore(artifact_place.open(), manifest.files, tmp_path / "out")
    assert written == [tmp_path / "out" / file.path for file in manifest.files]
    for file in manifest.files:
        assert (tmp_path / "out" / file.path).read_bytes() == (source / file.path).read_bytes()
    archive = joined(tar_stream(artifact_place.open(), manifest.files))
    assert len(archive) == tar_size(manifest.files)
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert opened.getnames() == [file.path for file in manifest.files]
        assert (opened.extractfile("model.bin") or io.BytesIO()).read() == (source / "model.bin").read_bytes()


def test_what_nobody_needs_is_collected(artifact_place):
    kept, lost = put(artifact_place, b"kept"), put(artifact_place, os.urandom(PART_SIZE + 9))
    backend = artifact_place.open().backend
    soon = time.time() + 100
    assert gc.candidates(backend, lambda: {kept.digest}, older_than=time.time() - 100) == []
    [candidate] = gc.candidates(backend, lambda: {kept.digest}, older_than=soon)
    assert (candidate.digest, candidate.size) == (lost.digest, lost.size)
    assert gc.sweep(backend, [lost.digest], older_than=time.time() - 100) == gc.Swept()
    assert gc.sweep(backend, [lost.digest], older_than=soon) == gc.Swept(count=1, size=lost.size)
    assert gc.sweep(backend, [lost.digest], older_than=soon) == gc.Swept()
    assert artifact_place.keys() == {blob_key(kept.digest)}


def test_a_target_that_is_a_folder_is_refused(artifact_place, tmp_path):
    blob = put(artifact_place, b"data")
    with pytest.raises(InvalidRequest, match="is a folder"):
        artifact_place.open().fetch_to(blob.digest, blob.size, blob.parts, tmp_path)
