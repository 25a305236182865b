"""The address of a server: read, checked, and shown without its password."""

from __future__ import annotations

import ipaddress
import warnings
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest

_HINT = "write http://host:5000 or https://host/path"
SCHEMES = ("http", "https")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerAddress:
    """Where a server is: `url` has no slash at its end, no user, no query."""

    url: str
    host: str
    encrypted: bool

    @classmethod
    def parse(cls, text: str) -> ServerAddress:
        """Read the address of a server.

        Raises:
            InvalidRequest: it is not the address of a server, or it holds a user or a query.
        """
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise InvalidRequest(f"{shown(text)} is no address: {error}", hint=_HINT) from error
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise InvalidRequest(f"{shown(text)} is not the address of a server", hint=_HINT)
        if parts.username is not None or parts.password is not None:
            hint = "leave them out; pass token=, or set MODELYARD_TOKEN"
            raise InvalidRequest(f"the address of {parts.hostname} holds a user or a password", hint=hint)
        if parts.query or parts.fragment:
            raise InvalidRequest(f"the address {shown(text)} has a query or a fragment", hint=_HINT)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        place = host if port is None else f"{host}:{port}"
        return cls(
            url=urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", "")),
            host=parts.hostname,
            encrypted=parts.scheme == "https",
        )

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, judged by its name alone."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def warn_of_open_token(self) -> None:
        """Warn that a token is about to travel where anybody on the way can read it."""
        if not (self.encrypted or self.is_loopback):
            text = f"the token is sent to {self.url} without encryption; use an https:// address"
            warnings.warn(text, UserWarning, stacklevel=2)


def is_address(text: str) -> bool:
    """Whether a text names a server, as against a folder or a database."""
    return text.strip().lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES))
