"""What changed from version to version, as Markdown for people.

Rules
- The highest version comes first; two of equal precedence come in the order of their registration, the later one first.
- Each version has its changelog, its migration notes and its known issues, where they were recorded; why it was let in
  although it breaks callers; and that it is deprecated, and why.
- The texts of users are Markdown already and stay as they are, but for what would reach beyond their entry: headings
  become bold lines, so that they cannot pass for another version, raw HTML is escaped, and a code fence that is left
  open is closed. What stands behind a bold word is one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelyard.domain.versions import SemVer
from modelyard.domain.wire import VersionRecord

_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(?P<text>.*?))?(?:[ \t]+#*)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_OPENING = re.compile(r" {0,3}(?P<fence>(?P<mark>`{3,}(?=[^`]*$)|~{3,}).*)")
_CLOSING = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})[ \t]*")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


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
        found.append(f"**Deprecated:** {_line(version.deprecation_reason) or 'no reason was recorded'}")
    if version.allow_breaking:
        found.append(f"**Breaks callers of this line:** {_line(version.allow_breaking)}")
    found.append(_plain(version.changelog) or "Nothing was recorded about what changed.")
    sections = (("Migration notes", version.migration_notes), ("Known issues", version.known_issues))
    for title, text in sections:
        if _plain(text):
            found += [f"### {title}", _plain(text)]
    return found


def _line(text: str) -> str:
    """Return a text as one line, which opens nothing that it does not close."""
    return _TAG.sub("&lt;", " ".join(text.split()))


def _plain(text: str) -> str:
    """Return a text whose headings are bold lines and whose HTML is escaped; code between fences stays as it is."""
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        if fence:
            closing = _CLOSING.fullmatch(line)
            fence = "" if closing and closing["mark"].startswith(fence) else fence
            lines.append(line)
        elif opening := _OPENING.fullmatch(line):
            # Without its indentation, or it would end with the item of a list, and what follows be no code any more.
            fence = opening["mark"]
            lines.append(opening["fence"])
        elif heading := _HEADING.fullmatch(line):
            lines.append(f"**{_TAG.sub('&lt;', heading['text'])}**" if heading["text"] else "")
        elif _UNDERLINE.fullmatch(line) and lines and lines[-1].strip():
            lines.append("")
        else:
            lines.append(_TAG.sub("&lt;", line))
    if fence:
        lines.append(fence)
    return "\n".join(lines).strip()
