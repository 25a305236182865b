"""Users, services and their tokens, and the question who one is and what one may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from modelyard.domain.names import shown
from modelyard.domain.wire import Allowed, IssuedToken, PrincipalRecord, TokenRecord, Whoami
from modelyard.errors import Conflict, InvalidRequest
from modelyard.facade.base import Base
from modelyard.operations import (
    CAN_I,
    CREATE_TOKEN,
    CREATE_USER,
    LIST_TOKENS,
    LIST_USERS,
    REVOKE_TOKEN,
    ROTATE_TOKEN,
    UPDATE_USER,
    WHOAMI,
)

Grants: TypeAlias = str | Mapping[str, str] | Iterable[str | Mapping[str, str]]
"""`"viewer"`, `{"allow": "deployer", "model": "fraud-*"}`, or several of these."""


class Principals(Base):
    """The methods of `ModelRegistry` for who may do what.

    They matter where a server asks its callers to prove who they are (`auth.enabled`). Whoever opens a registry by its
    path or its database may do everything, and makes the first tokens this way.
    """

    def create_user(self, name: str, grants: Grants = (), *, kind: str = "user") -> PrincipalRecord:
        """Make a user, or a service.

        Args:
            name: letters, digits and `. _ - @ +`, such as alice@example.com.
            grants: roles (viewer, developer, reviewer, deployer, admin) or permissions, each on all models, or a
                mapping of `allow` and the patterns `model`, `stage` and `alias`; nothing where it is left out.
            kind: `user`, or `service` for programs.

        Raises:
            Conflict: there is one of that name.
            PermissionDenied: one cannot grant what one does not have.
        """
        return self._call(CREATE_USER, name=_text(name, "a name"), kind=kind, grants=_grants(grants))

    def list_users(self, *, limit: int | None = None) -> list[PrincipalRecord]:
        """Return the users and services by name; all of them, or the first `limit`."""
        return self._all(LIST_USERS, lambda page: page.users, limit=limit)

    def update_user(
        self, name: str, grants: Grants | None = None, *, disabled: bool | None = None, if_match: int | None = None
    ) -> PrincipalRecord:
        """Change all that a user is granted, or disable or enable it; what is left out stays.

        A disabled user's tokens are refused at once, and accepted again when it is enabled.

        Raises:
            PrincipalNotFound: there is no such user.
            PermissionDenied: one cannot grant what one does not have.
        """
        given = None if grants is None else _grants(grants)
        return self._call(UPDATE_USER, name=_text(name, "a name"), grants=given, disabled=disabled, if_match=if_match)

    def create_token(
        self, principal: str, grants: Grants = (), *, expires: str = "", description: str = ""
    ) -> IssuedToken:
        """Make a token for a user or a service; `token` of the answer is its text, which cannot be seen again.

            issued = registry.create_token("ci", {"allow": "developer", "model": "fraud-*"}, expires="90d")

        Args:
            principal: whose token it is; a service of that name is made where there is nobody.
            grants: what a new service is granted; what the token of one that exists may do of what it was granted, all
                of it where this is left out.
            expires: a time such as `90d`, or a moment; it does not end by itself where this is left out.
            description: what it is for.

        Raises:
            InvalidRequest: a new service is granted nothing, or the principal has nothing of a grant.
            Conflict: the principal is disabled.
        """
        name = _text(principal, "a name")
        return _whole(
            self._call(
                CREATE_TOKEN, principal=name, grants=_grants(grants), expires=expires, description=description
            )
        )  # fmt: skip

    def list_tokens(self, principal: str = "", *, ended: bool = False, limit: int | None = None) -> list[TokenRecord]:
        """Return tokens, the oldest first: of one principal if given, and those that have ended if asked for."""
        return self._all(LIST_TOKENS, lambda page: page.tokens, limit=limit, principal=principal, ended=ended)

    def rotate_token(self, token: str, *, overlap: str = "", expires: str = "") -> IssuedToken:
        """Replace a token by a new one with the same rights; `token` of the answer is its text.

        Args:
            token: its id, `tk_…`.
            overlap: how long the old one keeps working, such as `1h`; not at all where it is left out.
            expires: when the new one ends; it lasts as long as the old one was made for where this is left out.

        Raises:
            PrincipalNotFound: there is no such token.
            Conflict: it has ended already.
        """
        return _whole(self._call(ROTATE_TOKEN, token=_token_id(token), overlap=overlap, expires=expires))

    def revoke_token(self, token: str) -> TokenRecord:
        """End a token at once.

        Raises:
            PrincipalNotFound: there is no such token.
        """
        return self._call(REVOKE_TOKEN, token=_token_id(token))

    def whoami(self) -> Whoami:
        """Tell who this registry takes one for, and what one may do."""
        return self._call(WHOAMI)

    def can_i(self, permission: str, model: str = "", target: str = "") -> Allowed:
        """Tell whether one has a permission, such as `stage.move` on the model `fraud` to the stage `production`.

        Args:
            permission: one of those that the operations name.
            model: the model's name, or `*` for all of them; any one where it is left out.
            target: the stage or the alias; any one where it is left out.
        """
        return self._call(CAN_I, permission=permission, model=model, target=target)


def _grants(given: Grants) -> list[dict[str, str]]:
    several = [given] if isinstance(given, str | Mapping) else given
    if not isinstance(several, Iterable):
        raise InvalidRequest(f"{shown(several)} are no grants", hint="give a role, a mapping, or a list of these")
    return [_grant(item) for item in several]


def _grant(given: Any) -> dict[str, str]:
    if isinstance(given, str):
        return {"allow": given}
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"{shown(given)} is no grant", hint='give a role, or {"allow": "viewer", "model": "a-*"}')
    return dict(given)


def _text(given: object, what: str) -> str:
    if not isinstance(given, str):
        raise InvalidRequest(f"{what} is text, and {shown(given)} is not")
    return given


def _token_id(given: object) -> str:
    """A token's id. The text of a token is refused here, before it stands in any address."""
    token = str(getattr(given, "id", given))
    if not token.startswith("tk_"):
        raise InvalidRequest(
            "a token is named by its id, which begins with tk_", hint="`modelyard token list` shows the ids"
        )
    return token


def _whole(issued: IssuedToken) -> IssuedToken:
    """A token with its text. A request that was repeated on the way gets an answer without it."""
    if not issued.token:
        raise Conflict(
            f"the token {issued.id} was made, but the answer with its text got lost on the way",
            hint=f"rotate it: `modelyard token rotate {issued.id}`",
        )
    return issued
