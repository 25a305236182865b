"""How bytes get in: the same digests however they arrive, and nothing left when they do not."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from itertools import pairwise
from mmap import mmap
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from components.files import files_below
from modelyard.artifacts.hashing import PART_SIZE, Rounds, part_count
from modelyard.artifacts.layout import blob_key
from modelyard.artifacts.opening import open_store
from modelyard.errors import IntegrityError, InvalidArtifact

PUT = """
import sys
from pathlib import Path
from modelyard.artifacts.opening import open_store
sys.stdin.readline()
blob = open_store(sys.argv[1]).add_file(sys.argv[2])
print(blob.digest, blob.stored)
"""


@pytest.fixture(scope="module")
def content():
    return os.urandom(2 * PART_SIZE + 12345)


@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 2 * PART_SIZE + 12345), max_size=6))
def test_the_way_bytes_are_cut_makes_no_difference(tmp_path_factory, content, cuts):
    store = open_store(tmp_path_factory.mktemp("store"))
    edges = [0, *sorted(cuts), len(content)]
    with store.writer("model.bin") as writer:
        for start, end in pairwise(edges):
            writer.write(memoryview(content)[start:end])
        blob = writer.commit()
    assert blob.digest == blake3(content).hexdigest()
    assert blob.sha256 == hashlib.sha256(content).hexdigest()
    assert blob.parts == tuple(
        blake3(content[start : start + PART_SIZE]).hexdigest() for start in range(0, len(content), PART_SIZE)
    )
    assert (Path(store.backend.where) / blob_key(blob.digest)).read_bytes() == content


@pytest.mark.parametrize(
    ("size", "parts"), [(0, 0), (1, 0), (PART_SIZE, 0), (PART_SIZE + 1, 2), (2 * PART_SIZE, 2), (2 * PART_SIZE + 1, 3)]
)
def test_only_files_of_several_parts_list_them(tmp_path, size, parts):
    assert part_count(size) == parts
    with open_store(tmp_path / "store").writer() as writer:
        writer.write(bytes(size))
        assert len(writer.commit(allow_empty=True).parts) == parts


def test_stored_objects_cannot_be_written_by_accident(tmp_path):
    store = open_store(tmp_path / "store")
    with store.writer() as writer:
        writer.write(b"data")
        blob = writer.commit()
    assert (Path(store.backend.where) / blob_key(blob.digest)).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("again", [False, True])
def test_the_bytes_are_durable_before_their_name_and_the_name_before_the_answer(tmp_path, monkeypatch, again):
    store = open_store(tmp_path / "store")
    key = blob_key(blake3(b"data").hexdigest())
    if again:
        (tmp_path / "store" / key).parent.mkdir(parents=True)
    happened = []

    def fsync(descriptor):
        happened.append(("sync", os.fstat(descriptor).st_ino))

    def rename(path, target):
        happened.append(("rename", path.stat().st_ino))
        path.replace(target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    with store.writer() as writer:
        writer.write(b"data")
        writer.commit()
    file, folder = ((tmp_path / "store" / place).stat().st_ino for place in (key, key.rpartition("/")[0]))
    in_order = [event for event in happened if event[1] in {file, folder}]
    assert in_order == [("sync", file), ("rename", file), ("sync", folder)]
    parents = {("sync", (tmp_path / "store" / place).stat().st_ino) for place in ("", "blobs")}
    assert again or parents <= set(happened[: happened.index(("rename", file))])


@pytest.mark.parametrize("size", [10, PART_SIZE + 10])
def test_leaving_without_commit_leaves_nothing(tmp_path, size):
    store = open_store(tmp_path / "store")
    with store.writer() as writer:
        writer.write(bytes(size))
    with pytest.raises(ValueError, match="finished"):
        writer.write(b"more")
    assert files_below(tmp_path) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("modelyard-artifacts")]


def test_an_error_in_a_lane_stops_the_writer():
    def fail(part):
        raise OSError(28, f"no room for {len(part)} bytes")

    rounds = Rounds([len, fail])
    rounds.submit(5)
    with pytest.raises(OSError, match="no room for 5 bytes"):
        rounds.finish()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("modelyard-artifacts")]


def test_room_for_a_part_costs_what_is_written_to_it():
    buffer = Rounds([len]).buffer
    assert (buffer.nbytes, buffer.format, buffer.readonly) == (PART_SIZE, "B", False)
    assert isinstance(buffer.obj, mmap), "a small file would wait until megabytes are filled with zeros"


@pytest.mark.parametrize("size", [100, PART_SIZE + 100, 3 * PART_SIZE])
def test_progress_adds_up_to_the_size(tmp_path, size):
    (tmp_path / "file").write_bytes(os.urandom(size))
    store = open_store(tmp_path / "store")
    steps: list[int] = []
    for _ in range(2):
        steps.clear()
        blob = store.add_file(tmp_path / "file", steps.append)
        assert sum(steps) == size
    steps.clear()
    store.fetch_to(blob.digest, blob.size, blob.parts, tmp_path / "out", progress=steps.append)
    assert sum(steps) == size


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(bytes(1000))

    def grow(_count):
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(InvalidArtifact, match="changed while it was read"):
        open_store(tmp_path / "store").add_file(path, _once(grow))


def test_a_file_that_is_rewritten_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(bytes(PART_SIZE + 1))

    def rewrite(_count):
        with path.open("r+b") as file:
            file.write(b"other")
        os.utime(path, ns=(1, 1))

    with pytest.raises(InvalidArtifact, match="changed while it was read"):
        open_store(tmp_path / "store").add_file(path, _once(rewrite))


def _once(action):
    done: list[int] = []

    def progress(count):
        if not done:
            done.append(count)
            action(count)

    return progress


def test_what_is_no_regular_file_is_refused(tmp_path):
    store = open_store(tmp_path / "store")
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "nothing", "No such file"),
        (tmp_path, "not a regular"),
        (tmp_path / "pipe", "not a"),
    ):
        with pytest.raises(InvalidArtifact, match=why):
            store.add_file(path)
    (tmp_path / "empty").touch()
    with pytest.raises(InvalidArtifact, match="empty is empty"):
        store.add_file(tmp_path / "empty")
    assert files_below(tmp_path / "store") == []


def test_a_named_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"content")
    (tmp_path / "link").symlink_to("real")
    assert open_store(tmp_path / "store").add_file(tmp_path / "link").size == 7


@pytest.mark.parametrize("size", [1000, 2 * PART_SIZE + 1])
def test_two_processes_may_put_the_same_file_at_once(tmp_path, size):
    (tmp_path / "file").write_bytes(os.urandom(size))
    command = [sys.executable, "-c", PUT, str(tmp_path / "store"), str(tmp_path / "file")]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for child in children:
        # Both wait for this line, with their imports done.
        os.write(child.stdin.fileno() if child.stdin else -1, b"go\n")
    answers = [child.communicate()[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert answers[0][0] == answers[1][0]
    assert "True" in {answer[1] for answer in answers}
    store = open_store(tmp_path / "store")
    assert store.verify(answers[0][0]) == size
    left = [path for path in files_below(Path(store.backend.where)) if not path.startswith("known/")]
    assert left == [blob_key(answers[0][0])]


def test_many_threads_may_put_at_once(tmp_path):
    store = open_store(tmp_path / "store")
    contents = [bytes([number % 5]) * 3000 for number in range(20)]
    blobs = []

    def put(data):
        with store.writer() as writer:
            writer.write(data)
            blobs.append(writer.commit())

    threads = [threading.Thread(target=put, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(blobs) == 20
    assert len({blob.digest for blob in blobs}) == 5
    assert len(files_below(Path(store.backend.where))) == 5


def test_compression_can_be_switched_on_and_off(tmp_path):
    data = b"node " * 1000
    plain, packed = open_store(tmp_path / "store"), open_store(tmp_path / "store", compression=True)

    def put(store, data, name="m.pkl"):
        with store.writer(name) as writer:
            writer.write(data)
            return writer.commit()

    blob = put(packed, data)
    assert plain.stored_key(blob.digest) == blob_key(blob.digest, compressed=True)
    assert put(plain, data).stored
    assert plain.stored_key(blob.digest) == blob_key(blob.digest)
    assert not put(packed, data).stored
    assert packed.delete(blob.digest)
    assert files_below(tmp_path / "store") == []
    assert put(packed, os.urandom(5000)).stored
    assert put(packed, data, "weights.safetensors").stored
    assert not [path for path in files_below(tmp_path / "store") if path.endswith(".zst")]


def test_a_good_compressed_copy_takes_the_place_of_a_damaged_plain_one(tmp_path):
    data = b"node " * 1000
    store = open_store(tmp_path / "store", compression=True)
    digest = blake3(data).hexdigest()
    path = Path(store.backend.where) / blob_key(digest)
    path.parent.mkdir(parents=True)
    path.write_bytes(data[:-1])
    with store.writer("m.pkl") as writer:
        writer.write(data)
        blob = writer.commit()
    assert b"".join(store.read(blob.digest, blob.size, blob.parts)) == data


def flip(path, offset):
    """Flip one bit, as a bad disk does."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def restored(store, blob):
    return b"".join(store.read(blob.digest, blob.size, blob.parts))


