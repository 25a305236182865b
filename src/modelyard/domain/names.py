"""The grammar of names, in one place; a checked name has a type of its own.

Rules
- Every name is text of 1 to 250 characters in Unicode form NFC, so that names which look the same are the same. Nothing
  is stripped or changed: a name is taken as it is, or refused.
- A model name has letters, digits and marks of any script, spaces and ``_ - . ( ) + , = ' ! &``. It has no blank at its
  ends, starts with neither a hyphen nor a mark, and has at least one letter or digit. `/`, `@` and `:` belong to
  references. `register`, `upload` and `versions` are words of the REST paths; identifiers of versions and models stand
  in the same place of a path; none of them can be a model name, in any case.
- An alias has 1 to 255 of ``A-Z a-z 0-9 _ -``; `latest` and `v` with digits mean something else in a reference.
- A tag key has letters, digits and marks of any script and ``_ - . : /`` and spaces, with no blank at its ends.
- A metric name is any printable text that is not blank.
- Printable text has no control characters, no line or paragraph separators, no halves of surrogate pairs (no database
  stores them) and none of the controls that turn the direction of writing (a log line could read backwards).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NewType

from modelyard.domain.ids import is_model_id, is_version_id
from modelyard.errors import InvalidName

ModelName = NewType("ModelName", str)
AliasName = NewType("AliasName", str)
TagKey = NewType("TagKey", str)
MetricName = NewType("MetricName", str)

RESERVED_MODEL_NAMES: Final = frozenset({"register", "upload", "versions"})
LONGEST_NAME: Final = 250

_MODEL_PUNCTUATION: Final = " _-.()+,='!&"
_TAG_PUNCTUATION: Final = " _-.:/"
_WORD_CATEGORIES: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Mn", "Mc"})
_UNPRINTABLE_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Unicode counts these fillers and variation selectors as letters and marks, but they print nothing: two names that look
# the same would differ by them, and a selector turns a digit into an emoji.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_ALIAS: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ALIAS_OF_NUMBER: Final = re.compile(r"v[0-9]+", re.IGNORECASE)
_ALIAS_HINT: Final = "an alias has 1 to 255 of A-Z a-z 0-9 _ - and is neither 'latest' nor a 'v' with digits"


def model_name(text: object) -> ModelName:
    """Return `text` as the name of a model.

    Raises:
        InvalidName: it is not text, or it breaks a rule for model names.
    """
    name = _name(text, "a model name", _MODEL_PUNCTUATION)
    if name[0] == "-" or unicodedata.category(name[0])[0] == "M":
        raise InvalidName(f"the model name {shown(name)} starts with {_character(name[0])}, which no model name does")
    if not any(unicodedata.category(character)[0] in "LN" for character in name):
        raise InvalidName(f"the model name {shown(name)} has no letter and no digit")
    folded = name.lower()
    if folded in RESERVED_MODEL_NAMES:
        raise InvalidName(f"the model name {shown(name)} is a reserved word", hint="choose another name")
    if is_version_id(folded) or is_model_id(folded):
        raise InvalidName(f"the model name {shown(name)} looks like an identifier", hint="choose another name")
    return ModelName(name)


def alias_name(text: object) -> AliasName:
    """Return `text` as the name of an alias.

    Raises:
        InvalidName: it is not text, or it breaks a rule for aliases.
    """
    name = printable(text, "an alias")
    if not _ALIAS.fullmatch(name):
        raise InvalidName(f"{shown(name)} cannot be an alias", hint=_ALIAS_HINT)
    if name.lower() == "latest" or _ALIAS_OF_NUMBER.fullmatch(name):
        raise InvalidName(f"the alias {shown(name)} has a fixed meaning in references", hint=_ALIAS_HINT)
    return AliasName(name)


def tag_key(text: object) -> TagKey:
    """Return `text` as the key of a tag.

    Raises:
        InvalidName: it is not text, or it breaks a rule for tag keys.
    """
    return TagKey(_name(text, "a tag key", _TAG_PUNCTUATION))


def metric_name(text: object) -> MetricName:
    """Return `text` as the name of a metric.

    Raises:
        InvalidName: it is not text, not printable, blank, or not of 1 to 250 characters in Unicode form NFC.
    """
    return MetricName(_sized(text, "a metric name"))


def person(text: object, what: str) -> str:
    """Return the name of a person or a program, without blanks around it.

    Raises:
        InvalidName: it is empty, longer than 250 characters, or has characters that cannot be seen.
    """
    name = printable(text, what).strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidName(f"{what} has {len(name)} characters", hint=f"use 1 to {LONGEST_NAME} that can be seen")
    return name


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one to a reader: case, width and blanks around them do not count."""
    return _folded_person(one) == _folded_person(other)


def _folded_person(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def printable(text: object, what: str) -> str:
    """Return `text` if it is text and printable; its length is the caller's concern.

    Args:
        text: the value to look at, of any type.
        what: what it is, with its article, for the message ("a model name").

    Raises:
        InvalidName: it is not text, or some character cannot be printed.
    """
    if not isinstance(text, str):
        raise InvalidName(f"{what} must be text, and {shown(text)} is of type {type(text).__name__}")
    if text.isprintable():
        return text
    for character in text:
        if unicodedata.category(character) in _UNPRINTABLE_CATEGORIES or character in _TURNING:
            raise InvalidName(f"{what} cannot have {_character(character)}, as {shown(text)} has")
    return text


def shown(value: object, longest: int = 80) -> str:
    """Return `value` as messages show it: quoted and escaped, cut to `longest` characters."""
    # The cut comes first as well, so that the message about a text of many megabytes is made at once.
    try:
        text = repr(value[:longest] if isinstance(value, str) else value)
    except ValueError:
        # Python refuses to write integers of thousands of digits.
        return f"a value of type {type(value).__name__} that is too long to show"
    cut = len(text) > longest + 2 or (isinstance(value, str) and len(value) > longest)
    return f"{text[:longest]}…" if cut else text


def _name(text: object, what: str, punctuation: str) -> str:
    """Check what model names and tag keys share; they differ in the punctuation that they may have."""
    name = _sized(text, what)
    if name != name.strip():
        raise InvalidName(f"{what} has no blank at its ends, as {shown(name)} has")
    for character in name:
        if unicodedata.category(character) not in _WORD_CATEGORIES and character not in punctuation:
            raise InvalidName(f"{what} cannot have {_character(character)}, as {shown(name)} has")
    if found := _INVISIBLE.search(name):
        raise InvalidName(f"{what} cannot have {_character(found.group())}, as {shown(name)} has")
    return name


def _sized(text: object, what: str) -> str:
    if isinstance(text, str) and not 1 <= len(text) <= LONGEST_NAME:
        raise InvalidName(f"{what} has 1 to {LONGEST_NAME} characters, and {shown(text)} has {len(text)}")
    name = printable(text, what)
    if not name.strip():
        raise InvalidName(f"{what} cannot be blank")
    if not unicodedata.is_normalized("NFC", name):
        raise InvalidName(
            f"{what} must be in Unicode form NFC, and {shown(name)} is not",
            hint="pass it through unicodedata.normalize('NFC', name)",
        )
    return name


def _character(character: str) -> str:
    """Return a character as messages name it, with its number and its Unicode name."""
    name = unicodedata.name(character, "a control character" if character < "\u00a0" else "no name")
    return f"{character!r} (U+{ord(character):04X}, {name.lower()})"
