"""Git: version tags, the state of the tree, new tags, and a clear error for each thing that can be missing."""

from __future__ import annotations

import pytest

from components.git import IDENTITY, NO_CONFIGURATION, commit, git, repository
from modelyard.domain.versions import SemVer
from modelyard.errors import (
    Conflict,
    InvalidName,
    InvalidRequest,
    InvalidVersion,
    NotFound,
    RemoteUnavailable,
    TimedOut,
)
from modelyard.integrations import git as module
from modelyard.integrations.git import GitRepository, version_of_tag


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name, value in (NO_CONFIGURATION | IDENTITY).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder(tmp_path):
    work = repository(tmp_path / "work")
    commit(work)
    return work


@pytest.fixture
def remote(tmp_path, folder):
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(folder, "remote", "add", "origin", str(tmp_path / "remote.git"))
    return tmp_path / "remote.git"


def tags(folder):
    return git(folder, "tag", "--list").split()


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("V1.2.3", "1.2.3"),
        ("model-v1.2.3", "1.2.3"),
        ("model-1-2.0.0", "2.0.0"),
        ("team/fraud@1.2.3-rc.1+b", "1.2.3-rc.1+b"),
        ("fraud_v0.0.1", "0.0.1"),
        ("1.0.0-2.0.0", "1.0.0-2.0.0"),
    ],
)
def test_a_version_tag_ends_in_its_version(tag, version):
    found = version_of_tag(tag)
    assert found is not None
    assert found.text == version


@pytest.mark.parametrize(
    "tag", ["", "v1.2", "release", "model1.2.3", "v1.2.3.4", "1.2.3-", "nightly-2026-01-02", "vv1.2.3"]
)
def test_other_tags_are_no_version_tags(tag):
    assert version_of_tag(tag) is None


def test_version_tags_come_highest_first_with_their_commits(folder):
    first = commit(folder, "first")
    git(folder, "tag", "v1.9.0")
    git(folder, "tag", "--annotate", "--message", "x", "model-v1.10.0")
    git(folder, "tag", "nightly")
    second = commit(folder, "second")
    git(folder, "tag", "1.2.0-rc.1")
    found = GitRepository(folder).version_tags()
    assert [(tag.name, tag.version.text, tag.commit) for tag in found] == [
        ("model-v1.10.0", "1.10.0", first),
        ("v1.9.0", "1.9.0", first),
        ("1.2.0-rc.1", "1.2.0-rc.1", second),
    ]


def test_tags_of_other_branches_do_not_count(folder):
    git(folder, "tag", "1.0.0")
    git(folder, "switch", "--quiet", "--create", "next")
    commit(folder, "next")
    git(folder, "tag", "2.0.0")
    git(folder, "switch", "--quiet", "main")
    assert [tag.name for tag in GitRepository(folder).version_tags()] == ["1.0.0"]


def test_the_commit_at_hand_from_any_folder_of_the_tree(folder):
    (folder / "below").mkdir()
    at_hand = GitRepository(folder / "below")
    assert at_hand.head() == git(folder, "rev-parse", "HEAD")
    assert at_hand.head().startswith(at_hand.short_commit())
    assert len(at_hand.short_commit()) >= 4


def test_only_tracked_files_make_the_tree_dirty(folder):
    tree = GitRepository(folder)
    (folder / "model_registry").mkdir()
    (folder / "model_registry" / "registry.db").write_text("x", encoding="utf-8")
    assert not tree.is_dirty()
    (folder / "file.txt").write_text("changed", encoding="utf-8")
    assert tree.is_dirty()
    git(folder, "add", "file.txt")
    assert tree.is_dirty()