@pytest.mark.parametrize(("name", "compression"), [("m.bin", False), ("m.pkl", True)])
@pytest.mark.parametrize("size", [1000, PART_SIZE])
def test_the_good_file_repairs_a_damaged_one(tmp_path, name, compression, size):
    store = open_store(tmp_path / "store", compression=compression)
    (tmp_path / name).write_bytes(b"node " * (size // 5))
    blob = store.add_file(tmp_path / name)
    flip(tmp_path / "store" / store.stored_key(blob.digest), -20)
    assert store.add_file(tmp_path / name).stored
    assert restored(store, blob) == (tmp_path / name).read_bytes()
    assert not store.add_file(tmp_path / name).stored


def test_a_damaged_plain_object_does_not_hide_a_good_compressed_one(tmp_path):
    store = open_store(tmp_path / "store", compression=True)
    (tmp_path / "m.pkl").write_bytes(b"node " * 1000)
    blob = store.add_file(tmp_path / "m.pkl")
    (tmp_path / "store" / blob_key(blob.digest)).write_bytes(b"edon " * 1000)
    store.add_file(tmp_path / "m.pkl")
    assert restored(store, blob) == b"node " * 1000


def finds_by_verify(store, blob, _target):
    store.verify(blob.digest)


def finds_by_read(store, blob, _target):
    restored(store, blob)


def finds_by_fetch(store, blob, target):
    store.fetch_to(blob.digest, blob.size, blob.parts, target)


@pytest.mark.parametrize("finds", [finds_by_verify, finds_by_read, finds_by_fetch])
def test_the_good_large_file_repairs_one_that_was_found_damaged(tmp_path, content, finds):
    store = open_store(tmp_path / "store")
    (tmp_path / "m.bin").write_bytes(content)
    blob = store.add_file(tmp_path / "m.bin")
    path = tmp_path / "store" / blob_key(blob.digest)
    flip(path, PART_SIZE + 7)
    with pytest.raises(IntegrityError):
        finds(store, blob, tmp_path / "out")
    assert store.add_file(tmp_path / "m.bin").stored
    assert path.read_bytes() == content
    repaired = path.stat().st_ino
    assert not store.add_file(tmp_path / "m.bin").stored
    assert path.stat().st_ino == repaired


def test_large_bytes_that_come_piece_by_piece_repair_a_damaged_file(tmp_path, content):
    store = open_store(tmp_path / "store")

    def put():
        with store.writer() as writer:
            writer.write(content)
            return writer.commit()

    path = tmp_path / "store" / blob_key(put().digest)
    assert not put().stored
    flip(path, 3)
    assert put().stored
    assert path.read_bytes() == content


def test_an_undamaged_large_file_is_recognised_without_reading_it(tmp_path, content):
    store = open_store(tmp_path / "store")
    (tmp_path / "m.bin").write_bytes(content)
    blob = store.add_file(tmp_path / "m.bin")
    assert store.verify(blob.digest) == len(content)
    path = tmp_path / "store" / blob_key(blob.digest)
    # Damage that nobody has found tells whether the stored bytes are read.
    flip(path, 0)
    assert not store.add_file(tmp_path / "m.bin").stored
    assert path.read_bytes() != content
