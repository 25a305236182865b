"""Who may do what: the one question that every route asks, and the guard against other people's web pages.

Rules
- Every route names a permission, and `authorise` is asked before anything of the request is looked at. Who sent it was
  found out at the front door (`modelyard.server.identity`); a request that did not come through there is nobody's.
- Having a permission on some model opens the door. Which model it is, the use case asks.
- A server that listens on loopback answers only to names of this machine. A web page whose name was made to point to
  127.0.0.1 (DNS rebinding) still sends its own name in `Host`, and is refused.
- A browser tells where a request comes from. One that could change something is refused unless it comes from the
  server's own pages: the user's browser must not be lent to others (cross-site request forgery). Programs send neither
  `Origin` nor `Sec-Fetch-Site`, and are not concerned.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from modelyard.domain.names import shown
from modelyard.domain.permissions import PUBLIC, Principal
from modelyard.errors import PermissionDenied, Unauthenticated
from modelyard.server.messages import Scope

PRINCIPAL = "modelyard.principal"
"""Key of a request's scope: who sent it, or the error for those who did not prove it."""

RENEWAL = "modelyard.renewal"
"""Key of a request's scope: what finds out once more who sent it, for requests that last."""

ANYBODY = Principal(name="anybody")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_KNOWN_HOSTS = 100


def authorise(scope: Scope, permission: str) -> Principal:
    """Return who asks, if they have the permission on any model.

    Raises:
        Unauthenticated: they did not prove who they are.
        PermissionDenied: they do not have it.
    """
    if not permission:
        raise PermissionDenied("this route names no permission, so nobody has it")
    if permission == PUBLIC:
        return ANYBODY
    found: Principal | Unauthenticated | None = scope.get(PRINCIPAL)
    if found is None:
        raise Unauthenticated("nobody was asked who sent this request")
    if isinstance(found, Unauthenticated):
        raise found
    found.require(permission)
    return found


async def ask_again(scope: Scope) -> None:
    """Find out once more who sent a request: a token may have ended while the request was being answered."""
    scope[PRINCIPAL] = await scope[RENEWAL]()


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in a URL or a setting, can only be this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses requests that a browser was tricked into.

    Args:
        host: the address that the server listens on.
    """

    def __init__(self, host: str) -> None:
        self._own = host.lower()
        self._local_only = is_loopback(host)
        self._known: set[bytes] = set()

    def check(self, scope: Scope) -> None:
        """Let a request pass.

        Raises:
            PermissionDenied: its `Host` is not a name of this machine, or another site's page sent it.
        """
        host = origin = site = b""
        for name, value in scope["headers"]:
            if name == b"host":
                if host:
                    raise PermissionDenied("the request has two Host headers", hint="send one")
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
        if host not in self._known:
            self._check_host(host)
        if (origin or site) and scope["method"] not in _SAFE:
            _check_origin(host, origin, site)

    def _check_host(self, header: bytes) -> None:
        text = header.decode("latin-1").lower()
        name = text.rpartition(":")[0] if _has_port(text) else text
        if header and self._local_only and name != self._own and not is_loopback(name):
            raise PermissionDenied(
                f"the request is for the host {shown(text)}, and this server answers to this machine only",
                hint="call it as localhost; to serve other machines, start it on another address",
            )
        if len(self._known) < _MOST_KNOWN_HOSTS:
            self._known.add(header)


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]") and (host.startswith("[") or host.count(":") == 1)


def _check_origin(host: bytes, origin: bytes, site: bytes) -> None:
    same = origin.partition(b"://")[2].lower() == host.lower() if origin else site in {b"same-origin", b"none"}
    if not same:
        sender = origin.decode("latin-1") or "another site"
        raise PermissionDenied(
            f"a web page of {shown(sender)} tried to change this registry",
            hint="call the server from a program, or from its own pages",
        )


def header(scope: Scope, name: bytes) -> str:
    """The value of a request header as text; empty if it was not sent, joined by commas if it was sent twice."""
    return ", ".join(value.decode("latin-1") for value in _values(scope, name))


def _values(scope: Scope, name: bytes) -> Iterable[bytes]:
    return (value for key, value in scope["headers"] if key == name)
