"""Paths of kept artifacts, what a folder holds, and content types: rules without any server."""

from __future__ import annotations

import pytest

from modelyard.domain.mlflow.artifacts import (
    LONGEST_PATH,
    Child,
    artifact_path,
    children,
    content_type,
    folders_above,
    own_file,
)
from modelyard.errors import InvalidArtifact

UNSAFE = (
    *("..", "a/../../b", "../a", "a/..", "/etc/passwd", "//a", "file:///etc/passwd", "file:a", "a#b", "a\\b", "a\0b"),
    *("%2e%2e/a", "a/%2E%2E/b", "%252e%252e/a", "%25252e%25252e/a", "%2fetc/passwd", "a%5cb", "a%23b", "a%2523b"),
    *("a%00b", "%66ile:a", "a\nb", "a/\x10b", "C:/a", "a/\ud800", "\u202ea", f"{'x' * 256}/a"),
)


@pytest.mark.parametrize("path", UNSAFE)
@pytest.mark.feature("EXP-23")
def test_what_leads_away_is_refused_in_the_words_of_mlflow(path):
    with pytest.raises(InvalidArtifact) as refused:
        artifact_path(path)
    assert (refused.value.message, refused.value.hint) == ("Invalid path", "")


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("", ""),
        (".", ""),
        ("./", ""),
        ("a", "a"),
        ("a/b/", "a/b"),
        ("a//b/./c", "a/b/c"),
        ("...", "..."),
        ("a..b/c", "a..b/c"),
        ("with blank/ä.txt", "with blank/ä.txt"),
        # The names of logged images: what looks like an escape is none.
        ("images/dog%step%100%timestamp%100.png", "images/dog%step%100%timestamp%100.png"),
        ("50%", "50%"),
        ("a%ffb", "a%ffb"),
        ("x" * 250 + "/" + "y" * 250 + "/" + "z" * (LONGEST_PATH - 502), None),
    ],
)
def test_a_path_has_one_form(path, plain):
    assert artifact_path(path) == (path if plain is None else plain)


def test_a_path_is_bounded():
    with pytest.raises(InvalidArtifact, match=r"^Invalid path: it is longer than 700 characters"):
        artifact_path("x" * 250 + "/" + "y" * 250 + "/" + "z" * (LONGEST_PATH - 501))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", None),
        ("modelyards/a", None),
        ("a/modelyard/b", None),
        ("modelyard", ("", "")),
        ("modelyard/mv_1", ("mv_1", "")),
        ("modelyard/mv_1/a/b", ("mv_1", "a/b")),
    ],
)
def test_versions_have_a_folder_of_their_own(path, found):
    assert own_file(path) == found


def test_a_folder_holds_files_and_folders_by_name():
    files = [("b/x/y", 1), ("b.txt", 2), ("a", 3), ("b/z", 0), ("bb/x", 5)]
    assert children(files, "") == [Child("a", 3), Child("b", None), Child("b.txt", 2), Child("bb", None)]
    assert children(files, "b") == [Child("x", None), Child("z", 0)]
    assert children(files, "b/x/y") == children(files, "none") == []


def test_the_folders_above_a_file_begin_at_the_top():
    assert folders_above("a/b/c") == ["a", "a/b"]
    assert folders_above("a") == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text/plain"),
        ("conf/a.json", "text/plain"),
        ("model/MLmodel", "text/plain"),
        ("MLproject", "text/plain"),
        ("mlproject", "text/plain"),
        ("a.png", "image/png"),
        ("A.PDF", "application/pdf"),
        ("a.html", "text/html"),
        ("a.pkl", "application/octet-stream"),
        ("a", "application/octet-stream"),
        (".txt", "application/octet-stream"),
    ],
)
def test_the_name_alone_tells_the_content_type(name, kind):
    assert content_type(name) == kind
