"""Records of users, services and their tokens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class GrantRecord:
    """A role, a permission or `*`, on the models, stages and aliases that match; see `modelyard.domain.grants`."""

    allow: str
    model: str = "*"
    stage: str = "*"
    alias: str = "*"


@dataclass(frozen=True, kw_only=True)
class PrincipalRecord:
    """A user, or a service, and what it was granted."""

    name: str
    kind: str
    """`user` or `service`."""
    grants: list[GrantRecord]
    disabled: bool
    """Whether none of its tokens is accepted."""
    tokens: int
    """How many tokens would be accepted now, if it is not disabled."""
    revision: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True)
class PrincipalPage:
    """A page of users and services, by name."""

    users: list[PrincipalRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class TokenRecord:
    """A token: whose it is, what it may do, until when. Never the secret."""

    id: str
    principal: str
    grants: list[GrantRecord] | None
    """What it may do of what its principal may; null: all of it."""
    description: str
    state: str
    """`active`, `expired` or `revoked`."""
    created_at: str
    created_by: str
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: str | None = None
    """When a server last looked it up, to about a day."""


@dataclass(frozen=True, kw_only=True)
class IssuedToken(TokenRecord):
    """A token with its text, which is shown this once."""

    token: str = ""

    def stored(self) -> IssuedToken:
        """The same without the secret: what is kept for a repeat of the request."""
        return replace(self, token="")


@dataclass(frozen=True, kw_only=True)
class TokenPage:
    """A page of tokens, the oldest first."""

    tokens: list[TokenRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Whoami:
    """Who asks, and what they may do."""

    name: str
    proven: bool
    """Whether they proved it by a token. A registry in the own process asks nobody."""
    roles: list[str] = field(default_factory=list)
    """The roles among what they were granted; a token may narrow them."""
    grants: list[GrantRecord] = field(default_factory=list)
    """What they may do in the end, permission by permission."""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Whether who asks may do something."""

    allowed: bool
    name: str
    permission: str
    model: str = ""
    target: str = ""
    reason: str = ""
    """Why not."""
