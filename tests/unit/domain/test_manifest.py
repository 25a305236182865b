"""Manifests, paths and digests."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.manifest import (
    CODE_BEARING,
    FileEntry,
    Manifest,
    is_code_bearing,
    media_type_of,
    safe_path,
)
from modelyard.errors import InvalidArtifact

SEGMENT = st.text(
    st.characters(codec="utf-8", categories=["L", "N"], include_characters=" ._-+"), min_size=1, max_size=9
)
PATHS = st.lists(SEGMENT.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4).map("/".join)


def entry(path, content=b"x", **more):
    values = {
        "path": path,
        "size": len(content),
        "blake3": blake3(content).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "media_type": media_type_of(path),
    }
    return FileEntry(**(values | more))


def test_the_digest_is_frozen():
    # These digests stand in registries: a change of them would orphan every stored version.
    one = Manifest((entry("model.joblib", b"weights"),))
    several = Manifest(
        (
            entry("größe/tok enizer.json", b"{}"),
            entry("model.onnx", b"", parts=("0" * 64, "f" * 64)),
            entry('a"b', b"1"),
        )
    )
    assert Manifest(()).digest == "5203e23ec5c80807eec1047475bc3269a65acbaf77df34d7c9df8f8bc35e2f17"
    assert one.digest == "fdcff51218129267050e1d0b99dcb46a365ce25bcbe1da8bcd25ac5849c47b62"
    assert several.digest == "b3b524cea04dee2a7fa2cb5143a78a1135911ec65a55fcd46f17f3ecf387287f"


def test_the_digest_is_that_of_the_documented_text():
    found = Manifest((entry("b", b"2"), entry("a", b"1")))
    lines = ",".join(
        f'{{"blake3":"{item.blake3}","media_type":"application/octet-stream","parts":[],"path":"{item.path}",'
        f'"sha256":"{item.sha256}","size":1}}'
        for item in (entry("a", b"1"), entry("b", b"2"))
    )
    assert found.digest == blake3(f'{{"files":[{lines}],"v":1}}'.encode()).hexdigest()


@given(st.lists(PATHS, max_size=5), st.randoms())
def test_order_does_not_matter_and_json_keeps_everything(paths, random):
    entries = [entry(path, path.encode()) for path in paths]
    try:
        manifest = Manifest(tuple(entries))
    except InvalidArtifact:
        return
    random.shuffle(entries)
    assert Manifest(tuple(entries)).digest == manifest.digest
    again = Manifest.from_json(json.loads(json.dumps(manifest.to_json())))
    assert again == manifest
    assert again.digest == manifest.digest
    assert [item.path for item in manifest.files] == sorted(paths)
    assert manifest.total_size == sum(len(path.encode()) for path in paths)


@pytest.mark.parametrize(
    "change",
    [
        {"path": "other"},
        {"size": 2},
        {"blake3": "0" * 64},
        {"sha256": "0" * 64},
        {"media_type": "text/csv"},
        {"parts": ("0" * 64,)},
    ],
)
def test_the_digest_covers_every_value(change):
    assert Manifest((replace(entry("a"), **change),)).digest != Manifest((entry("a"),)).digest


@pytest.mark.feature("MET-12", "MET-13")
def test_the_hash_of_one_file_is_its_own_and_the_size_is_the_sum():
    manifest = Manifest((entry("model.pkl", b"weights"),))
    assert manifest.model_hash == hashlib.sha256(b"weights").hexdigest()
    assert manifest.total_size == 7
    assert Manifest(()).model_hash == hashlib.sha256(b"").hexdigest()


@pytest.mark.feature("MET-13")
@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_hash_of_several_files_is_what_sha256sum_leads_to(tmp_path):
    contents = {"a/one.bin": b"1", "a b.txt": b"2", "z.json": b"3"}
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    listing = subprocess.run(["sha256sum", *sorted(contents)], cwd=tmp_path, capture_output=True, check=True).stdout
    manifest = Manifest(tuple(entry(path, content) for path, content in contents.items()))
    assert manifest.model_hash == hashlib.sha256(listing).hexdigest()


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a", "a"], "'a' is listed twice"),
        (["Model.bin", "model.BIN"], "one file where case does not matter"),
        (["straße", "STRASSE"], "one file where case does not matter"),
        (["caf\u00e9", "cafe\u0301"], "one file"),
        (["a", "a/b"], "'a' is a file, and a folder of 'a/b'"),
        (["A/b/c", "a/B"], "'a/B' is a file, and a folder of 'A/b/c'"),
    ],
)
def test_paths_that_meet_are_refused(paths, message):
    with pytest.raises(InvalidArtifact, match=message) as caught:
        Manifest(tuple(map(entry, paths)))
    assert caught.value.hint


def test_names_that_only_begin_alike_do_not_meet():
    assert len(Manifest(tuple(map(entry, ["a", "a.b", "ab/c", "ab/d/e"]))).files) == 4


@given(PATHS)
def test_ordinary_paths_are_safe(path):
    assert safe_path(path) == path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("C:/x", "is absolute"),
        ("c:x", "is absolute"),
        ("a\\b", "has a backslash"),
        ("..", "between its slashes"),
        ("../x", "between its slashes"),
        ("a/../../x", "between its slashes"),
        ("a/..", "between its slashes"),
        ("./a", "between its slashes"),
        ("a//b", "between its slashes"),
        ("a/", "between its slashes"),
        ("a\x00", "a path cannot have"),
        ("a\nb", "a path cannot have"),
        ("a\x7f", "a path cannot have"),
        ("a\u202eb", "a path cannot have"),
        ("\ud800", "a path cannot have"),
        ("/".join(["a" * 200] * 6), "is longer than 1,024 bytes"),
        ("é" * 128, "has a name of more than 255 bytes"),
        (None, "a path must be text"),
        (b"a", "a path must be text"),
    ],
)
def test_other_paths_are_refused(path, message):
    with pytest.raises(InvalidArtifact, match=message) as caught:
        safe_path(path)
    assert caught.value.hint


def test_paths_reach_up_to_their_limits():
    assert safe_path("é" * 127 + "x")
    assert safe_path("/".join(["a" * 255] * 4))


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../a"},
        {"size": -1},
        {"size": True},
        {"size": 1.0},
        {"size": 1 << 63},
        {"blake3": "0" * 63},
        {"blake3": "A" * 64},
        {"sha256": None},
        {"parts": ("0",)},
        {"media_type": ""},
        {"media_type": "a\nb"},
        {"media_type": None},
    ],
)
def test_a_broken_entry_is_refused(change):
    with pytest.raises(InvalidArtifact) as caught:
        replace(entry("a"), **change)
    assert caught.value.hint


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"files": []},
        {"v": 1, "files": {}},
        {"v": 1, "files": [], "more": 1},
        {"v": 2, "files": []},
        {"v": 1, "files": ["a"]},
        {"v": 1, "files": [{"path": "a"}]},
        {"v": 1, "files": [entry("a").to_json() | {"parts": None}]},
        {"v": 1, "files": [entry("a").to_json() | {"extra": 1}]},
        {"v": 1, "files": [entry("a").to_json() | {"size": "1"}]},
    ],
)
def test_what_is_no_manifest_is_refused(document):
    with pytest.raises(InvalidArtifact) as caught:
        Manifest.from_json(document)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("model.joblib", "application/x-pickle"),
        ("a/MODEL.ONNX", "application/x-onnx"),
        ("w.safetensors", "application/x-safetensors"),
        ("metrics.json", "application/json"),
        ("README", "application/octet-stream"),
        (".json", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
    ],
)
def test_media_types_follow_the_name(path, media_type):
    assert media_type_of(path) == media_type


@pytest.mark.parametrize("suffix", sorted(CODE_BEARING))
def test_code_bearing_formats_are_known_in_any_case_and_packed(suffix):
    assert is_code_bearing(f"a/model{suffix}")
    assert is_code_bearing(f"model.v2{suffix.upper()}")
    assert is_code_bearing(f"model{suffix}.gz")


@pytest.mark.parametrize(
    "path", ["model.onnx", "w.safetensors", "m.skops", "a.json", "pkl", "a.pkl/b.txt", "x.gz", "README"]
)
def test_other_formats_bear_no_code(path):
    assert not is_code_bearing(path)
