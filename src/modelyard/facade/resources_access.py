"""Webhooks and users, as a file of a desired state speaks of them.

Rules
- A webhook is known by its URL. A new one needs a secret, which the file names by its environment variable: a secret
  that the registry makes up would be seen by nobody. The secret of one that is there is neither read nor changed.
- Webhooks in MLflow's format are left to MLflow's clients.
- Grants are a set: their order says nothing.
- No user is ever deleted, because events name them: where the file is to be all there is, the others are disabled.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelyard.domain.desired import USER, WEBHOOK, Desired, Wish
from modelyard.domain.drift import CREATE, REMOVE, UPDATE, Present, Step
from modelyard.domain.grants import parse_grants, written
from modelyard.domain.names import shown
from modelyard.domain.posting import MODELYARD
from modelyard.domain.webhooks import address_of, event_patterns, model_patterns
from modelyard.domain.wire import GrantRecord, PrincipalRecord, WebhookRecord
from modelyard.errors import Conflict, InvalidConfig, InvalidRequest
from modelyard.facade.resources import Resource, located
from modelyard.operations import (
    CREATE_USER,
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    LIST_USERS,
    LIST_WEBHOOKS,
    TABLE,
    UPDATE_USER,
    UPDATE_WEBHOOK,
)

_WEBHOOK_FIELDS = ("events", "models", "description", "active")
_EVERYTHING = "*"
_PERMISSIONS = frozenset(row.permission for row in TABLE)


class Webhooks(Resource):
    """Webhooks, by their URLs."""

    kind = WEBHOOK

    def settled(self, wish: Wish, desired: Desired) -> Wish:  # noqa: ARG002 - the base's signature
        """The wish with its patterns as the registry shows them."""
        fields = dict(wish.fields)
        try:
            address_of(wish.key)
            for name, settle in (("events", event_patterns), ("models", model_patterns)):
                if name in fields:
                    fields[name] = settle(fields[name])
        except InvalidRequest as error:
            raise located(wish, error) from None
        return replace(wish, fields=fields)

    def present(self, desired: Desired) -> dict[str, Present]:
        """All webhooks, where the file speaks of any.

        Raises:
            Conflict: two of them have one URL, so that nobody can tell which one the file means.
        """
        if not self.wishes(desired) and WEBHOOK not in desired.pruned:
            return {}
        records = self._webhooks()
        wished = {wish.key for wish in self.wishes(desired)}
        for url, count in Counter(record.url for record in records).items():
            if count > 1 and (url in wished or WEBHOOK in desired.pruned):
                raise Conflict(f"{count} webhooks have the url {shown(url)}", hint="delete all but one of them")
        return {record.url: _webhook(record) for record in records}

    def check(self, step: Step) -> None:
        """Refuse a new webhook without a secret.

        Raises:
            InvalidConfig: the file names no variable, or it is not set.
        """
        if step.action == CREATE:
            _secret(step)

    def make(self, step: Step) -> None:
        """Create, change or delete a webhook."""
        if step.action == REMOVE:
            self._call(DELETE_WEBHOOK, webhook=step.identifier, if_match=step.revision)
        elif step.action == CREATE:
            self._call(CREATE_WEBHOOK, url=step.key, secret=_secret(step), **step.wanted)
        else:
            self._call(UPDATE_WEBHOOK, webhook=step.identifier, if_match=step.revision, **step.wanted)

    def dump(self, document: dict[str, Any]) -> None:
        """Write every webhook, without its secret."""
        found = [{"url": record.url, **_webhook(record).fields} for record in self._webhooks()]
        if found:
            document["webhooks"] = found

    def _webhooks(self) -> list[WebhookRecord]:
        return self._all(LIST_WEBHOOKS, lambda page: page.webhooks, limit=None, format=MODELYARD)


class Users(Resource):
    """Users and services, with what they are granted."""

    kind = USER

    def settled(self, wish: Wish, desired: Desired) -> Wish:  # noqa: ARG002 - the base's signature
        """The wish with its grants as the registry shows them."""
        if "grants" not in wish.fields:
            return wish
        try:
            grants = _sorted([written(grant) for grant in parse_grants(wish.fields["grants"], _PERMISSIONS)])
        except InvalidRequest as error:
            raise located(wish, error) from None
        return replace(wish, fields={**wish.fields, "grants": grants})

    def present(self, desired: Desired) -> dict[str, Present]:
        """The users that the file names; and all that are not disabled, where it says which ones there shall be."""
        wished = {wish.key for wish in self.wishes(desired)}
        if not wished and USER not in desired.pruned:
            return {}
        return {
            record.name: _user(record)
            for record in self._users()
            if record.name in wished or (USER in desired.pruned and not record.disabled)
        }

    def check(self, step: Step) -> None:
        """Refuse to make a service of a user.

        Raises:
            InvalidConfig: the file says so.
        """
        if step.action == UPDATE and "kind" in step.changes:
            old, new = step.changes["kind"]
            problem = f"{step.key} is a {old} and cannot become {shown(new)}"
            raise _at_line(step, problem, "give the service another name")

    def make(self, step: Step) -> None:
        """Make a user, change what one is granted, or disable one."""
        wanted = step.wanted
        if step.action == REMOVE:
            self._call(UPDATE_USER, name=step.key, disabled=True, if_match=step.revision)
        elif step.action == CREATE:
            disabled = wanted.pop("disabled", False)
            record = self._call(CREATE_USER, name=step.key, **wanted)
            if disabled:
                self._call(UPDATE_USER, name=step.key, disabled=True, if_match=record.revision)
        else:
            self._call(UPDATE_USER, name=step.key, if_match=step.revision, **wanted)

    def dump(self, document: dict[str, Any]) -> None:
        """Write every user and service, without their tokens."""
        found = {record.name: dict(_user(record).fields) for record in self._users()}
        if found:
            document["users"] = found

    def _users(self) -> list[PrincipalRecord]:
        return self._all(LIST_USERS, lambda page: page.users, limit=None)


def _webhook(record: WebhookRecord) -> Present:
    fields = {name: getattr(record, name) for name in _WEBHOOK_FIELDS}
    return Present(fields=fields, revision=record.revision, identifier=record.id)


def _user(record: PrincipalRecord) -> Present:
    fields = {"kind": record.kind, "grants": _sorted([_grant(grant) for grant in record.grants])}
    return Present(fields={**fields, "disabled": record.disabled}, revision=record.revision)


def _grant(record: GrantRecord) -> dict[str, str]:
    patterns = {name: getattr(record, name) for name in ("model", "stage", "alias")}
    return {"allow": record.allow, **{name: value for name, value in patterns.items() if value != _EVERYTHING}}


def _sorted(grants: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return sorted((dict(grant) for grant in grants), key=lambda grant: sorted(grant.items()))


def _secret(step: Step) -> str:
    if not step.secret_env:
        raise _at_line(step, f"the webhook {step.key} is new and has no secret", "add secret_env: NAME_OF_A_VARIABLE")
    secret = os.environ.get(step.secret_env, "")
    if not secret:
        hint = f"set it to the webhook's secret, `whsec_` and base64: {step.secret_env}=whsec_…"
        raise _at_line(step, f"the environment variable {step.secret_env} is not set", hint)
    return secret


def _at_line(step: Step, problem: str, hint: str) -> InvalidConfig:
    at = f"line {step.where}: " if step.where else ""
    return InvalidConfig(f"{at}{problem}", hint=hint, details={"line": step.where})
