"""The text of a token: `myd_<id>_<secret>`.

Rules
1. The id tells which token it is, and may be shown; the secret proves it, has 256 bits, and is shown once.
2. What is stored is the BLAKE3 of the secret. A secret of 256 random bits cannot be guessed from its hash, so none of
   the slow hashes for passwords is needed.
3. A token ends at a moment, or after a time such as `90d`, counted from its making.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from blake3 import blake3

from modelyard.domain import durations
from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest

TOKEN_PREFIX: Final = "tk"  # noqa: S105 - the beginning of ids
SECRET_BYTES: Final = 32

_FORM: Final = re.compile(r"myd_([0-9a-z]{26})_([a-z2-7]{52})")


class Credential(NamedTuple):
    """A token as it was presented: which one, and the hash of its secret."""

    id: str
    hash: str


def token_text(token_id: str, entropy: bytes) -> str:
    """Return the text of a token.

    Args:
        token_id: its id, `tk_…`.
        entropy: exactly `SECRET_BYTES` random bytes.

    Raises:
        ValueError: there are more or fewer bytes, which is a defect of the caller.
    """
    if len(entropy) != SECRET_BYTES:
        message = f"a secret has {SECRET_BYTES} bytes, and this one {len(entropy)}"
        raise ValueError(message)
    secret = base64.b32encode(entropy).decode().rstrip("=").lower()
    return f"myd_{token_id.removeprefix(f'{TOKEN_PREFIX}_')}_{secret}"


def credential(text: str) -> Credential | None:
    """Return what the text of a token says; None if it is no such text."""
    found = _FORM.fullmatch(text)
    return Credential(f"{TOKEN_PREFIX}_{found[1]}", blake3(found[2].encode()).hexdigest()) if found else None


def ends_at(text: str, now: str, what: str = "expires") -> str | None:
    """Return the moment that a text names: a time from now (`90d`), or a moment in ISO 8601; None for an empty text.

    Raises:
        InvalidRequest: it is neither, or the moment has passed.
    """
    if not text:
        return None
    if durations.is_duration(text):
        return durations.later(now, durations.seconds(text, what))
    try:
        moment = datetime.fromisoformat(text)
        # A moment without a zone is one of UTC, as all moments of a registry are.
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        told = zoned.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError):
        hint = "write a time such as 90d, or a moment such as 2027-01-31T12:00Z"
        raise InvalidRequest(f"{what} is {shown(text)}", hint=hint) from None
    if told <= now:
        raise InvalidRequest(f"{what} is {shown(text)}, which has passed", hint="name a moment to come")
    return told
