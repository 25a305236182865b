"""Versions in git: the tags that are versions, the commit at hand, new tags. A thin layer over the `git` command.

Rules
- A version tag ends in a semantic version: `1.2.3`, `v1.2.3`, `model-v1.2.3`, `fraud/1.2.3-rc.1`. What stands before
  the version ends in one of `- _ / @`. Other tags are not looked at.
- In a repository of several models a prefix chooses the tags of one: `fraud` takes `fraud-v1.2.3`, `fraud/1.2.3` and
  the like, and neither `fraud-eu-1.2.3` nor `1.2.3`.
- Only tags in the history of HEAD count: a 2.0.0 on another branch says nothing about this one.
- The tree is dirty if a tracked file differs from HEAD; files that git does not track do not count, or the registry's
  own folder would make every tree dirty.
- Nothing is done by halves: a tag that could not be pushed is removed again.
- Programs get argument lists, never a shell; names are checked before git sees them, so that none passes as an option.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelyard.domain.names import printable, shown
from modelyard.domain.versions import SemVer
from modelyard.errors import Conflict, InvalidRequest, InvalidVersion, NotFound, RemoteUnavailable, TimedOut

LOCAL_TIMEOUT_S: Final = 30.0
PUSH_TIMEOUT_S: Final = 120.0

_VERSION_START: Final = re.compile(r"(?:^|(?<=[-_/@]))[vV]?(?=[0-9])")
_ENDS_OF_PREFIX: Final = ("-", "_", "/", "@", "-v", "_v", "/v", "@v")
_SEPARATOR: Final = re.compile(r"[-_/@]?[vV]?$")
_REVISIONS: Final = re.compile(r"(?:[A-Z_]*HEAD|@|refs|heads|tags|remotes)/")
"""Beginnings of what git reads as something else than a tag: a `HEAD/1.0.0` beside HEAD is ambiguous."""
_TAG_HINT: Final = "a version tag ends in a semantic version: 1.2.3, v1.2.3 or model-v1.2.3"
# These point git at a repository of their own choice; a git hook that runs us sets them.
_REDIRECTING: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionTag:
    """A tag that names a version, and the commit that it stands on (40 hexadecimal digits, or 64)."""

    name: str
    version: SemVer
    commit: str

    @property
    def prefix(self) -> str:
        """What stands before the version, without the separator: `fraud` of `fraud-v1.2.3`, nothing of `v1.2.3`."""
        return _SEPARATOR.sub("", self.name[: -len(self.version.text)])


def version_of_tag(tag: str, prefix: str = "") -> SemVer | None:
    """Return the version that a tag ends in, or None where it is no version tag, or none with the prefix."""
    if prefix:
        return _version_behind(tag.removeprefix(prefix), prefix) if tag.startswith(prefix) else None
    for start in _VERSION_START.finditer(tag):
        try:
            return SemVer.parse(tag[start.end() :])
        except InvalidVersion:
            continue
    return None


def _version_behind(rest: str, prefix: str) -> SemVer | None:
    """Return the version that is all that stands behind a prefix and its separator."""
    bare = rest.lstrip("-_/@")
    separators = len(rest) - len(bare)
    if separators > 1 or (not separators and not prefix.endswith(_ENDS_OF_PREFIX)):
        return None
    try:
        return SemVer.parse(bare[1:] if bare[:1] in {"v", "V"} else bare)
    except InvalidVersion:
        return None


class GitRepository:
    """The git repository that a folder belongs to. Nothing is looked at before the first question.

    Every method raises `InvalidRequest` where git is not installed or refuses, `NotFound` where the folder is in no
    repository or the repository has no commit, and `TimedOut` where git does not answer.
    """

    def __init__(self, folder: str | Path = ".") -> None:
        self._folder = Path(folder)

    def version_tags(self, prefix: str = "") -> list[VersionTag]:
        """Return the version tags in the history of HEAD, those with the prefix only, the highest version first."""
        self.head()
        form = "%(refname:strip=2) %(objectname) %(*objectname)"
        lines = self._ask("for-each-ref", "--merged=HEAD", f"--format={form}", "refs/tags").splitlines()
        tags = []
        for line in lines:
            # An annotated tag is an object of its own; the commit that it stands on comes third.
            name, *objects = line.split()
            version = version_of_tag(name, prefix)
            if version is not None:
                tags.append(VersionTag(name=name, version=version, commit=objects[-1]))
        return sorted(tags, key=lambda tag: tag.version, reverse=True)

    def head(self) -> str:
        """Return the commit at hand, in full."""
        self._ask("rev-parse", "--git-dir")
        done = self._run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if done.returncode:
            raise NotFound(
                f"the git repository {shown(str(self._folder))} has no commit", hint="commit something first"
            )
        return done.stdout.strip()

    def short_commit(self) -> str:
        """Return the commit at hand, as short as git finds unambiguous."""
        return self._ask("rev-parse", "--short", self.head())

    def is_dirty(self) -> bool:
        """Tell whether a tracked file differs from the commit at hand."""
        self.head()
        return bool(self._ask("status", "--porcelain", "--untracked-files=no"))

    def code_version(self) -> str:
        """Return the commit at hand in full, with "-dirty" behind it where a tracked file differs from it."""
        return f"{self.head()}{'-dirty' if self.is_dirty() else ''}"

    def create_tag(self, tag: str, *, push: bool = False) -> None:
        """Put a version tag on the commit at hand, and push it on request.

        The tag is annotated (who, when) where git knows who the user is, and a plain one elsewhere, as in many CI jobs.

        Raises:
            InvalidVersion: the text is not a version tag, or git allows no such name.
            Conflict: the repository, or the remote, has a tag of this name.
            NotFound: there is no remote to push to.
            RemoteUnavailable: the remote did not take the tag; it is removed here as well.
        """
        self._check_tag(tag)
        self.head()
        remote = self._remote() if push else None
        if not self._run("show-ref", "--verify", "--quiet", f"refs/tags/{tag}").returncode:
            raise Conflict(
                f"the tag {shown(tag)} exists", hint="choose the next version; a published tag does not move"
            )
        known = not self._run("var", "GIT_COMMITTER_IDENT").returncode
        annotation = ("--annotate", "--message", f"Version {version_of_tag(tag)}") if known else ()
        self._ask("tag", *annotation, tag)
        if remote is not None:
            self._push(tag, remote)

    def _push(self, tag: str, remote: str) -> None:
        try:
            done = self._run("push", "--porcelain", remote, f"refs/tags/{tag}", timeout_s=PUSH_TIMEOUT_S)
        except TimedOut:
            self._ask("tag", "--delete", tag)
            raise
        if not done.returncode:
            return
        self._ask("tag", "--delete", tag)
        if "[rejected]" in done.stdout:
            raise Conflict(
                f"the remote {remote!r} has another tag {shown(tag)}", hint="fetch its tags: git fetch --tags"
            )
        reason = _first_line(done.stderr) or _first_line(done.stdout)
        message = f"the tag {shown(tag)} could not be pushed to {remote!r}: {reason}"
        raise RemoteUnavailable(message, hint="check the remote's address and your rights with `git push --dry-run`")

    def _remote(self) -> str:
        """Return the remote to push to: origin, or else the only one."""
        remotes = self._ask("remote").splitlines()
        if "origin" in remotes:
            return "origin"
        if len(remotes) == 1:
            return remotes[0]
        which = f"has the remotes {', '.join(remotes)} and no origin" if remotes else "has no remote"
        message = f"the git repository {shown(str(self._folder))} {which}"
        raise NotFound(message, hint="add one: git remote add origin URL")

    def _check_tag(self, tag: str) -> None:
        printable(tag, "a tag")
        if version_of_tag(tag) is None:
            raise InvalidVersion(f"the tag {shown(tag)} names no version", hint=_TAG_HINT)
        if _REVISIONS.match(tag):
            raise InvalidVersion(f"git would take the tag {shown(tag)} for something else", hint=_TAG_HINT)
        if tag.startswith("-") or self._run("check-ref-format", f"refs/tags/{tag}").returncode:
            raise InvalidVersion(f"git allows no tag named {shown(tag)}", hint=_TAG_HINT)

    def _ask(self, *arguments: str) -> str:
        """Run git and return what it printed; raise where it refuses."""
        done = self._run(*arguments)
        if not done.returncode:
            return done.stdout.strip()
        folder = shown(str(self._folder))
        if "not a git repository" in done.stderr:
            raise NotFound(f"{folder} is in no git repository", hint="run `git init` there, or name another folder")
        raise InvalidRequest(f"git {arguments[0]} failed in {folder}: {_first_line(done.stderr)}")

    def _run(self, *arguments: str, timeout_s: float = LOCAL_TIMEOUT_S) -> subprocess.CompletedProcess[str]:
        program = shutil.which("git")
        if program is None:
            raise InvalidRequest("git is not installed", hint="install git, or give the version yourself")
        if not self._folder.is_dir():
            raise NotFound(f"there is no folder {shown(str(self._folder))}", hint="name the folder of a git repository")
        environment = {name: value for name, value in os.environ.items() if name not in _REDIRECTING}
        # English messages to look into, no question on a terminal, no lock that a colleague's git would meet.
        environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
        try:
            return subprocess.run(
                [program, *arguments],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TimedOut(f"git {arguments[0]} did not end within {timeout_s:g} seconds") from None


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
