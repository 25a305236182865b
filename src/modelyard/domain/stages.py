"""A stage by its word: where a version stands in its life.

A stage is named by a short lower-case word. The set is open: a team may add stages in its own graph (see
`modelyard.domain.graph`), and `ModelStage` then holds them beside the five that are always known.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from modelyard.errors import InvalidStage

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class ModelStage(StrEnum):
    """A stage by its lower-case word; a text that compares, hashes and prints as that word.

    The members are the stages that every registry knows. Other words of the right form are accepted too:
    `ModelStage("canary")` has the value `canary` and the name `CANARY`. Any case is accepted, surrounding blanks are
    dropped, and `none` is another word for development.

    Raises:
        InvalidStage: the text cannot name a stage in any graph.
    """

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"
    REJECTED = "rejected"
    NONE = "development"

    @classmethod
    def _missing_(cls, value: object) -> ModelStage:
        word = folded(value)
        if word == "none":
            return cls.DEVELOPMENT
        known = cls.__members__.get(word.upper())
        return known or _open_member(word)

    def __reduce_ex__(self, protocol: Any) -> tuple[type[ModelStage], tuple[str]]:
        # Enum pickles a member by its name, under which an added stage could not be found again.
        return ModelStage, (self.value,)


def folded(text: object) -> str:
    """The word of a stage in lower case, without blanks around it; InvalidStage where the text can be none."""
    if not isinstance(text, str):
        raise InvalidStage(f"a stage is a text, not {type(text).__name__}", hint="pass ModelStage.STAGING or 'staging'")
    word = text.strip().lower()
    if not _WORD.fullmatch(word):
        raise InvalidStage(
            f"{text[:80]!r} cannot be a stage",
            hint="a stage is a word of 1 to 64 letters, digits, - and _, such as staging",
        )
    return word


def _open_member(word: str) -> ModelStage:
    # The member is not kept in the class, so that no input can make the set of known stages grow.
    member = str.__new__(ModelStage, word)
    member._name_ = word.upper()
    member._value_ = word
    return member
