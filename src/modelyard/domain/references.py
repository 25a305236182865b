"""References: how people name a version.

Grammar (`models:/` in front of any of these changes nothing)

    NAME                        the latest version of the model
    NAME/latest  NAME@latest    the same
    NAME@ALIAS   NAME/@ALIAS    the version that the alias points to now
    NAME/3                      the version with that number
    NAME/1.4.2                  the version with that SemVer
    NAME/^1.4                   the highest version in a range (see `modelyard.domain.versions`)
    NAME/production             the version in a stage; any case, and any other word is a stage too, for stages can be
                                configured; whether there is such a stage is not decided here
    mv_…                        the version with that identifier
    sha256:…  blake3:…          the version with that content, 64 hexadecimal digits
    NAME/mv_…  NAME/blake3:…    the same, and it must be a version of that model

Rules
- A reference is read from left to right: a digest or an identifier first, then the model's name up to the first `/` or
  `@` (names have neither), then what stands behind it, in the order of the table.
- `str` of a reference is its canonical text: stages and digests in lower case, `NAME/latest` for the latest version.
  Reading it again gives an equal reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from modelyard.domain.ids import is_version_id
from modelyard.domain.names import ModelName, alias_name, model_name, shown
from modelyard.domain.versions import SemVer, SemVerRange, looks_like_range
from modelyard.errors import InvalidName, InvalidReference, InvalidVersion

Kind: TypeAlias = Literal["latest", "alias", "number", "version", "range", "stage", "id", "digest"]

PREFIX: Final = "models:/"
LATEST: Final = "latest"

_DIGEST: Final = re.compile(r"(?:sha256|blake3):[0-9a-fA-F]{64}")
_LOOKS_LIKE_DIGEST: Final = re.compile(r"(?:sha256|blake3):")
_DIGEST_HINT: Final = "a digest is sha256: or blake3: and 64 hexadecimal digits"
# At most 18 digits fit the 64-bit columns of every database.
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_STAGE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_V_VERSION: Final = re.compile(r"v([0-9].*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """One way to name a version, read and checked; only a registry can say which version it is."""

    model: ModelName | None
    """The model, or None where an identifier or a digest stands alone."""
    kind: Kind
    value: str
    """Alias, number, SemVer, range, stage (in lower case), identifier, digest (with its algorithm), or `latest`."""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference.

        Raises:
            InvalidReference: the text does not name a version; the message says what is wrong with it.
        """
        if not isinstance(text, str):
            raise InvalidReference(f"a reference is text, and {shown(text)} is of type {type(text).__name__}")
        bare = text.removeprefix(PREFIX)
        try:
            if is_version_id(bare) or _LOOKS_LIKE_DIGEST.match(bare):
                return _select(None, bare)
            end = next((place for place, character in enumerate(bare) if character in "/@"), len(bare))
            model = model_name(bare[:end])
            return _select(model, bare[end:].removeprefix("/")) if end < len(bare) else cls(model, "latest", LATEST)
        except (InvalidName, InvalidVersion, InvalidReference) as error:
            raise InvalidReference(f"{shown(text)} names no version: {error.message}", hint=error.hint) from None

    @classmethod
    def within(cls, model: str, selector: str) -> Reference:
        """Read what stands behind a model's name where the two come apart, as in paths and command lines.

        Args:
            model: the name of the model.
            selector: `@champion`, `3`, `1.4.2`, `^1.4`, `production`, `latest`, an identifier or a digest.

        Raises:
            InvalidName: `model` is not the name of a model.
            InvalidReference: the selector does not name a version.
        """
        if not isinstance(selector, str):
            raise InvalidReference(f"a version is named by text, and {shown(selector)} is {type(selector).__name__}")
        name = model_name(model)
        try:
            return _select(name, selector)
        except (InvalidName, InvalidVersion, InvalidReference) as error:
            message = f"{shown(selector)} names no version of {shown(name)}: {error.message}"
            raise InvalidReference(message, hint=error.hint) from None

    def __str__(self) -> str:
        if self.model is None:
            return self.value
        return f"{self.model}{'@' if self.kind == 'alias' else '/'}{self.value}"


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise InvalidReference(f"{shown(text)} is not a digest", hint=_DIGEST_HINT)
    return text.lower()


def _number(text: str) -> str:
    if text.startswith("0"):
        raise InvalidReference("numbers of versions count from 1 and have no leading zeros")
    return text


def _stage(text: str) -> str:
    if found := _V_VERSION.fullmatch(text):
        raise InvalidReference(f"{shown(text)} starts with a 'v'", hint=f"write {found.group(1)}")
    if not _STAGE.fullmatch(text):
        raise InvalidReference(f"{shown(text)} is no number, version, range or stage" if text else "it ends too early")
    return text.lower()


class _Form(NamedTuple):
    kind: Kind
    matches: Callable[[str], object]
    read: Callable[[str], str]
    """Returns the value for `Reference`, or raises."""


_FORMS: Final = (
    _Form("latest", lambda text: text.removeprefix("@").lower() == LATEST, lambda text: text.removeprefix("@").lower()),
    _Form("alias", lambda text: text.startswith("@"), lambda text: alias_name(text[1:])),
    _Form("id", is_version_id, str),
    _Form("digest", _LOOKS_LIKE_DIGEST.match, _digest),
    _Form("number", _NUMBER.fullmatch, _number),
    _Form("range", looks_like_range, lambda text: SemVerRange.parse(text).text),
    _Form("version", lambda text: text[:1].isdecimal(), lambda text: SemVer.parse(text).text),
    _Form("stage", lambda text: True, _stage),  # noqa: ARG005 - the last form takes all that is left
)


def _select(model: ModelName | None, selector: str) -> Reference:
    """Read what stands behind the name, an alias still with its `@`: the first form that matches decides."""
    if selector != selector.strip():
        raise InvalidReference(f"{shown(selector)} has a blank at its ends")
    form = next(form for form in _FORMS if form.matches(selector))
    return Reference(model, form.kind, form.read(selector))
