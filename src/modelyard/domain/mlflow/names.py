"""What MLflow's clients may name, and the texts by which it is refused; the texts are those that clients match on.

Rules
1. The name of a model is not blank, has neither `/` nor `:`, and is an ordinary part of a path.
2. The key of a tag has 1 to 250 letters, digits, `_`, `-`, `.`, blanks, `:` and `/`, and is an ordinary path. Its value
   has at most 100,000 characters, and may be empty.
3. An alias has 1 to 255 of `A-Z a-z 0-9 _ -`. `latest`, and `v` with digits, mean something else.
4. The number of a version is a whole number, as a number or as text.
5. A source has no traversal: no `..` among its parts, however it is encoded, and no NUL. A source without a scheme, or
   one of a file, names a place on the server's machine: nobody registers from there, except a prompt, whose source is a
   placeholder.
"""

from __future__ import annotations

import re
from posixpath import normpath
from typing import Final
from urllib.parse import unquote, urlsplit

LONGEST_KEY: Final = 250
LONGEST_VALUE: Final = 100_000
LONGEST_ALIAS: Final = 255
LONGEST_SOURCE: Final = 100_000
MOST_DIGITS: Final = 9
"""Digits of a version's number; more than the database counts to name no version."""

_KEY: Final = re.compile(r"[/\w.\- :]+")
_ALIAS: Final = re.compile(r"[\w-]+", re.ASCII)
_NUMBERED: Final = re.compile(r"v\d+", re.IGNORECASE)
_PASSES: Final = 10
"""How often an address is decoded at most; each pass takes one layer of `%25` away."""


def trouble_with_model(name: str) -> str:
    """What is wrong with the name of a model; empty where nothing is."""
    if not name.strip():
        return "Registered model name cannot be empty."
    if "/" in name or ":" in name:
        return f"Invalid model name: '{name}'. Names cannot contain '/' or ':'."
    if not _is_ordinary(name):
        return f"Invalid model name: '{name}'. It must be an ordinary part of a path."
    return ""


def trouble_with_key(key: str, *, path: str = "key") -> str:
    """What is wrong with the key of a tag; empty where nothing is."""
    if len(key) > LONGEST_KEY:
        return f"'{path}' exceeds the maximum length of {LONGEST_KEY} characters"
    if not _KEY.fullmatch(key):
        return (
            f"Invalid value \"{key}\" for parameter '{path}' supplied: Names may only contain alphanumerics,"
            " underscores (_), dashes (-), periods (.), spaces ( ), colons(:) and slashes (/)."
        )
    if not _is_ordinary(key):
        return f"Invalid value \"{key}\" for parameter '{path}' supplied: it must be an ordinary path."
    return ""


def trouble_with_value(value: str, *, path: str = "value") -> str:
    """What is wrong with the value of a tag; empty where nothing is."""
    if len(value) > LONGEST_VALUE:
        return f"'{path}' exceeds the maximum length of {LONGEST_VALUE} characters"
    return ""


def trouble_with_alias(alias: str) -> str:
    """What is wrong with an alias that is to be set; empty where nothing is."""
    if len(alias) > LONGEST_ALIAS:
        return f"'alias' exceeds the maximum length of {LONGEST_ALIAS} characters"
    if not _ALIAS.fullmatch(alias):
        return f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_) and dashes (-)."
    if alias.lower() == "latest":
        return "'latest' alias name (case insensitive) is reserved."
    if _NUMBERED.fullmatch(alias):
        return f"Version alias name '{alias}' is reserved."
    return ""


def number_of(text: str | int) -> int | None:
    """The number of a version; None for what is no whole number, 0 for one that no version has."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 < number < 10**MOST_DIGITS else 0


def is_whole(text: str) -> bool:
    """Whether a text has no half of a character, which no database stores."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def is_safe_source(source: str) -> bool:
    """Whether a source has no traversal, however it is encoded."""
    if len(source) > LONGEST_SOURCE:
        return False
    decoded = source
    for _ in range(_PASSES):
        if _escapes(decoded):
            return False
        further = unquote(decoded)
        if further == decoded:
            return True
        decoded = further
    return False


def is_local_source(source: str) -> bool:
    """Whether a source names a place on the server's own machine."""
    scheme = _scheme(source)
    # One letter is a drive, as in C:\\models.
    return scheme == "file" or len(scheme) <= 1


def version_source(source: str) -> tuple[str, str] | None:
    """The model's name and the selector of a source such as `models:/fraud/3`; None for others, `models:/m-…` too."""
    if _scheme(source) != "models":
        return None
    name, slash, selector = source.partition(":")[2].lstrip("/").rpartition("/")
    if slash:
        return name, selector
    name, at, alias = selector.partition("@")
    return (name, f"@{alias}") if at else None


def _scheme(source: str) -> str:
    try:
        return urlsplit(source).scheme.lower()
    except ValueError:
        return ""


def _escapes(text: str) -> bool:
    return "\0" in text or ".." in re.split(r"[/\\?#]", text)


def _is_ordinary(path: str) -> bool:
    return normpath(path) == path and path not in {".", ".."} and not path.startswith(("../", "/"))
