"""The readable tree, written and repaired as often as one likes."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.files import files_below
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.tree import ingest
from modelyard.artifacts.view import folder_name, remove_version, version_folder, write_version


@pytest.fixture
def stored(tmp_path):
    """A store and the manifest of a folder in it, given by path → content."""
    numbers = iter(range(100))

    def make(files, *, compression=False):
        source = tmp_path / f"source{next(numbers)}"
        for path, content in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        store = open_store(tmp_path / "store", compression=compression)
        return store, ingest(store, source)

    return make


def write(store, manifest, model="Fraud Detector", version="1.0.0", **documents):
    return write_version(store, model, version, manifest, **{"metadata": {}, "metrics": {}} | documents)


def tree(folder):
    return set(files_below(folder))


@pytest.mark.feature("STO-01")
def test_a_version_can_be_read_as_a_folder(stored, tmp_path):
    store, manifest = stored({"model.bin": b"weights", "code/run.py": b"pass"})
    folder = write(store, manifest, metadata={"name": "Fraude détectée"}, metrics={"accuracy": 0.9})
    assert folder == tmp_path / "store" / "view" / "Fraud Detector" / "1.0.0"
    assert tree(folder) == {"model.bin", "code/run.py", "metadata.json", "metrics.json"}
    assert (folder / "model.bin").read_bytes() == b"weights"
    assert (folder / "code" / "run.py").read_bytes() == b"pass"
    assert json.loads((folder / "metadata.json").read_text("utf-8")) == {"name": "Fraude détectée"}
    assert json.loads((folder / "metrics.json").read_text("utf-8")) == {"accuracy": 0.9}
    assert "détectée" in (folder / "metadata.json").read_text("utf-8")


def test_the_store_can_be_moved_as_a_whole(stored, tmp_path):
    store, manifest = stored({"a/b/c.bin": b"weights"})
    write(store, manifest)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "view" / "Fraud Detector" / "1.0.0" / "a/b/c.bin").read_bytes() == b"weights"


def test_writing_again_repairs_and_changes_documents(stored):
    store, manifest = stored({"a": b"1", "d/b": b"2"})
    folder = write(store, manifest)
    (folder / "a").unlink()
    (folder / "a").symlink_to("/nowhere")
    (folder / "stale").symlink_to("a")
    (folder / "gone").mkdir()
    (folder / "gone" / "stale").symlink_to("../a")
    (folder / "README").write_text("somebody's own")
    before = os.lstat(folder / "d" / "b")
    write(store, manifest, metrics={"f1": 1})
    assert tree(folder) == {"a", "d/b", "metadata.json", "metrics.json", "README"}
    assert (folder / "a").read_bytes() == b"1"
    assert not (folder / "gone").exists()
    assert os.lstat(folder / "d" / "b").st_ino == before.st_ino
    assert json.loads((folder / "metrics.json").read_text()) == {"f1": 1}


def test_the_versions_own_files_keep_their_names(stored):
    store, manifest = stored({"metadata.json": b"mine", "metrics.json": b"mine too", "_modelyard.metrics.json": b"!"})
    folder = write(store, manifest, metadata={"ours": 1}, metrics={"ours": 2})
    assert (folder / "metadata.json").read_bytes() == b"mine"
    assert json.loads((folder / "_modelyard.metadata.json").read_text()) == {"ours": 1}
    assert (folder / "_modelyard.metrics.json").read_bytes() == b"!"
    assert json.loads((folder / "_modelyard._modelyard.metrics.json").read_text()) == {"ours": 2}
    write(store, manifest)
    remove_version(store, "Fraud Detector", "1.0.0")
    assert not folder.exists()


def test_the_versions_own_folders_keep_their_names(stored):
    store, manifest = stored(
        {"metadata.json/a": b"1", "metrics.json/b/c": b"2", "f.pkl": b"x " * 999, "f.pkl.zst/d": b"3"}
    )
    packed, shrunk = stored({"f.pkl": b"tree " * 1000, "f.pkl.zst/d": b"3"}, compression=True)
    folder = write(store, manifest, metadata={"ours": 1}, metrics={"ours": 2})
    assert (folder / "metadata.json" / "a").read_bytes() == b"1"
    assert (folder / "metrics.json" / "b" / "c").read_bytes() == b"2"
    assert json.loads((folder / "_modelyard.metadata.json").read_text()) == {"ours": 1}
    assert json.loads((folder / "_modelyard.metrics.json").read_text()) == {"ours": 2}
    other = write(packed, shrunk, version="2.0.0")
    assert tree(other) == {"f.pkl.zst/d", "_modelyard.f.pkl.zst", "metadata.json", "metrics.json"}
    for version in ("1.0.0", "2.0.0"):
        remove_version(store, "Fraud Detector", version)
    assert not folder.parent.exists()


@pytest.mark.parametrize(("length", "taken"), [(251, False), (251, True), (252, False), (255, False)])
def test_the_longest_names_of_objects_held_compressed_fit(stored, length, taken):
    name = "d/" + "n" * (length - 4) + ".pkl"
    own = {f"{name}.zst": b"own"} if taken else {}
    store, manifest = stored({name: b"tree " * 1000} | own, compression=True)
    folder = write(store, manifest)
    plain = length > 251 or taken
    assert tree(folder) == {name if plain else name + ".zst", *own, "metadata.json", "metrics.json"}
    assert (folder / (name if plain else name + ".zst")).read_bytes().startswith(b"\x28\xb5\x2f\xfd")


def test_two_objects_held_compressed_never_share_a_name(stored):
    files = {"f.pkl": b"tree " * 1000, "_modelyard.f.pkl": b"leaf " * 1000, "f.pkl.zst": b"own"}
    store, manifest = stored(files, compression=True)
    assert len(tree(write(store, manifest))) == 5


def test_objects_held_compressed_say_so_in_their_name(stored):
    store, manifest = stored(
        {"f.pkl": b"tree " * 1000, "g.pkl": b"leaf " * 1000, "g.pkl.zst": b"own"}, compression=True
    )
    folder = write(store, manifest)
    assert tree(folder) - {"metadata.json", "metrics.json"} == {"f.pkl.zst", "g.pkl.zst", "_modelyard.g.pkl.zst"}
    assert (folder / "g.pkl.zst").read_bytes() == b"own"
    assert (folder / "f.pkl.zst").read_bytes().startswith(b"\x28\xb5\x2f\xfd")
    assert (folder / "_modelyard.g.pkl.zst").read_bytes().startswith(b"\x28\xb5\x2f\xfd")


def test_removing_takes_only_what_was_written(stored):
    store, manifest = stored({"a": b"1", "d/b": b"2"})
    one, two = write(store, manifest), write(store, manifest, version="2.0.0")
    (two / "note.txt").write_text("keep me")
    remove_version(store, "Fraud Detector", "1.0.0")
    remove_version(store, "Fraud Detector", "1.0.0")
    remove_version(store, "Fraud Detector", "2.0.0")
    remove_version(store, "never", "was")
    assert not one.exists()
    assert tree(two) == {"note.txt"}
    (two / "note.txt").unlink()
    remove_version(store, "Fraud Detector", "2.0.0")
    assert not two.parent.exists()
    assert store.verify(manifest.files[0].blake3) == 1


@given(st.text(min_size=1, max_size=250), st.text(min_size=1, max_size=250))
def test_every_name_has_a_folder_of_its_own(one, two):
    names = [folder_name(text.encode(errors="ignore").decode() or "x") for text in (one, two)]
    for name in names:
        assert len(name.encode()) <= 255
        assert name not in {".", ".."}
        assert not name.startswith(".")
        assert "/" not in name
        assert name.isprintable() or not any(ord(character) < 32 for character in name)
    if one.encode(errors="ignore") != two.encode(errors="ignore") and one.isprintable() and two.isprintable():
        assert names[0] != names[1]


@pytest.mark.parametrize("name", ["My Model 1", "модель", "模型", "a.b-c_d", "1.0.0-rc.1+build.5"])
def test_usual_names_are_kept(name):
    assert folder_name(name) == name


def test_long_names_fit(stored):
    store, manifest = stored({"a": b"1"})
    names = ["ж" * 250, "ж" * 249 + "a"]
    folders = {write(store, manifest, model=name) for name in names}
    assert len(folders) == 2
    assert all((folder / "a").read_bytes() == b"1" for folder in folders)


def test_a_bucket_has_no_tree(stored):
    store, manifest = stored({"a": b"1"})
    store.backend.root = None
    assert version_folder(store, "m", "1.0.0") is None
    assert write(store, manifest) is None
    remove_version(store, "m", "1.0.0")
