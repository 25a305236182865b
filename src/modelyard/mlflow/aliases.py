"""Aliases of a registered model. `latest` is no alias, and names the newest version."""

from __future__ import annotations

from modelyard.domain.mlflow import names
from modelyard.errors import AliasNotFound, InvalidName
from modelyard.metadata import finding, versions
from modelyard.mlflow import entities, fields, looking
from modelyard.mlflow.desk import Answer, Desk, Fields, Route, invalid
from modelyard.operations import DELETE_ALIAS, GET_VERSION, SET_ALIAS, NamedAlias, SetAlias

READ = GET_VERSION.permission
LATEST = "latest"


def set_alias(desk: Desk, request: Fields) -> Answer:
    """Point an alias to a version."""
    fields.required(request, "name", "alias", "version")
    alias = fields.text(request, "alias")
    trouble = names.trouble_with_alias(alias)
    if trouble:
        raise invalid(trouble)
    with desk.reading(READ) as context:
        looking.model_row(context, fields.text(request, "name"))
        row = looking.version_row(context, request)
    desk.call(SET_ALIAS, SetAlias(name=row.name, alias=alias, version=str(row.number)))
    return {}


def delete_alias(desk: Desk, request: Fields) -> Answer:
    """Remove an alias; one that is not there is removed already."""
    fields.required(request, "name", "alias")
    with desk.reading(READ) as context:
        name = looking.model_row(context, fields.text(request, "name")).name
    try:
        desk.call(DELETE_ALIAS, NamedAlias(name=name, alias=fields.text(request, "alias")))
    except (AliasNotFound, InvalidName):
        return {}
    return {}


def get_by_alias(desk: Desk, request: Fields) -> Answer:
    """Read the version that an alias points to, or the newest one."""
    fields.required(request, "name", "alias")
    name, alias = fields.text(request, "name"), fields.text(request, "alias")
    with desk.reading(READ) as context:
        row = versions.by_alias(context.tx, name, alias) if context.principal.allows(READ, name) else None
        if row is None:
            model = looking.model_row(context, name)
            if alias.lower() == LATEST:
                row = finding.newest_of(context.tx, model.id)
            if row is None:
                raise invalid(f"Registered model alias {alias} not found.")
        return {"model_version": entities.model_version(context, row)}


ROUTES: tuple[Route, ...] = (
    Route("POST", "registered-models/alias", SET_ALIAS.permission, set_alias),
    Route("DELETE", "registered-models/alias", DELETE_ALIAS.permission, delete_alias),
    Route("GET", "registered-models/alias", READ, get_by_alias),
)
