"""Aliases: movable names, moved by compare-and-swap where the caller asks for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.domain.names import alias_name
from modelyard.domain.wire import AliasPage, AliasRecord
from modelyard.errors import AliasNotFound
from modelyard.metadata import aliases, models, versions
from modelyard.metadata.database import known
from modelyard.operations import DELETE_ALIAS, LIST_ALIASES, SET_ALIAS, NamedAlias, NamedModelThen, SetAlias
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.history import aliases_then
from modelyard.registry.lookup import check_revision, find_model, find_within


@serves(LIST_ALIASES)
def list_aliases(context: Context, request: NamedModelThen) -> AliasPage:
    """Return a model's aliases by name, now or at a moment."""
    if request.as_of:
        return aliases_then(context, request.name, request.as_of)
    return _page(context, find_model(context, request.name))


@serves(SET_ALIAS)
def set_alias(context: Context, request: SetAlias) -> AliasRecord:
    """Point an alias to a version; where it points there already, nothing changes.

    Raises:
        PreconditionFailed: the alias has moved since the caller looked.
    """
    alias = alias_name(request.alias)
    model = find_model(context, request.name, lock=True)
    context.require(SET_ALIAS.permission, model.name, alias)
    present = aliases.one(context.tx, model.id, alias)
    check_revision(present, request.if_match, f"the alias {alias!r} of {model.name}")
    target = find_within(context, model.name, request.version)
    if present is not None and present.version_id == target.id:
        return _record(present)
    move_alias(context, model.id, alias, present, target)
    return _record(known(aliases.one(context.tx, model.id, alias)))


@serves(DELETE_ALIAS)
def delete_alias(context: Context, request: NamedAlias) -> AliasPage:
    """Remove an alias and return those that are left.

    Raises:
        AliasNotFound: there is no such alias.
    """
    alias = alias_name(request.alias)
    model = find_model(context, request.name, lock=True)
    context.require(DELETE_ALIAS.permission, model.name, alias)
    present = aliases.one(context.tx, model.id, alias)
    if present is None:
        raise AliasNotFound(f"{model.name} has no alias {alias!r}", details={"name": model.name, "alias": alias})
    check_revision(present, request.if_match, f"the alias {alias!r} of {model.name}")
    remove_alias(context, model.id, present)
    return _page(context, model)


def remove_alias(context: Context, model_id: str, present: Row[Any]) -> None:
    """Remove an alias that is there, with its event; the caller holds the model's lock."""
    aliases.drop(context.tx, model_id, present.alias)
    _count_change(context, present.version_id)
    _tell(context, model_id, "alias.removed", present.version_id, {"alias": present.alias})


def move_alias(context: Context, model_id: str, alias: str, present: Row[Any] | None, target: Row[Any]) -> None:
    """Point an alias to a version, with its event; the caller holds the model's lock."""
    facts = {"alias": alias, "from": present.version_id if present is not None else None, "to": target.id}
    revision = _tell(context, model_id, "alias.set", target.id, facts)
    aliases.put(
        context.tx, model_id=model_id, alias=alias, version_id=target.id, revision=revision, at=context.now
    )  # fmt: skip
    _count_change(context, target.id)
    if present is not None:
        _count_change(context, present.version_id)


def _tell(context: Context, model_id: str, kind: str, version_id: str, facts: dict[str, Any]) -> int:
    models.touch(context.tx, model_id, context.now)
    return context.tell(
        model_id=model_id,
        kind=kind,
        version_id=version_id,
        data=facts,
    )


def _count_change(context: Context, version_id: str) -> None:
    # A version's record lists its aliases, so a moved alias is a change of the versions that it leaves and enters.
    row = versions.by_id(context.tx, version_id)
    if row is not None:
        versions.change(context.tx, row, context.now)


def _page(context: Context, model: Row[Any]) -> AliasPage:
    return AliasPage(aliases=[_record(row) for row in aliases.of_model(context.tx, model.id)])


def _record(row: Row[Any]) -> AliasRecord:
    return AliasRecord(
        name=row.name,
        alias=row.alias,
        version=row.version,
        number=row.number,
        version_id=row.version_id,
        revision=row.revision,
        updated_at=row.updated_at,
    )
