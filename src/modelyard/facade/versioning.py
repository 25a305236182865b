"""Versions for users: `VersionManager` reckons with version texts, `VersionTracker` reads and writes them in git too.

Both take versions as text or as `SemVer`. A text that is not a semantic version raises `InvalidVersion`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from modelyard.domain.names import shown
from modelyard.domain.versions import Part, SemVer, next_version
from modelyard.errors import InvalidRequest
from modelyard.integrations.git import GitRepository


class VersionManager:
    """Compares, sorts and increments semantic versions."""

    def parse_version(self, version: str | SemVer) -> SemVer:
        """Return the version as a value that compares by precedence."""
        return version if isinstance(version, SemVer) else SemVer.parse(version)

    def increment_version(self, current: str | SemVer, increment_type: str = "patch") -> str:
        """Return the next release after `current`.

        Args:
            current: the version to start from; a prerelease leads to its own release ("1.2.3-rc.1" to "1.2.3").
            increment_type: "major", "minor" or "patch".

        Raises:
            InvalidRequest: `increment_type` is something else.
        """
        return self.parse_version(current).bump(cast("Part", increment_type)).text

    def compare_versions(self, version1: str | SemVer, version2: str | SemVer) -> int:
        """Return -1 where `version1` is the lower one, 1 where it is the higher one, 0 where neither is."""
        first, second = self.parse_version(version1), self.parse_version(version2)
        return (first > second) - (first < second)

    def is_newer(self, version1: str | SemVer, version2: str | SemVer) -> bool:
        """Tell whether `version1` is higher than `version2`."""
        return self.compare_versions(version1, version2) > 0

    def is_compatible(self, version1: str | SemVer, version2: str | SemVer) -> bool:
        """Tell whether both have the same major number (see `SemVer.is_compatible`)."""
        return self.parse_version(version1).is_compatible(self.parse_version(version2))

    def sort_versions(self, versions: Iterable[str], *, reverse: bool = False) -> list[str]:
        """Return the texts as they are, the lowest version first; `reverse` puts the highest first.

        Versions that differ in their build metadata only keep their order.
        """
        return sorted(_texts(versions), key=self.parse_version, reverse=reverse)

    def get_latest_version(self, versions: Iterable[str]) -> str:
        """Return the text of the highest version.

        Raises:
            InvalidRequest: there is none.
        """
        texts = _texts(versions)
        if not texts:
            raise InvalidRequest("no versions were given, so none is the latest", hint="pass at least one version")
        return max(texts, key=self.parse_version)


class VersionTracker(VersionManager):
    """A `VersionManager` that also takes versions from a git repository and puts them there.

    Args:
        repository: a folder in the repository. It is not looked at before a method needs git.
    """

    def __init__(self, repository: str | Path = ".") -> None:
        self._git = GitRepository(repository)

    def generate_version_from_git(self, increment_type: str = "patch", prefix: str = "") -> str:
        """Return a version for what stands in the repository now, such as "1.2.4+3f2a91c.dev".

        It is the highest version tag in the history of HEAD, incremented; 0.1.0 where there is no tag (1.0.0 for
        "major"). The build metadata is the short commit, followed by "dev" unless HEAD is the tagged commit and no
        tracked file is changed: with "dev", the commit alone does not tell what went into the version.

        Args:
            increment_type: "major", "minor" or "patch".
            prefix: what the tags of the model start with, in a repository of several: "fraud" for fraud-v1.2.3 and
                fraud/1.2.3.

        Raises:
            InvalidRequest: `increment_type` is something else, or git is not installed.
            NotFound: the folder is in no git repository, or the repository has no commit.
        """
        self.increment_version("0.0.0", increment_type)
        tags = self._git.version_tags(prefix)
        if tags:
            following = self.increment_version(tags[0].version, increment_type)
        else:
            following = "1.0.0" if increment_type == "major" else next_version([]).text
        head = self._git.head()
        tagged = any(tag.commit == head and tag.version == tags[0].version for tag in tags)
        suffix = "" if tagged and not self._git.is_dirty() else ".dev"
        return f"{following}+{self._git.short_commit()}{suffix}"

    def create_version_tag(self, tag: str, push: bool = False) -> str:
        """Put a version tag ("1.2.3", "v1.2.3", "model-v1.2.3") on the commit at hand, push it on request, return it.

        Raises:
            InvalidVersion: the text names no version.
            Conflict: there is such a tag already, here or at the remote.
            NotFound: there is no repository, no commit, or no remote to push to.
            RemoteUnavailable: the remote did not take the tag; then there is none here either.
        """
        self._git.create_tag(tag, push=push)
        return tag


def _texts(versions: Iterable[str]) -> list[str]:
    # A single text is an iterable of texts as well, and never what was meant.
    if isinstance(versions, str):
        raise InvalidRequest(f"a list of versions is needed, not the text {shown(versions)}", hint="pass a list")
    return list(versions)
