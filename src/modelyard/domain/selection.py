"""What lists of models and versions are narrowed by: owner, team, tag and stage.

Rules
1. What is empty demands nothing; what is given is all demanded.
2. Owner and team are compared as a whole, letter by letter. A tag is `key`, with any value, or `key=value`; the first
   `=` separates, for no key has one.
3. A version that says nothing of its own has its model's owner, its model's team, and those of its model's tags whose
   key it does not have itself. So whoever narrows models, and then looks for versions, goes on seeing the same models.
4. What no owner, team or tag can be is refused: an empty answer would look like "there is none".
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain.checks import LONGEST_TAG, check_text
from modelyard.domain.names import LONGEST_NAME, shown, tag_key
from modelyard.errors import InvalidRequest


@dataclass(frozen=True)
class Tag:
    """A tag that is demanded; `value` is None where any will do."""

    key: str
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which models or versions are wanted. `stage` is a stage that there is, as the graphs write it."""

    owner: str = ""
    team: str = ""
    tag: Tag | None = None
    stage: str = ""


EVERYTHING = Selection()


def selection(*, owner: str = "", team: str = "", tag: str = "", stage: str = "") -> Selection:
    """Read what people write; the stage has been looked up already.

    Raises:
        InvalidRequest: an owner or a team is longer than any, or the tag has no key; InvalidMetadata and InvalidName
            for characters that cannot be there.
    """
    return Selection(
        owner=_whole("owner", owner), team=_whole("team", team), tag=_tag(tag) if tag else None, stage=stage
    )


def _whole(what: str, text: str) -> str:
    if len(text) > LONGEST_NAME:
        hint = f"none has more than {LONGEST_NAME}"
        raise InvalidRequest(f"the {what} {shown(text)} has {len(text)} characters", hint=hint)
    return check_text(what, text)


def _tag(text: str) -> Tag:
    key, separator, value = text.partition("=")
    if not key:
        raise InvalidRequest(f"the tag {shown(text)} has no key", hint="write key=value, or the key alone")
    return Tag(str(tag_key(key)), check_text("the tag's value", value, LONGEST_TAG) if separator else None)
