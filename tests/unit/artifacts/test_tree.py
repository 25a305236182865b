"""What of a user's folder becomes a version, and what refuses it."""

from __future__ import annotations

import os
import socket

import pytest

from modelyard.artifacts import tree
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.tree import ingest, walk
from modelyard.errors import InvalidArtifact


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def test_files_are_listed_by_path(tmp_path):
    make(tmp_path, "b", "a/z", "a/.hidden", "A", "ключ/модель.bin")
    assert [file.path for file in walk(tmp_path)] == ["A", "a/.hidden", "a/z", "b", "ключ/модель.bin"]
    assert {file.size for file in walk(str(tmp_path)) if file.path == "a/z"} == {3}


def test_a_single_file_has_its_own_name(tmp_path):
    make(tmp_path, "model.pkl")
    [file] = walk(tmp_path / "model.pkl")
    assert (file.path, file.location, file.size) == ("model.pkl", tmp_path / "model.pkl", 9)


@pytest.mark.feature("REG-01")
def test_links_inside_the_folder_count_as_files(tmp_path):
    make(tmp_path, "real/weights")
    (tmp_path / "alias").symlink_to("real/weights")
    manifest = ingest(open_store(tmp_path.parent / f"{tmp_path.name}-store"), tmp_path)
    assert [file.path for file in manifest.files] == ["alias", "real/weights"]
    assert manifest.files[0].blake3 == manifest.files[1].blake3


def test_a_folder_behind_a_link_is_still_the_folder(tmp_path):
    make(tmp_path / "real", "a")
    (tmp_path / "real" / "b").symlink_to("a")
    (tmp_path / "link").symlink_to("real")
    assert [file.path for file in walk(tmp_path / "link")] == ["a", "b"]


def out(root):
    make(root.parent, "secret")
    (root / "x").symlink_to(root.parent / "secret")


def out_relative(root):
    make(root.parent, "secret")
    (root / "x").symlink_to("../secret")


def out_by_sibling(root):
    make(root.parent, root.name + "-2/secret")
    (root / "x").symlink_to(f"../{root.name}-2/secret")


def out_by_steps(root):
    make(root.parent, "secret")
    (root.parent / "step").symlink_to("secret")
    (root / "x").symlink_to("../step")


def bind(root):
    # The path of a socket may be a hundred bytes long at most, so that it is bound relative to its folder.
    here = os.open(".", os.O_RDONLY)
    os.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("x")
    os.fchdir(here)
    os.close(here)


REFUSED = {
    "link out": (out, "leaves the folder"),
    "relative link out": (out_relative, "leaves the folder"),
    "link to a folder of like name": (out_by_sibling, "leaves the folder"),
    "link to a link": (out_by_steps, "leaves the folder"),
    "link to a folder": (lambda root: (root / "x").symlink_to("."), "x is a folder, or a link to one"),
    "dangling link": (lambda root: (root / "x").symlink_to("nowhere"), "cannot be read"),
    "link to itself": (lambda root: (root / "x").symlink_to("x"), "cannot be read|leaves"),
    "pipe": (lambda root: os.mkfifo(root / "x"), "x is a named pipe"),
    "socket": (bind, "x is a socket"),
    "link to a device": (lambda root: (root / "x").symlink_to("/dev/null"), "leaves the folder"),
    "bytes that are no text": (lambda root: make_raw(root, b"\xff\xfe"), "not UTF-8"),
    "control character": (lambda root: make(root, "a\nb"), "a"),
}


def make_raw(root, name):
    (root / os.fsdecode(name)).write_bytes(b"x")


@pytest.mark.parametrize(("prepare", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_version_is_refused_whole(tmp_path, prepare, why):
    root = tmp_path / "model"
    make(root, "good")
    prepare(root)
    with pytest.raises(InvalidArtifact, match=why):
        ingest(open_store(tmp_path / "store"), root)
    assert not (tmp_path / "store").exists()


def test_nothing_is_no_version(tmp_path):
    store = open_store(tmp_path / "store")
    (tmp_path / "folder" / "deeper").mkdir(parents=True)
    with pytest.raises(InvalidArtifact, match="No such file"):
        ingest(store, tmp_path / "missing")
    with pytest.raises(InvalidArtifact, match="is an empty folder"):
        ingest(store, tmp_path / "folder")
    (tmp_path / "folder" / "a").touch()
    with pytest.raises(InvalidArtifact, match="is empty"):
        ingest(store, tmp_path / "folder")
    with pytest.raises(InvalidArtifact, match="is empty"):
        ingest(store, tmp_path / "folder" / "a")
    (tmp_path / "folder" / "b").write_bytes(b"x")
    assert ingest(store, tmp_path / "folder").total_size == 1


def test_devices_are_refused(tmp_path):
    with pytest.raises(InvalidArtifact, match="null is a device"):
        walk("/dev/null")


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "MOST_FILES", 3)
    make(tmp_path, "1", "2", "3")
    assert len(walk(tmp_path)) == 3
    make(tmp_path, "4")
    with pytest.raises(InvalidArtifact, match="more than 3 files"):
        walk(tmp_path)


def test_progress_covers_the_folder(tmp_path):
    make(tmp_path / "model", "one", "two/three")
    steps: list[int] = []
    manifest = ingest(open_store(tmp_path / "store"), tmp_path / "model", steps.append)
    assert sum(steps) == manifest.total_size == len("one") + len("two/three")


@pytest.mark.parametrize(
    ("folder", "registry"), [(".", "model_registry"), (".", "a/b/registry"), ("r", "r"), ("r/in", "r")]
)
def test_a_folder_that_holds_the_registry_is_refused(tmp_path, monkeypatch, folder, registry):
    make(tmp_path / registry, "registry.db")
    make(tmp_path / folder, "model.bin")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    store = open_store(registry)
    for path in (folder, tmp_path / folder, "link"):
        with pytest.raises(InvalidArtifact, match="the folder holds the registry itself") as caught:
            ingest(store, path)
        assert caught.value.hint == "register a folder beside it"
    assert not (tmp_path / registry / "blobs").exists()


def test_a_folder_beside_the_registry_and_a_file_inside_it_are_taken(tmp_path):
    make(tmp_path, "registry-of-old/model.bin", "registry/export/model.bin")
    store = open_store(tmp_path / "registry")
    assert ingest(store, tmp_path / "registry-of-old").files[0].path == "model.bin"
    assert ingest(store, tmp_path / "registry" / "export" / "model.bin").files[0].path == "model.bin"
