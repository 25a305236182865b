"""What changed from version to version, as Markdown for people.

Rules
- The highest version comes first; two of equal precedence come in the order of their registration, the later one first.
- Each version has its changelog, its migration notes and its known issues, where they were recorded; why it was let in
  although it breaks callers; and that it is deprecated, and why.
- The texts of users are Markdown already and stay as they are, but for their headings: these become bold lines, so that
  they cannot pass for another version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelyard.domain.versions import SemVer
from modelyard.domain.wire import VersionRecord

_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(?P<text>.*?))?(?:[ \t]+#*)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})")


def changelog(name: str, versions: Iterable[VersionRecord], above: SemVer | None = None) -> str:
    """Return the changes of a model's versions, only of those above one if it is given; the text ends in a line end."""
    ordered = sorted(versions, key=lambda version: (SemVer.parse(version.version), version.number), reverse=True)
    chosen = [version for version in ordered if above is None or SemVer.parse(version.version) > above]
    since = f" since {above.text}" if above is not None else ""
    parts = [f"# Changelog of {name}{since}"]
    for version in chosen:
        parts += _entry(version)
    if not chosen:
        parts.append(f"There is no version{since}.")
    return "\n\n".join(parts) + "\n"


def _entry(version: VersionRecord) -> list[str]:
    told = [word for word in (str(version.stage), version.label) if word]
    found = [f"## {version.version} ({version.created_at[:10]}, {', '.join(told)})"]
    if version.deprecated:
        found.append(f"**Deprecated:** {_plain(version.deprecation_reason) or 'no reason was recorded'}")
    if version.allow_breaking:
        found.append(f"**Breaks callers of this line:** {_plain(version.allow_breaking)}")
    found.append(_plain(version.changelog) or "Nothing was recorded about what changed.")
    sections = (("Migration notes", version.migration_notes), ("Known issues", version.known_issues))
    for title, text in sections:
        if _plain(text):
            found += [f"### {title}", _plain(text)]
    return found


def _plain(text: str) -> str:
    """Return a text whose headings are bold lines; code between fences stays as it is."""
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = found["mark"] if (found := _FENCE.match(line)) else ""
        if fence:
            fence = "" if mark.startswith(fence) else fence
        elif mark:
            fence = mark
        elif heading := _HEADING.fullmatch(line):
            line = f"**{heading['text']}**" if heading["text"] else ""  # noqa: PLW2901 - the line as it is written
        elif _UNDERLINE.fullmatch(line) and lines and lines[-1].strip():
            line = ""  # noqa: PLW2901
        lines.append(line)
    if fence:
        lines.append(fence)
    return "\n".join(lines).strip()