def test_a_hook_that_points_git_elsewhere_is_not_followed(tmp_path, folder, monkeypatch):
    other = repository(tmp_path / "other")
    commit(other, "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    head = GitRepository(folder).head()
    monkeypatch.undo()
    assert head == git(folder, "rev-parse", "HEAD") != git(other, "rev-parse", "HEAD")


def test_a_new_tag_tells_who_made_it(folder):
    GitRepository(folder).create_tag("model-v1.2.3")
    assert git(folder, "cat-file", "-t", "model-v1.2.3") == "tag"
    shown = git(folder, "for-each-ref", "--format=%(taggername) %(subject) %(*objectname)", "refs/tags")
    assert shown == f"Ada Version 1.2.3 {git(folder, 'rev-parse', 'HEAD')}"


def test_a_new_tag_needs_no_identity(folder, monkeypatch):
    for name in IDENTITY:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    GitRepository(folder).create_tag("v1.2.3")
    assert git(folder, "cat-file", "-t", "v1.2.3") == "commit"
    assert GitRepository(folder).version_tags()[0].version == SemVer(1, 2, 3)


def test_a_tag_is_pushed(folder, remote):
    GitRepository(folder).create_tag("v1.2.3", push=True)
    assert git(remote, "rev-parse", "v1.2.3^{commit}") == git(folder, "rev-parse", "HEAD")


def test_without_push_the_remote_is_left_alone(folder, remote):
    GitRepository(folder).create_tag("v1.2.3")
    assert tags(remote) == []


def test_the_only_remote_is_taken_whatever_its_name(folder, remote):
    git(folder, "remote", "rename", "origin", "upstream")
    GitRepository(folder).create_tag("v1.2.3", push=True)
    assert tags(remote) == ["v1.2.3"]


@pytest.mark.parametrize(("remotes", "reason"), [([], "has no remote"), (["a", "b"], "remotes a, b and no origin")])
def test_without_a_clear_remote_nothing_is_tagged(folder, remotes, reason):
    for name in remotes:
        git(folder, "remote", "add", name, str(folder))
    with pytest.raises(NotFound, match=reason):
        GitRepository(folder).create_tag("v1.2.3", push=True)
    assert tags(folder) == []


def test_an_existing_tag_does_not_move(folder):
    git(folder, "tag", "v1.2.3")
    before = git(folder, "rev-parse", "v1.2.3")
    commit(folder, "later")
    with pytest.raises(Conflict, match=r"'v1\.2\.3' exists"):
        GitRepository(folder).create_tag("v1.2.3")
    assert git(folder, "rev-parse", "v1.2.3") == before


def test_a_tag_that_the_remote_has_on_another_commit_is_a_conflict(folder, remote):
    git(folder, "tag", "v1.2.3")
    git(folder, "push", "--quiet", "origin", "v1.2.3")
    git(folder, "tag", "--delete", "v1.2.3")
    commit(folder, "later")
    with pytest.raises(Conflict, match="'origin' has another tag"):
        GitRepository(folder).create_tag("v1.2.3", push=True)
    assert tags(folder) == []


def test_a_remote_that_is_gone_leaves_no_tag(folder):
    git(folder, "remote", "add", "origin", str(folder.parent / "gone.git"))
    with pytest.raises(RemoteUnavailable, match=r"could not be pushed to 'origin': .*gone\.git"):
        GitRepository(folder).create_tag("v1.2.3", push=True)
    assert tags(folder) == []


def test_a_remote_that_declines_leaves_no_tag(folder, remote):
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    with pytest.raises(RemoteUnavailable):
        GitRepository(folder).create_tag("v1.2.3", push=True)
    assert (tags(folder), tags(remote)) == ([], [])


def test_a_remote_that_hangs_leaves_no_tag(folder, remote, monkeypatch):
    monkeypatch.setattr(module, "PUSH_TIMEOUT_S", 0.3)
    # It says nothing, and ends when git does.
    monkeypatch.setenv("GIT_SSH_COMMAND", "cat >/dev/null;:")
    git(folder, "remote", "set-url", "origin", "ssh://example.invalid/remote.git")
    with pytest.raises(TimedOut, match="git push did not end"):
        GitRepository(folder).create_tag("v1.2.3", push=True)
    assert tags(folder) == []


@pytest.mark.parametrize(
    "tag",
    ["release", "", "v1.2", "a b-1.2.3", "a..b-1.2.3", "-v1.2.3", "--delete-1.2.3", "a~1-1.2.3", "HEAD/1.0.0",
     "FETCH_HEAD/1.0.0", "@/1.0.0", "refs/heads/1.0.0"],
)  # fmt: skip
def test_what_is_no_version_tag_is_refused(folder, tag):
    with pytest.raises(InvalidVersion, match=r"names no version|git allows no tag|git would take"):
        GitRepository(folder).create_tag(tag)
    assert tags(folder) == []


@pytest.mark.parametrize("tag", [None, 3, "v1.2.3\n", "a\x00-1.2.3"])
def test_a_tag_is_printable_text(folder, tag):
    with pytest.raises(InvalidName, match="a tag"):
        GitRepository(folder).create_tag(tag)


QUESTIONS = [GitRepository.version_tags, GitRepository.head, GitRepository.short_commit, GitRepository.is_dirty]


@pytest.mark.parametrize("ask", [*QUESTIONS, lambda git: git.create_tag("v1.0.0")])
class TestMissingThings:
    def test_no_repository(self, tmp_path, ask, monkeypatch):
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        with pytest.raises(NotFound, match="is in no git repository") as caught:
            ask(GitRepository(tmp_path))
        assert "git init" in caught.value.hint

    def test_no_folder(self, tmp_path, ask):
        with pytest.raises(NotFound, match="there is no folder"):
            ask(GitRepository(tmp_path / "none"))

    def test_no_commit(self, tmp_path, ask):
        with pytest.raises(NotFound, match="has no commit"):
            ask(GitRepository(repository(tmp_path / "work")))

    def test_no_git(self, folder, ask, monkeypatch):
        monkeypatch.setenv("PATH", str(folder))
        with pytest.raises(InvalidRequest, match="git is not installed"):
            ask(GitRepository(folder))


def test_what_git_refuses_is_told_in_its_words(folder):
    (folder / ".git" / "config").write_text("[broken", encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"git rev-parse failed in .*bad config"):
        GitRepository(folder).head()


@pytest.mark.feature("VER-10")
@pytest.mark.parametrize(
    ("prefix", "tag", "version"),
    [
        ("fraud", "fraud-v1.2.3", "1.2.3"),
        ("fraud", "fraud/1.2.3-rc.1", "1.2.3-rc.1"),
        ("fraud-", "fraud-1.2.3", "1.2.3"),
        ("fraud-v", "fraud-v1.2.3", "1.2.3"),
        ("team/fraud@", "team/fraud@V1.2.3", "1.2.3"),
        ("fraud", "fraud-eu-1.2.3", None),
        ("fraud", "fraud2-1.2.3", None),
        ("fraud", "fraud1.2.3", None),
        ("fraud", "fraud--1.2.3", None),
        ("fraud", "my-fraud-1.2.3", None),
        ("fraud", "1.2.3", None),
        ("fraud", "fraud", None),
        (".", "x1.2.3", None),
    ],
)
def test_a_prefix_chooses_the_tags_of_one_model(prefix, tag, version):
    found = version_of_tag(tag, prefix)
    assert (found and found.text) == version


@pytest.mark.feature("VER-10")
def test_the_code_version_tells_that_files_differ(folder):
    head = git(folder, "rev-parse", "HEAD")
    assert GitRepository(folder).code_version() == head
    (folder / "file.txt").write_text("changed", encoding="utf-8")
    assert GitRepository(folder).code_version() == f"{head}-dirty"
    git(folder, "checkout", "--quiet", "--detach", "--force")
    assert GitRepository(folder).code_version() == head
