"""What models and versions are to clients of the Hugging Face Hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.hub import (
    Folder,
    blob_of,
    branch_of,
    branches,
    commit_of,
    file_at,
    pointer_of,
    present,
    readings,
    repository_of,
    tree,
    version_of,
)
from modelyard.domain.ids import new_version_id
from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.domain.wire import ModelRecord
from modelyard.errors import InvalidReference

STAGES = ("development", "staging", "production")
IDS = st.builds(new_version_id, st.integers(0, (1 << 48) - 1), st.binary(min_size=10, max_size=10))
DIGESTS = st.sampled_from(["", "a" * 64, "b" * 64])


def file(path: str, content: bytes = b"x") -> FileEntry:
    """A file of a manifest."""
    return FileEntry(path=path, size=len(content), blake3="0" * 64, sha256=hashlib.sha256(content).hexdigest())


FILES = Manifest((file("model.bin"), file("sub/a.txt"), file("sub/deep/b.txt"), file("subway.txt")))


@given(IDS, DIGESTS)
def test_a_version_is_found_by_its_commit(version_id, digest):
    commit = commit_of(version_id, digest)
    assert len(commit) == 40
    assert version_of(commit) == version_id


def test_a_commit_tells_contents_apart():
    one = new_version_id(1, bytes(10))
    assert commit_of(one, "a" * 64) != commit_of(one, "b" * 64)
    assert commit_of(one, "a" * 64)[:8] != commit_of(new_version_id(2, bytes(10)), "a" * 64)[:8]


@pytest.mark.parametrize("text", ["", "main", "a" * 39, "a" * 41, "A" * 40, "g" * 40])
def test_nothing_else_is_a_commit(text):
    assert version_of(text) is None


@pytest.mark.parametrize(
    ("revision", "read"),
    [
        ("main", ["fraud@main", "fraud/latest"]),
        ("latest", ["fraud/latest"]),
        ("1.4.2", ["fraud/1.4.2"]),
        ("3", ["fraud/3"]),
        ("^1.4", ["fraud/^1.4"]),
        ("Production", ["fraud/production"]),
        ("champion", ["fraud@champion"]),
        ("@production", ["fraud@production"]),
        ("sha256:" + "a" * 64, ["fraud/sha256:" + "a" * 64]),
    ],
)
def test_a_revision_is_read_as_what_stands_behind_a_name(revision, read):
    assert [str(reference) for reference in readings("fraud", revision, STAGES)] == read


@pytest.mark.parametrize("revision", ["", "v1.0", "a b", "1.x.y", "@v1"])
def test_what_can_name_no_version_is_refused(revision):
    with pytest.raises(InvalidReference):
        readings("fraud", revision, STAGES)


@pytest.mark.parametrize(
    ("alias", "branch"),
    [
        ("champion", "champion"),
        ("main", "main"),
        ("production", "@production"),
        ("3", "@3"),
        ("20x", "@20x"),
        ("a" * 40, "@" + "a" * 40),
    ],
)
def test_an_alias_is_listed_by_a_name_that_leads_to_it(alias, branch):
    assert branch_of("fraud", alias, STAGES) == branch
    if alias != "main":
        assert str(readings("fraud", branch, STAGES)[0]) == f"fraud@{alias}"


def test_branches_are_main_and_aliases_and_stages():
    model = ModelRecord(id="md_1", name="fraud", aliases={"champion": "1.0.0"}, stages={"production": "1.1.0"})
    assert branches(model, "2.0.0", STAGES) == {"main": "2.0.0", "champion": "1.0.0", "production": "1.1.0"}
    pinned = ModelRecord(id="md_1", name="fraud", aliases={"main": "1.0.0"})
    assert branches(pinned, "2.0.0", STAGES) == {"main": "1.0.0"}
    assert repository_of("fraud") == "modelyard/fraud"


def test_a_pointer_is_what_git_would_keep():
    entry = file("model.bin", b"weights")
    pointer = pointer_of(entry)
    digest = hashlib.sha256(b"weights").hexdigest()
    assert pointer == f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 7\n".encode()
    assert blob_of(entry) == hashlib.sha1(f"blob {len(pointer)}\0".encode() + pointer).hexdigest()


def paths(folder: str, *, recursive: bool) -> list[str] | None:
    """The paths in a folder, those of folders with a slash at their ends."""
    found = tree(FILES, folder, recursive=recursive)
    return None if found is None else [f"{one.path}/" if isinstance(one, Folder) else one.path for one in found]


def test_a_tree_has_files_and_folders():
    assert paths("", recursive=False) == ["model.bin", "sub/", "subway.txt"]
    assert paths("", recursive=True) == ["model.bin", "sub/", "sub/a.txt", "sub/deep/", "sub/deep/b.txt", "subway.txt"]
    assert paths("sub", recursive=False) == ["sub/a.txt", "sub/deep/"]
    assert paths("sub/deep", recursive=True) == ["sub/deep/b.txt"]
    assert paths("su", recursive=True) is None
    assert paths("model.bin", recursive=True) is None
    assert tree(Manifest(()), "", recursive=True) == []


def folder_of(manifest: Manifest, path: str) -> Folder:
    """The folder at a path."""
    (found,) = present(manifest, [path])
    assert isinstance(found, Folder)
    return found


def test_one_path_is_a_file_or_a_folder():
    assert file_at(FILES, "sub/a.txt") == FILES.files[1]
    assert file_at(FILES, "sub") is None
    top = tree(FILES, "", recursive=False)
    assert top is not None
    assert present(FILES, ["sub", "none", "sub/a.txt", "su", "sub", "sub/deep"]) == [
        top[1],
        FILES.files[1],
        folder_of(FILES, "sub/deep"),
    ]
    assert present(FILES, []) == present(Manifest(()), ["sub"]) == []
    assert folder_of(FILES, "").path == folder_of(Manifest(()), "").path == ""


class Counted(tuple[FileEntry, ...]):  # noqa: SLOT001 - it has to count somewhere
    """Files that count how often somebody goes through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[FileEntry]:
        self.walks += 1
        return super().__iter__()


def test_many_paths_are_looked_for_in_one_walk():
    manifest, files = Manifest(FILES.files), Counted(FILES.files)
    object.__setattr__(manifest, "files", files)
    assert len(present(manifest, ["sub", "model.bin", "sub/deep", "none"])) == 3
    assert files.walks == 1


def test_the_hash_of_a_folder_changes_with_what_is_in_it():
    other = Manifest((*FILES.files[:2], file("sub/deep/b.txt", b"y")))
    assert folder_of(other, "sub") != folder_of(FILES, "sub")
