"""Grants and principals' names as people write them, checked.

    {"allow": "deployer", "model": "fraud-*", "stage": "staging", "alias": "champion"}

Rules
1. `allow` is a role, a permission, `*.read`, or `*`; what is left out of the rest is `*`. Instead of `allow` one may
   write `role` or `permission`. A text alone is a role or a permission on everything.
2. A pattern is not empty, and has a `*` at its end only. Stages are folded to lower case.
3. A permission about the whole registry is granted on all models or not at all.
4. The name of a user or of a service has 1 to 128 letters, digits and `. _ - @ +`, beginning with a letter or a digit.
   `local` is nobody's name: it stands for whoever was not asked who they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from modelyard.domain.names import printable, shown
from modelyard.domain.permissions import ADMIN_ONLY, EVERY_READ, EVERYTHING, LOCAL, REGISTRY_WIDE, ROLES, SELF, Grant
from modelyard.errors import InvalidName, InvalidRequest

MOST_GRANTS: Final = 50
LONGEST_PATTERN: Final = 250
USER: Final = "user"
SERVICE: Final = "service"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_PATTERNS: Final = ("model", "stage", "alias")
_WHAT: Final = ("allow", "role", "permission")
_HINT: Final = 'write {"allow": "deployer", "model": "fraud-*"}, for example'


def principal_name(text: object) -> str:
    """Return `text` as the name of a user or a service.

    Raises:
        InvalidName: it cannot be one.
    """
    name = printable(text, "a name")
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"{shown(name)} cannot be the name of a user",
            hint="use 1 to 128 letters, digits and . _ - @ +, such as alice@example.com or ci-bot",
        )
    if name.lower() == LOCAL.name:
        raise InvalidName(f"{shown(name)} stands for whoever was not asked who they are", hint="choose another name")
    return name


def parse_grants(given: Iterable[Any], known: Collection[str]) -> tuple[Grant, ...]:
    """Return grants as they were written; the same one twice counts once.

    Args:
        given: mappings, or texts.
        known: the permissions that there are.

    Raises:
        InvalidRequest: one of them is not as the rules say, or there are too many.
    """
    found = tuple(dict.fromkeys(_grant(item, known) for item in given))
    if len(found) > MOST_GRANTS:
        raise InvalidRequest(f"{len(found)} grants are more than {MOST_GRANTS}", hint="use patterns such as fraud-*")
    return found


def written(grant: Grant) -> dict[str, str]:
    """Return a grant as it is stored: without the patterns that match everything."""
    patterns = {name: getattr(grant, name) for name in _PATTERNS}
    return {"allow": grant.allow, **{name: value for name, value in patterns.items() if value != EVERYTHING}}


def _grant(given: Any, known: Collection[str]) -> Grant:
    fields = {"allow": given} if isinstance(given, str) else given
    if not isinstance(fields, Mapping):
        raise InvalidRequest(f"{shown(given)} is no grant", hint=_HINT)
    unknown = sorted(str(name) for name in fields if name not in (*_WHAT, *_PATTERNS))
    if unknown:
        raise InvalidRequest(f"a grant has no {shown(unknown[0])}", hint=_HINT)
    words = [fields[name] for name in _WHAT if name in fields]
    if len(words) != 1:
        raise InvalidRequest("a grant allows one role or one permission", hint=_HINT)
    allow = _allowed(words[0], known)
    model, stage, alias = (_pattern(name, fields.get(name, EVERYTHING)) for name in _PATTERNS)
    if allow in REGISTRY_WIDE and model != EVERYTHING:
        raise InvalidRequest(
            f"{allow} is about the whole registry, and cannot be granted on {shown(model)} only",
            hint="leave the model out",
        )
    return Grant(allow=allow, model=model, stage=stage.lower(), alias=alias)


def _allowed(word: Any, known: Collection[str]) -> str:
    words = sorted({*ROLES, *known, *ADMIN_ONLY, EVERYTHING, EVERY_READ} - {SELF})
    if isinstance(word, str) and word in words:
        return word
    near = get_close_matches(word, words, n=1) if isinstance(word, str) else []
    question = f"did you mean {near[0]}? " if near else ""
    raise InvalidRequest(
        f"{shown(word)} is no role and no permission", hint=f"{question}the roles are {', '.join(ROLES)}"
    )


def _pattern(name: str, text: Any) -> str:
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_PATTERN or EVERYTHING in text[:-1]:
        raise InvalidRequest(
            f"{shown(text)} is no pattern for the {name}",
            hint="write a name, or its beginning and a *, such as fraud-*",
        )
    return printable(text, f"the pattern for the {name}")
