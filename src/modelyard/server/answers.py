"""Answers: records encoded once, as the two ASGI messages that send them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from modelyard.server.messages import Send

_encode = msgspec.json.Encoder(enc_hook=str).encode
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole answer, ready to be sent any number of times.

    Attributes:
        permission: what one must be allowed to get it.
        size: bytes of the body.
    """

    permission: str
    start: dict[str, Any]
    body: dict[str, Any]
    size: int

    async def send(self, send: Send) -> None:
        """Send it."""
        await send(self.start)
        await send(self.body)


def answer(record: object, *, permission: str, status: int = 200) -> Answer:
    """Encode a record; one that has a revision gets it as its ETag."""
    body = _encode(record)
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    revision = getattr(record, "revision", None)
    if isinstance(revision, int):
        headers.append((b"etag", b'"%d"' % revision))
    return Answer(
        permission=permission,
        start={"type": "http.response.start", "status": status, "headers": headers},
        body={"type": "http.response.body", "body": body},
        size=len(body),
    )
