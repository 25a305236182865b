"""What a version's number promises about its signature, and which number keeps the promise.

Rules
- Versions of one major number, and below 1.0.0 of one minor number, form a line. Within a line, each release promises
  to serve the callers of the releases before it. Between lines nothing is promised.
- A prerelease is on its way to its release: it promises what that release will (2.0.0-rc.1 may break 1.9.0, 1.10.0-rc.1
  may not). Nobody relies on it, so no later version is compared with it.
- A breaking change needs the next line: the next major number, below 1.0.0 the next minor one. A compatible change
  needs the next minor number, below 1.0.0 the next patch. No change, and an unknown one, needs the next patch.
- An explicit number is refused only for a breaking change: a patch that adds an optional input tells less than it
  could, which harms nobody.
- A range names its highest version that serves the callers of the lowest version of its line in the range. So a
  breaking version that was let into a line is passed over, unless it is the lowest; where a signature is not known,
  only numbers count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from modelyard.domain.signature_diff import Outcome
from modelyard.domain.versions import Part, SemVer, SemVerRange

Line: TypeAlias = tuple[int, int]


def line_of(version: SemVer) -> Line:
    """Return what all versions of a line share: the major number, and the minor one below 1.0.0."""
    return (version.major, 0) if version.major else (0, version.minor)


def is_promised(old: SemVer, new: SemVer) -> bool:
    """Tell whether the new number promises to serve the callers of the old one."""
    return not old.is_prerelease and old <= new and line_of(old) == line_of(new)


def required_bump(outcome: Outcome, old: SemVer) -> Part:
    """Return the part of the old number that has to grow for a change of that outcome."""
    parts: dict[Outcome, Part] = {"breaking": "major", "compatible": "minor"}
    if not old.major:
        parts = {"breaking": "minor"}
    return parts.get(outcome, "patch")


def highest_compatible(
    wanted: SemVerRange, versions: Iterable[SemVer], breaks: Callable[[SemVer, SemVer], bool]
) -> SemVer | None:
    """Return the version that a range names, or None where no version is in it.

    Args:
        wanted: the range.
        versions: those that may be named.
        breaks: whether the second version is known to break callers of the first; asked as seldom as possible.
    """
    matching = [version for version in versions if wanted.contains(version)]
    best = max(matching, default=None)
    if best is None:
        return None
    line = [version for version in matching if line_of(version) == line_of(best)]
    lowest = min((version for version in line if not version.is_prerelease), default=best)
    if best == lowest or not breaks(lowest, best):
        return best
    rest = sorted(line, reverse=True)[1:]
    return next(version for version in rest if version == lowest or not breaks(lowest, version))
