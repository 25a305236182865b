"""Keys in clear: what looks like one is never recorded.

Rules
1. A text that begins like a key of a provider, or like a bearer token, is refused wherever it stands.
2. A member that is named like a key is refused in the record, in its parameters and in what is passed on; deeper
   inside, such as in the JSON schema of an answer, `token` is a word like any other.
3. The message names the place and never the value: it may stand in a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn

from modelyard.errors import InvalidMetadata

_NAMES: Final = frozenset(
    {
        *("apikey", "key", "token", "secret", "password", "passwd", "authorization", "bearer", "accesskey"),
        *("accesstoken", "secretkey", "xapikey", "xgoogapikey", "credential", "credentials"),
    }
)
_VALUE: Final = re.compile(r"(?<![A-Za-z0-9])(sk-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{30,})|^Bearer \S{8,}")


def refuse_keys(value: object, where: str, *, named_at: frozenset[str]) -> None:
    """Refuse a document with a key in it.

    Args:
        value: the document, JSON values.
        where: its path, for messages.
        named_at: paths of the mappings in which the names of members are looked at too.

    Raises:
        InvalidMetadata: something looks like a key.
    """
    for path, text in _texts(value, where, named_at):
        if _VALUE.search(text):
            _refuse(path)


def _texts(value: object, where: str, named_at: frozenset[str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            path = f"{where}.{name[:80]}"
            if where in named_at and re.sub(r"[^a-z]", "", name.lower()) in _NAMES:
                _refuse(path)
            yield from _texts(item, path, named_at)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}[{index}]", named_at)


def _refuse(path: str) -> NoReturn:
    raise InvalidMetadata(
        f"{path} looks like a key, and records are read by many",
        hint="keys are read from the server's environment; api_key_env names another variable",
    )
