"""Paths of kept artifacts: what MLflow's clients may write to and read from, and what a folder holds.

Rules
1. A path leads nowhere but below the root: it is relative, has no `..`, no backslash, no `#`, names no scheme, and is
   otherwise what a version's file may be called (`modelyard.domain.manifest`). Empty names and `.` between its slashes
   say nothing, as in a file system; the root itself is the empty path.
2. That holds however often the path is decoded: what would lead away for a reader who decodes it once more is refused.
   Apart from that, a `%` in a name is a letter like others, as MLflow's clients have it in the names of images.
3. A path is at most 700 characters long.
4. Below `modelyard/<version id>/` lie the files of versions. They are read there, and never written.
5. A file's content type follows from its name alone: what people read is `text/plain`, a few formats that programs show
   have their own, and everything else is bytes. Nobody's `Accept` changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final, NamedTuple
from urllib.parse import unquote

from modelyard.domain.manifest import safe_path
from modelyard.errors import InvalidArtifact

LONGEST_PATH: Final = 700
OWN: Final = "modelyard"
"""The folder in which versions show their own files."""

_AWAY: Final = ("/", "file:")
_ENDINGS: Final = (
    *("txt", "log", "err", "cfg", "conf", "cnf", "cf", "ini", "properties", "prop", "hocon", "toml", "yaml", "yml"),
    *("xml", "json", "js", "py", "py3", "csv", "tsv", "md", "rst", "ipynb"),
)
_TEXTS: Final = frozenset(f".{ending}" for ending in _ENDINGS)
_TEXT_NAMES: Final = frozenset({"MLmodel", "MLproject", "mlproject"})
_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".html": "text/html",
    ".htm": "text/html",
    ".zip": "application/zip",
}


class Child(NamedTuple):
    """What lies in a folder: its own name, and its size in bytes, which a folder has none of."""

    name: str
    size: int | None


def artifact_path(text: str) -> str:
    """The path that a client means, in its one form; empty for the root.

    Raises:
        InvalidArtifact: it leads out of the root, or nothing can be called so. The message for that is MLflow's.
    """
    plain = "/".join(name for name in text.split("/") if name not in ("", "."))
    if len(plain) > LONGEST_PATH:
        raise InvalidArtifact(f"Invalid path: it is longer than {LONGEST_PATH} characters", hint="use shorter names")
    if any(_leads_away(form) for form in _forms(text)):
        raise InvalidArtifact("Invalid path")
    if plain:
        try:
            safe_path(plain)
        except InvalidArtifact as error:
            raise InvalidArtifact("Invalid path", details={"reason": error.message}) from None
    return plain


def _forms(text: str) -> Iterator[str]:
    """The text, and what becomes of it each time that it is decoded."""
    before = ""
    while text != before:
        yield text
        before, text = text, unquote(text)


def _leads_away(path: str) -> bool:
    return path.startswith(_AWAY) or ".." in path.split("/") or any(letter in path for letter in "\\#\0")


def own_file(path: str) -> tuple[str, str] | None:
    """The version's id and the path inside it that a path below `modelyard/` means; None for any other path.

    Both may be empty: the folder of all versions, and a version's own folder.
    """
    top, _, rest = path.partition("/")
    if top != OWN:
        return None
    identifier, _, inside = rest.partition("/")
    return identifier, inside


def content_type(path: str) -> str:
    """The content type that a file is sent with."""
    name = PurePosixPath(path)
    if name.name in _TEXT_NAMES or name.suffix in _TEXTS:
        return "text/plain"
    return _TYPES.get(name.suffix.lower(), "application/octet-stream")


def children(files: Iterable[tuple[str, int]], folder: str) -> list[Child]:
    """What lies in a folder, by name; nothing where there is no such folder.

    Args:
        files: paths of all files, with their sizes in bytes.
        folder: a path; empty for the root.
    """
    prefix = f"{folder}/" if folder else ""
    found: dict[str, int | None] = {}
    for path, size in files:
        if path.startswith(prefix):
            name, slash, _ = path.removeprefix(prefix).partition("/")
            found[name] = None if slash else size
    return [Child(name, size) for name, size in sorted(found.items())]


def folders_above(path: str) -> list[str]:
    """The folders that a path lies in, from the top, without the root."""
    names = path.split("/")[:-1]
    return ["/".join(names[: count + 1]) for count in range(len(names))]
