"""The names of predictions: each tells where it came from, so that nothing has to be stored for a prediction.

    pn_ base64url( endpoint ␟ epoch ␟ version ␟ deployment ␟ padding | drawn (1) | key (8) | chance (8) | seal (13) )

Rules
- ␟ is the byte 0x1f. The padding, more of it, makes what stands before `drawn` a multiple of three bytes long; so its
  base64 is computed once for a version in an epoch.
- The seal is a BLAKE2b over everything before it, keyed by a secret of the registry: whoever has not the secret cannot
  name predictions that never were.
- The key is the hash that evidence knows it by (`modelyard.domain.units`); 0 for a request without one. It is there
  only where lots were drawn for the request, and so is the deployment.
- To callers a name is a text that means nothing. It is sealed and not secret: whoever decodes it sees identifiers, and
  the hash of a key that was sent with the request.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct
from typing import Final

from modelyard.domain.names import shown
from modelyard.errors import PredictionNotFound

PREFIX: Final = "pn_"
LONGEST: Final = 200
"""Characters that a name has at most, with identifiers as this registry makes them."""
SECRET_BYTES: Final = 32

_SEAL_BYTES: Final = 13
_TAIL: Final = Struct(">BQQ")
_END: Final = _TAIL.size + _SEAL_BYTES
_SEPARATOR: Final = "\x1f"
_PERSON: Final = b"prediction"


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a prediction came from.

    Attributes:
        endpoint_id: the endpoint that answered.
        epoch: the epoch that the request entered.
        version_id: the version that answered.
        deployment_id: the deployment that drew lots for the request; empty where none did.
        key: the hash of the key that lots were drawn by; 0 for a request without one.
    """

    endpoint_id: str
    epoch: int
    version_id: str
    deployment_id: str
    key: int


class Stamp:
    """Names the predictions of one version at one endpoint in one epoch, in a few microseconds each.

    Args:
        secret: the registry's secret, at most 64 bytes.
        endpoint_id: the endpoint.
        epoch: its epoch.
        version_id: the version.
        deployment_id: the deployment that draws lots in this epoch; empty where none does.
    """

    __slots__ = ("_head", "_state")

    def __init__(self, secret: bytes, endpoint_id: str, epoch: int, version_id: str, deployment_id: str) -> None:
        head = _SEPARATOR.join((endpoint_id, str(epoch), version_id, deployment_id, "")).encode()
        head += _SEPARATOR.encode() * (-len(head) % 3)
        self._state = _seal(secret, head)
        self._head = PREFIX + urlsafe_b64encode(head).decode()

    def name(self, chance: int, *, drawn: bool = False, key: int = 0) -> str:
        """Return the name of a prediction.

        Args:
            chance: 64 bits that no other prediction of the same key has.
            drawn: whether lots were drawn for it.
            key: the hash of its key, 0 for none.
        """
        tail = _TAIL.pack(drawn, key if drawn else 0, chance)
        state = self._state.copy()
        state.update(tail)
        return self._head + urlsafe_b64encode(tail + state.digest()).decode()


def origin_of(secret: bytes, name: str) -> Origin:
    """Return where a prediction came from.

    Raises:
        PredictionNotFound: the name is none that was given with this secret.
    """
    raw = _decoded(name)
    body, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
    if len(raw) <= _END or not compare_digest(_seal(secret, body).digest(), seal):
        raise PredictionNotFound(f"no prediction of this registry has the id {shown(name)}")
    endpoint_id, epoch, version_id, deployment_id, *_ = body[: -_TAIL.size].decode().split(_SEPARATOR)
    drawn, key, _chance = _TAIL.unpack(body[-_TAIL.size :])
    return Origin(
        endpoint_id=endpoint_id,
        epoch=int(epoch),
        version_id=version_id,
        deployment_id=deployment_id if drawn else "",
        key=key,
    )


def _decoded(name: str) -> bytes:
    """The bytes that a name stands for; empty where it has not the form of one, or is spelt in another way."""
    text = name.removeprefix(PREFIX)
    if text == name or len(name) > LONGEST or not text.isascii():
        return b""
    try:
        raw = urlsafe_b64decode(text)
    except ValueError:
        return b""
    # Characters that base64 knows nothing of are passed over by the decoder, and would make many names of one.
    return raw if urlsafe_b64encode(raw).decode() == text else b""


def _seal(secret: bytes, data: bytes) -> blake2b:
    return blake2b(data, key=secret, digest_size=_SEAL_BYTES, person=_PERSON)
