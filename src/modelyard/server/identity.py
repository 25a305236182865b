"""Who sends a request: the token in its `Authorization` header, and the principal that it proves.

Rules
- A token is sent as `Authorization: Bearer TOKEN`, or as the password of HTTP Basic, whatever the user's name (`curl -u
  me:TOKEN`, MLflow's clients). It is looked for nowhere else: addresses end up in logs.
- What a token proves is looked up again when a user or a token has changed, so that a revoked token ends with the
  change that revoked it. Whether one has, is asked once for each state of the database, for all callers together: while
  predictions are counted it has another state every second. When a token ends by itself, is asked each time.
- Only tokens that prove something are remembered, by a hash of theirs. So nobody fills the memory with wrong ones.
- Where the database is away, a token proves what it proved last: predictions go on without the database.
- No message and no log line holds anything of the header.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TypeAlias

from blake3 import blake3

from modelyard.domain.permissions import LOCAL, Principal
from modelyard.errors import RegistryUnusable, Unauthenticated
from modelyard.registry.tokens import Proof, authenticate, known_by
from modelyard.server.messages import Scope
from modelyard.server.service import Service
from modelyard.server.sharing import Shared

Found: TypeAlias = Principal | Unauthenticated

_HINT = "send `Authorization: Bearer TOKEN`; the client and the command line take it from MODELYARD_TOKEN"
_LONGEST = 1_000
AWAY_S = 1.0
"""How long a database that did not answer is not asked again, where there is another answer."""
KEPT_S = 60.0
"""How long a proof is taken for good without looking at the token again: its use is noted, and by hand some change what
nobody tells of."""


class Doorkeeper:
    """Finds out who sends a request. Used in the event loop only.

    Args:
        service: whose database knows the tokens.
        asks: whether callers have to prove who they are; otherwise everybody is `LOCAL`.
    """

    def __init__(self, service: Service, *, asks: bool) -> None:
        self._service = service
        self._asks = asks
        self._state = -1
        self._known_by = ""
        self._good_until = 0.0
        self._reading: Shared[str] = Shared()
        self._proofs: dict[bytes, Proof] = {}
        self._last: dict[bytes, Proof] = {}
        self._away_until = 0.0

    async def find(self, scope: Scope) -> Found:
        """Return who sends a request, or the error for those who have to prove it and did not."""
        if not self._asks:
            return LOCAL
        try:
            token = presented(scope)
        except Unauthenticated as error:
            return error
        proof = await self._proof(token)
        if proof is None or (proof.expires_at is not None and proof.expires_at <= self._service.yard.clock()):
            return Unauthenticated(
                "the token is not valid", hint="it was mistyped, revoked, or has expired; ask for a new one"
            )
        return proof.principal

    async def _proof(self, token: str) -> Proof | None:
        state = self._service.watch.count()
        if state != self._state:
            await self._renew(state)
        key = blake3(token.encode()).digest()
        proof = self._proofs.get(key)
        if proof is None:
            proof = await self._asked(key, token)
            # Another request may have seen a newer state meanwhile, to which this proof need not belong.
            if proof is not None and self._state == state:
                self._proofs[key] = proof
        return proof

    async def _renew(self, state: int) -> None:
        """Forget the proofs unless they still hold in another state of the database."""
        found = await self._reading.read("", state, self._look)
        if state < self._state:
            # Another request has seen a newer state meanwhile, and looked then.
            return
        now = asyncio.get_running_loop().time()
        if not found or found != self._known_by or now >= self._good_until:
            self._proofs.clear()
            self._good_until = now + KEPT_S
        self._known_by, self._state = found, state

    async def _look(self) -> str:
        """What the users and tokens are known by; empty where the database is away."""
        clock = asyncio.get_running_loop().time
        if clock() < self._away_until:
            return ""
        try:
            return await self._service.run(known_by, self._service.yard)
        except RegistryUnusable:
            self._away_until = clock() + AWAY_S
            return ""

    async def _asked(self, key: bytes, token: str) -> Proof | None:
        """Ask the database; where it is away, what it said last."""
        clock = asyncio.get_running_loop().time
        last = self._last.get(key)
        if last is not None and clock() < self._away_until:
            return last
        try:
            proof = await self._service.run(authenticate, self._service.yard, token)
        except RegistryUnusable:
            if last is None:
                raise
            self._away_until = clock() + AWAY_S
            return last
        if proof is None:
            self._last.pop(key, None)
        else:
            self._last[key] = proof
        return proof


def presented(scope: Scope) -> str:
    """Return the token that a request was sent with.

    Raises:
        Unauthenticated: there is none, or the header is not one of those that can hold one.
    """
    found: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
    if not found:
        raise Unauthenticated("the request has no token", hint=_HINT)
    scheme, _, rest = found[0].decode("latin-1").strip().partition(" ")
    token = rest.strip()
    if scheme.lower() == "basic":
        token = _password(token)
    elif scheme.lower() != "bearer":
        token = ""
    if len(found) > 1 or not 0 < len(token) <= _LONGEST or not token.isascii():
        raise Unauthenticated("the Authorization header holds no token", hint=_HINT)
    return token


def _password(text: str) -> str:
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password or user
