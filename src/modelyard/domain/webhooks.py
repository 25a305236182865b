"""Webhooks: which events go where, how a delivery is signed, and when it is tried again.

Rules
1. A webhook chooses events by patterns of their types, and models by patterns of their names. In a pattern only a `*`
   at its end is special: `version.*`, `fraud-*`, `*`. An event that belongs to no model has the model "", which only
   `*` matches. A `webhook.ping` goes to the webhook that it names, whatever its patterns are.
2. The address is http or https, names a host, and holds no user, password or fragment.
3. Deliveries are signed as the Standard Webhooks specification says (standardwebhooks.com): the header
   `webhook-signature` holds `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, once for each secret that is
   valid; `webhook-id` is the same at every attempt, `webhook-timestamp` is the second of the attempt.
4. A secret is `whsec_` and the base64 of 24 to 64 bytes. After a rotation the old one signs beside the new one until it
   expires.
5. An answer 2xx means delivered. After 410 the webhook is switched off. Everything else is tried again, with a pause
   that doubles from the first one on up to the longest; a random part of up to half keeps senders from falling in step.
   An attempt that fails after `give_up_after` seconds in line is the last one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest, Unauthenticated

EVERYTHING: Final = "*"
PING: Final = "webhook.ping"
PENDING: Final = "pending"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
STATES: Final = (PENDING, DELIVERED, DEAD)
"""What a delivery is: still to be sent, sent, given up."""

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how secrets begin
SECRET_BYTES: Final = 32
TOLERANCE_S: Final = 300.0
GONE: Final = 410
MOST_PATTERNS: Final = 50
LONGEST_PATTERN: Final = 250
LONGEST_URL: Final = 2_000
LONGEST_TEXT: Final = 2_000

_VERSION = "v1"
_SECRET_SIZES = range(24, 65)
_EVENT_PATTERN = re.compile(r"[a-z][a-z_.]*\*?|\*")
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#\s]+)(?P<rest>[/?][^#\s]*)?", re.IGNORECASE)
_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:@]+)(?::(?P<port>[0-9]{1,5}))?")
_HIGHEST_PORT = 65_535
_FULL_OK = range(200, 300)


@dataclass(frozen=True, kw_only=True)
class Address:
    """The parts of a webhook's address that a connection needs."""

    scheme: str
    host: str
    port: int
    target: str


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a delivery is tried, in seconds."""

    first_pause: float = 1.0
    longest_pause: float = 60.0
    give_up_after: float = 259_200.0

    def pause(self, attempts: int, chance: float) -> float:
        """Seconds to wait after so many attempts; `chance` is a random number from 0 up to 1."""
        whole = min(self.longest_pause, self.first_pause * 2.0 ** min(attempts - 1, 60))
        return whole * (0.5 + chance / 2)


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern, in which only a `*` at the end is special."""
    return text.startswith(pattern[:-1]) if pattern.endswith(EVERYTHING) else text == pattern


def wants(events: Iterable[str], models: Iterable[str], kind: str, model: str) -> bool:
    """Whether a webhook with these patterns wants an event of this type and model; no ping is wanted by a pattern."""
    if kind == PING:
        return False
    return any(matches(one, kind) for one in events) and any(matches(one, model) for one in models)


def event_patterns(given: Sequence[str]) -> list[str]:
    """The checked patterns of event types; none stands for all.

    Raises:
        InvalidRequest: one of them can match no event.
    """
    found = _patterns(given, "events")
    for pattern in found:
        if not _EVENT_PATTERN.fullmatch(pattern):
            raise InvalidRequest(
                f"{shown(pattern)} is no pattern of event types", hint="write version.registered, version.* or *"
            )
    return found


def model_patterns(given: Sequence[str]) -> list[str]:
    """The checked patterns of model names; none stands for all.

    Raises:
        InvalidRequest: one of them can match no model.
    """
    return _patterns(given, "models")


def _patterns(given: Sequence[str], what: str) -> list[str]:
    found = list(dict.fromkeys(pattern.strip() for pattern in given))
    if len(found) > MOST_PATTERNS:
        raise InvalidRequest(f"{what} has {len(found)} patterns; the most is {MOST_PATTERNS}")
    for pattern in found:
        if not pattern or len(pattern) > LONGEST_PATTERN or not pattern.isprintable() or EVERYTHING in pattern[:-1]:
            raise InvalidRequest(
                f"{shown(pattern)} is no pattern for {what}", hint="a pattern is a name, or the beginning of one and *"
            )
    return found or [EVERYTHING]


