"""Keys, addresses of stores, notes on known files, and the collector."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.artifacts import cloud, gc, layout
from modelyard.artifacts.hashing import PART_SIZE
from modelyard.artifacts.known import recall
from modelyard.artifacts.opening import open_store
from modelyard.errors import InvalidArtifact, InvalidConfig, MissingExtra, RegistryUnusable

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)


def put(store, data, name=""):
    with store.writer(name) as writer:
        writer.write(data)
        return writer.commit()


@given(DIGESTS, st.booleans())
def test_a_key_tells_its_digest(digest, compressed):
    key = layout.blob_key(digest, compressed=compressed)
    assert layout.digest_of_key(key) == digest
    assert key.startswith(f"blobs/{digest[:2]}/{digest[2:]}")
    assert len(key.split("/")) == 3


@pytest.mark.parametrize("key", ["blobs/ab/cd", "tmp/" + "a" * 64, "blobs/ab/" + "c" * 62 + ".gz", "", "blobs/"])
def test_other_keys_tell_nothing(key):
    assert layout.digest_of_key(key) is None


@given(st.text(max_size=70))
def test_nothing_but_a_digest_makes_a_key(text):
    with pytest.raises(InvalidArtifact, match="not a BLAKE3 digest"):
        layout.blob_key(f"../{text}")


# Opening.


@pytest.mark.parametrize("form", ["{0}", "file://{0}", "file://localhost{0}"])
def test_a_folder_can_be_named_in_many_ways(tmp_path, form):
    store = open_store(form.format(tmp_path / "my store").replace(" ", "%20" if "://" in form else " "))
    assert store.root == tmp_path / "my store"
    assert not (tmp_path / "my store").exists()
    assert put(store, b"x").stored


def test_relative_folders_do_not_move_with_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_store("store").root == tmp_path / "store"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("~/store").root == tmp_path / "store"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "not a path"),
        ("ftp://host/folder", "'ftp' are not known"),
        ("file://elsewhere/folder", "another machine"),
        ("file://", "not a path"),
        ("a\0b", "not a path"),
        ("s3://", "not a usable store"),
        ("s3a:///x", "not a usable store"),
    ],
)
def test_addresses_that_lead_nowhere_are_refused(address, why):
    with pytest.raises(InvalidConfig, match=why) as caught:
        open_store(address)
    assert caught.value.hint


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidConfig, match="is not a folder"):
        open_store(tmp_path / "file")


@pytest.mark.feature("STO-03")
def test_buckets_need_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtra, match="obstore") as caught:
        open_store("s3://bucket")
    assert caught.value.hint == "pip install 'modelyard[cloud]'"


@pytest.mark.parametrize("url", ["gs://bucket/prefix", "az://container/prefix"])
def test_other_clouds_are_opened_by_their_urls(url, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    store = open_store(url)
    assert store.backend.where == url
    assert store.root is None


def test_a_bucket_that_does_not_answer_is_an_error_of_the_registry(monkeypatch):
    monkeypatch.setattr(cloud, "_RETRIES", 0)
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://bucket/prefix")
    for action in (
        lambda: put(store, b"x"),
        lambda: store.exists("0" * 64),
        lambda: list(store.backend.list("blobs/")),
    ):
        with pytest.raises(RegistryUnusable, match="s3://bucket/prefix failed") as caught:
            action()
        assert "\n" not in caught.value.message


# Known files.


@pytest.fixture
def large(tmp_path):
    store = open_store(tmp_path / "store")
    data = os.urandom(2 * PART_SIZE + 7)
    return store, data, put(store, data)


def again(store, tmp_path, data):
    (tmp_path / "again").write_bytes(data)
    return store.add_file(tmp_path / "again")


def test_a_known_file_is_not_written_again(large, tmp_path, monkeypatch):
    store, data, blob = large
    monkeypatch.setattr(store.backend, "new_writer", lambda: pytest.fail("written again"))
    found = again(store, tmp_path, data)
    assert (found.digest, found.sha256, found.parts, found.stored) == (blob.digest, blob.sha256, blob.parts, False)


def test_recognising_a_file_makes_it_young(large, tmp_path):
    store, data, blob = large
    os.utime(Path(store.backend.where) / layout.blob_key(blob.digest), (1, 1))
    again(store, tmp_path, data)
    assert store.backend.last_needed(layout.blob_key(blob.digest)) > time.time() - 60


def test_a_file_that_only_begins_alike_is_another(large, tmp_path):
    store, data, blob = large
    other = data[:-1] + bytes([data[-1] ^ 1])
    found = again(store, tmp_path, other)
    assert found.stored
    assert found.digest != blob.digest
    assert len(recall(store.backend, blob.parts[0], blob.size)) == 2
    assert not again(store, tmp_path, other).stored
    assert again(store, tmp_path, data + b"x").stored


def damaged_note(note):
    note.chmod(0o644)
    note.write_bytes(note.read_bytes().replace(b'"size"', b'"siez"'))


def empty_note(note):
    note.chmod(0o644)
    note.write_bytes(b"")


@pytest.mark.parametrize("spoil", [damaged_note, empty_note, lambda note: note.unlink()])
def test_notes_may_be_damaged_or_lost(large, tmp_path, spoil):
    store, data, blob = large
    spoil(Path(store.backend.where) / layout.known_key(blob.parts[0], blob.digest))
    found = again(store, tmp_path, data)
    assert (found.digest, found.sha256, found.stored) == (blob.digest, blob.sha256, False)


def test_a_note_on_a_lost_file_is_not_believed(large, tmp_path):
    store, data, blob = large
    store.delete(blob.digest)
    assert again(store, tmp_path, data).stored


# The collector.


def test_live_digests_are_asked_for_after_the_listing(tmp_path):
    store = open_store(tmp_path / "store")
    old = put(store, b"old")
    late = []

    def live():
        late.append(put(store, b"registered meanwhile").digest)
        return set()

    found = gc.candidates(store.backend, live, older_than=time.time() + 60)
    assert [candidate.digest for candidate in found] == [old.digest]
    assert store.exists(late[0])


def test_the_guard_surrounds_each_deletion(tmp_path):
    store = open_store(tmp_path / "store")
    wanted, unwanted = put(store, b"wanted after all"), put(store, b"unwanted")
    seen = []

    @contextmanager
    def guard(digest):
        seen.append(("open", digest, store.exists(digest)))
        yield digest == unwanted.digest
        seen.append(("close", digest, store.exists(digest)))

    swept = gc.sweep(store.backend, [wanted.digest, unwanted.digest], older_than=time.time() + 60, guard=guard)
    assert swept == gc.Swept(count=1, size=8)
    assert seen == [
        ("open", wanted.digest, True),
        ("close", wanted.digest, True),
        ("open", unwanted.digest, True),
        ("close", unwanted.digest, False),
    ]


def test_what_is_needed_again_is_spared(tmp_path):
    store = open_store(tmp_path / "store")
    blob = put(store, b"content")
    path = Path(store.backend.where) / layout.blob_key(blob.digest)
    os.utime(path, (1_000, 1_000))
    [candidate] = gc.candidates(store.backend, set, older_than=2_000)
    assert candidate == gc.Candidate(digest=blob.digest, size=7, modified=1_000)
    assert not put(store, b"content").stored
    assert gc.sweep(store.backend, [blob.digest], older_than=2_000) == gc.Swept()
    assert store.exists(blob.digest)


def test_strangers_among_the_objects_are_left_alone(tmp_path):
    store = open_store(tmp_path / "store")
    put(store, b"x")
    stranger = Path(store.backend.where) / "blobs" / "README"
    stranger.write_text("not ours")
    assert len(gc.candidates(store.backend, set, older_than=time.time() + 60)) == 1
    assert stranger.exists()


def test_temporary_files_are_counted_before_they_are_swept(tmp_path):
    store = open_store(tmp_path / "store")
    writer = store.backend.new_writer()
    writer.write(b"12345")
    soon = time.time() + 60
    assert gc.sweep_temporary(store.backend, older_than=soon - 3600) == gc.Swept()
    assert gc.sweep_temporary(store.backend, older_than=soon, dry_run=True) == gc.Swept(count=1, size=5)
    assert gc.sweep_temporary(store.backend, older_than=soon) == gc.Swept(count=1, size=5)
    assert gc.sweep_temporary(store.backend, older_than=soon) == gc.Swept()
    writer.abort()
