"""`VersionTracker` and `VersionManager`: the documents' examples as printed, and versions from real repositories."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.git import IDENTITY, NO_CONFIGURATION, commit, git, repository
from modelyard.domain.versions import SemVer
from modelyard.errors import Conflict, InvalidRequest, InvalidVersion, NotFound
from modelyard.facade.versioning import VersionManager, VersionTracker

TEXTS = st.from_regex(r"(0|[1-9][0-9]?)(\.(0|[1-9][0-9]?)){2}(-(rc|[1-9]))?(\+[a-c])?", fullmatch=True)


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name, value in (NO_CONFIGURATION | IDENTITY).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder(tmp_path):
    return repository(tmp_path / "work")


@pytest.mark.feature("VER-02", "VER-03", "VER-04")
def test_the_example_of_the_tracker():
    tracker = VersionTracker()
    assert tracker.parse_version("1.2.3") < tracker.parse_version("1.2.4")
    assert tracker.increment_version("1.2.3", "patch") == "1.2.4"
    assert tracker.increment_version("1.2.3", "minor") == "1.3.0"
    assert tracker.increment_version("1.2.3", increment_type="major") == "2.0.0"
    assert tracker.increment_version("1.2.3") == "1.2.4"


@pytest.mark.feature("VER-03", "VER-04", "VER-06", "VER-07")
def test_the_example_of_the_manager():
    manager = VersionManager()
    assert manager.is_newer("1.1.0", "1.0.0") is True
    assert manager.is_compatible("1.0.0", "1.1.0") is True
    assert manager.is_compatible("1.0.0", "2.0.0") is False
    assert manager.get_latest_version(["1.0.0", "1.1.0", "2.0.0"]) == "2.0.0"
    assert manager.increment_version("1.0.0", "minor") == "1.1.0"


@pytest.mark.feature("VER-03")
def test_numbers_compare_as_numbers():
    tracker = VersionTracker()
    assert tracker.compare_versions("1.10.0", "1.9.0") == 1
    assert tracker.compare_versions("1.0.0-rc.1", "1.0.0") == -1
    assert tracker.compare_versions("1.0.0+a", "1.0.0+b") == 0
    assert not tracker.is_newer("1.0.0", "1.0.0")
    assert tracker.compare_versions(SemVer(1, 0, 0), "1.0.0") == 0


@pytest.mark.feature("VER-05")
def test_sorting_keeps_the_texts():
    tracker = VersionTracker()
    texts = ["1.10.0", "1.9.0+b", "1.9.0+a", "1.9.0-rc.1"]
    assert tracker.sort_versions(iter(texts)) == ["1.9.0-rc.1", "1.9.0+b", "1.9.0+a", "1.10.0"]
    assert tracker.sort_versions(texts, reverse=True) == ["1.10.0", "1.9.0+b", "1.9.0+a", "1.9.0-rc.1"]
    assert tracker.sort_versions([]) == []
    assert tracker.get_latest_version(texts[1:]) == "1.9.0+b"


@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_sorting_agrees_with_comparing(texts):
    tracker = VersionTracker()
    ordered = tracker.sort_versions(texts)
    assert sorted(ordered) == sorted(texts)
    assert all(tracker.compare_versions(one, two) <= 0 for one, two in pairwise(ordered))
    assert tracker.compare_versions(tracker.get_latest_version(texts), ordered[-1]) == 0


def test_bad_input_is_refused():
    tracker = VersionTracker()
    for wrong in (lambda: tracker.parse_version("1.2"), lambda: tracker.sort_versions(["1.0.0", "x"])):
        with pytest.raises(InvalidVersion, match="not a semantic version"):
            wrong()
    with pytest.raises(InvalidRequest, match="'build' is no part"):
        tracker.increment_version("1.0.0", "build")
    with pytest.raises(InvalidRequest, match="no versions were given"):
        tracker.get_latest_version([])
    for method in (tracker.sort_versions, tracker.get_latest_version):
        with pytest.raises(InvalidRequest, match=r"not the text '1\.0\.0'"):
            method("1.0.0")


@pytest.mark.feature("VER-10")
@pytest.mark.parametrize(("increment", "following"), [("patch", "1.2.4"), ("minor", "1.3.0"), ("major", "2.0.0")])
def test_a_version_from_git_follows_the_highest_tag(folder, increment, following):
    commit(folder, "first")
    git(folder, "tag", "v1.1.0")
    git(folder, "tag", "model-v1.2.3")
    short = git(folder, "rev-parse", "--short", "HEAD")
    assert VersionTracker(folder).generate_version_from_git(increment) == f"{following}+{short}"


@pytest.mark.feature("VER-10")
def test_dev_tells_that_the_tagged_commit_is_not_what_is_at_hand(folder):
    tracker = VersionTracker(repository=str(folder))
    commit(folder, "first")
    git(folder, "tag", "--annotate", "--message", "x", "1.2.3")
    short = git(folder, "rev-parse", "--short", "HEAD")
    assert tracker.generate_version_from_git() == f"1.2.4+{short}"
    (folder / "file.txt").write_text("changed", encoding="utf-8")
    assert tracker.generate_version_from_git() == f"1.2.4+{short}.dev"
    commit(folder, "second")
    git(folder, "tag", "1.1.9")
    later = git(folder, "rev-parse", "--short", "HEAD")
    assert tracker.generate_version_from_git() == f"1.2.4+{later}.dev"
    git(folder, "tag", "other-v1.2.3")
    assert tracker.generate_version_from_git() == f"1.2.4+{later}"


def test_a_tagged_prerelease_leads_to_its_release(folder):
    commit(folder)
    git(folder, "tag", "v2.0.0-rc.1")
    assert VersionTracker(folder).generate_version_from_git("patch").startswith("2.0.0+")


@pytest.mark.parametrize(("increment", "first"), [("patch", "0.1.0"), ("minor", "0.1.0"), ("major", "1.0.0")])
def test_without_a_tag_there_is_a_first_version(folder, increment, first):
    commit(folder)
    version = VersionTracker(folder).generate_version_from_git(increment)
    assert re.fullmatch(re.escape(first) + r"\+[0-9a-f]{4,40}\.dev", version)
    assert SemVer.parse(version).text == version


def test_a_wrong_part_is_told_before_git_is_asked(tmp_path):
    with pytest.raises(InvalidRequest, match="'newest' is no part"):
        VersionTracker(tmp_path / "none").generate_version_from_git("newest")


def test_without_a_commit_there_is_no_version(folder):
    with pytest.raises(NotFound, match="has no commit"):
        VersionTracker(folder).generate_version_from_git()


@pytest.mark.feature("VER-11")
def test_a_version_tag_is_created_and_pushed(tmp_path, folder):
    commit(folder)
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(folder, "remote", "add", "origin", str(tmp_path / "remote.git"))
    tracker = VersionTracker(folder)
    assert tracker.create_version_tag("model-v1.2.3", push=True) == "model-v1.2.3"
    assert git(tmp_path / "remote.git", "tag", "--list") == "model-v1.2.3"
    assert tracker.generate_version_from_git().startswith("1.2.4+")
    with pytest.raises(Conflict):
        tracker.create_version_tag("model-v1.2.3")
    assert tracker.create_version_tag("model-v1.2.4") == "model-v1.2.4"
    assert git(tmp_path / "remote.git", "tag", "--list") == "model-v1.2.3"