def address_of(url: str) -> Address:
    """Take a webhook's address apart.

    Raises:
        InvalidRequest: it is no http or https address of a host, or holds a user, a password or a fragment.
    """
    hint = "write it as https://host/path"
    if len(url) > LONGEST_URL or not url.isprintable() or not url.isascii():
        raise InvalidRequest(f"the address is not printable ASCII of up to {LONGEST_URL} characters", hint=hint)
    found = _URL.fullmatch(url)
    authority = found["authority"] if found else ""
    if "@" in authority:
        raise InvalidRequest(
            "the address holds a user or a password", hint="receivers check the signature instead; leave them out"
        )
    place = _HOST.fullmatch(authority)
    if not found or not place or int(place["port"] or 1) not in range(1, _HIGHEST_PORT + 1):
        # The address is not repeated: whoever mistyped it may have put a token into it.
        raise InvalidRequest("the address is not of the kind http://host/path or https://host/path", hint=hint)
    return _address(found, place)


def _address(found: re.Match[str], place: re.Match[str]) -> Address:
    scheme = found["scheme"].lower()
    rest = found["rest"] or "/"
    return Address(
        scheme=scheme,
        host=place["host"].strip("[]").lower(),
        port=int(place["port"] or (443 if scheme == "https" else 80)),
        target=rest if rest.startswith("/") else f"/{rest}",
    )


def origin_of(url: str) -> str:
    """The part of an address that tells where events go and holds no secret: scheme, host and port."""
    found = _URL.fullmatch(url)
    return f"{found['scheme'].lower()}://{found['authority'].lower()}" if found else ""


def check_text(text: str, what: str) -> str:
    """A text for people, if it is not too long and can be written down.

    Raises:
        InvalidRequest: it is too long, or has half of a character (a lone surrogate).
    """
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(f"{what} has {len(text)} characters; the most is {LONGEST_TEXT}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{what} has half of a character, at {error.start + 1}", hint="leave it out") from None
    return text


def new_secret(entropy: bytes) -> str:
    """A secret made of random bytes, `SECRET_BYTES` of them."""
    return SECRET_PREFIX + base64.b64encode(entropy).decode()


def secret_bytes(secret: str) -> bytes:
    """The key that a secret stands for.

    Raises:
        InvalidRequest: it is not of the form; the message does not repeat it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in _SECRET_SIZES:
        raise InvalidRequest(
            f"the secret is not {SECRET_PREFIX} and the base64 of 24 to 64 bytes",
            hint="leave it out to get a new one",
        )
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one attempt, as it stands in the header."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"{_VERSION},{base64.b64encode(hmac.digest(secret_bytes(secret), signed, hashlib.sha256)).decode()}"


def signed_headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows that a body comes from here, and has not heard it before."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
    }


def check_signature(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float, tolerance: float = TOLERANCE_S
) -> None:
    """Refuse a body that was not signed with a secret, or at another time than about now.

    Args:
        secret: the webhook's secret.
        headers: the request's headers; their names in any case.
        body: the raw body, exactly as it was received.
        now: seconds since 1970.
        tolerance: the most seconds between `now` and the time of the attempt, in either direction.

    Raises:
        Unauthenticated: a header is missing, the time is another one, or no signature fits.
        InvalidRequest: the secret is none.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (message_id and signatures and stamp.isascii() and stamp.isdecimal() and len(stamp) < 16):  # noqa: PLR2004
        raise Unauthenticated("a header of the webhook is missing or cannot be read", hint="pass the request's headers")
    if abs(now - int(stamp)) > tolerance:
        raise Unauthenticated(
            "the webhook was sent at another time", hint="check this machine's clock; it may be a replay"
        )
    wanted = sign(secret, message_id, int(stamp), body).encode()
    # Every signature is looked at, so that the time taken tells nothing about which one fits.
    fitting = [hmac.compare_digest(wanted, one.encode()) for one in signatures.split()]
    if not any(fitting):
        raise Unauthenticated("the webhook's signature does not fit", hint="check the secret, and pass the raw body")


def message_id(webhook_id: str, sequence: int, part: int = 0) -> str:
    """The id of a delivery: the same at every attempt, and for every replay.

    `part` numbers the messages that one event stands for, where they are several.
    """
    return f"msg_{webhook_id.partition('_')[2]}_{sequence}" + (f"_{part}" if part else "")


def is_delivered(status: int) -> bool:
    """Whether an answer means that the receiver has the event."""
    return status in _FULL_OK
