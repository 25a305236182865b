"""Users, services, tokens, and the question who one is and what one may do."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain import wire
from modelyard.domain.contract import Operation
from modelyard.domain.permissions import SELF


@dataclass(frozen=True, kw_only=True)
class CreateUser:
    """A user, or a service, and what it is granted."""

    name: str
    kind: str = "user"
    grants: list[dict[str, str]] = field(default_factory=list)
    """Each is a mapping: `allow` (a role or a permission), and patterns for `model`, `stage` and `alias`."""


@dataclass(frozen=True, kw_only=True)
class ListUsers:
    """A page of users and services."""

    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class UpdateUser:
    """What to change about a user; what is left out stays."""

    name: str
    grants: list[dict[str, str]] | None = None
    """All that it is granted from now on."""
    disabled: bool | None = None
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class CreateToken:
    """A token for a user or a service; a service of that name is made where nobody has it."""

    principal: str
    grants: list[dict[str, str]] = field(default_factory=list)
    """What a new service is granted; for one that exists, what this token may do of what it was granted."""
    expires: str = ""
    """A time such as `90d`, or a moment; the token does not end by itself where it is left out."""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class ListTokens:
    """A page of tokens, of one principal if given; those that have ended only if asked for."""

    principal: str = ""
    ended: bool = False
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class RotateToken:
    """A token to be replaced by a new one, and how long the old one keeps working: `1h`; not at all by default."""

    token: str
    overlap: str = ""
    expires: str = ""
    """When the new one ends; by default it lasts as long as the old one was made for."""


@dataclass(frozen=True, kw_only=True)
class NamedToken:
    """A token, by its id."""

    token: str


@dataclass(frozen=True, kw_only=True)
class Myself:
    """A request about who asks."""


@dataclass(frozen=True, kw_only=True)
class CanI:
    """A permission, and where: a model, and a stage or an alias, if it matters."""

    permission: str
    model: str = ""
    target: str = ""


_USERS, _TOKENS = "user.manage", "token.manage"
_EXAMPLE = [{"allow": "deployer", "model": "fraud-*"}]

CREATE_USER = Operation(
    "create_user", "POST", "/api/users", _USERS, CreateUser, wire.PrincipalRecord,
    "Make a user or a service", 201, {"name": "alice@example.com", "grants": _EXAMPLE},
)  # fmt: skip
LIST_USERS = Operation(
    "list_users", "GET", "/api/users", _USERS, ListUsers, wire.PrincipalPage, "List the users and services by name"
)
UPDATE_USER = Operation(
    "update_user", "PATCH", "/api/users/{name}", _USERS, UpdateUser, wire.PrincipalRecord,
    "Change what a user is granted, or disable one", example={"grants": _EXAMPLE},
)  # fmt: skip
CREATE_TOKEN = Operation(
    "create_token", "POST", "/api/tokens", _TOKENS, CreateToken, wire.IssuedToken,
    "Make a token; its text is shown this once", 201,
    {"principal": "ci", "grants": [{"allow": "developer", "model": "fraud"}], "expires": "90d"},
)  # fmt: skip
LIST_TOKENS = Operation(
    "list_tokens", "GET", "/api/tokens", _TOKENS, ListTokens, wire.TokenPage, "List the tokens, without their secrets"
)
ROTATE_TOKEN = Operation(
    "rotate_token", "POST", "/api/tokens/{token}/rotate", _TOKENS, RotateToken, wire.IssuedToken,
    "Replace a token by a new one with the same rights", example={"overlap": "1h"},
)  # fmt: skip
REVOKE_TOKEN = Operation(
    "revoke_token", "DELETE", "/api/tokens/{token}", _TOKENS, NamedToken, wire.TokenRecord, "End a token at once"
)
WHOAMI = Operation("whoami", "GET", "/api/whoami", SELF, Myself, wire.Whoami, "Tell who one is, and what one may do")
CAN_I = Operation(
    "can_i", "GET", "/api/can-i", SELF, CanI, wire.Allowed, "Tell whether one may do something"
)  # fmt: skip
