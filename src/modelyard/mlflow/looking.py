"""Find what MLflow's clients name, and say what is not there in the words that they know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.domain.mlflow.stages import told
from modelyard.errors import InvalidName, ModelNotFound
from modelyard.metadata import finding, versions
from modelyard.mlflow import entities, fields
from modelyard.mlflow.desk import Answer, Fields, Refusal
from modelyard.registry.context import SEEING, Context
from modelyard.registry.lookup import find_model


def no_model(name: str) -> Refusal:
    """The refusal of a model that is not there."""
    return Refusal("RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")


def no_version(name: str, version: int | str) -> Refusal:
    """The refusal of a version that is not there."""
    return Refusal("RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={version}) not found")


def model_row(context: Context, name: str) -> Row[Any]:
    """The row of a model.

    Raises:
        Refusal: there is no such model; a name that no model can have is one of those.
    """
    try:
        return find_model(context, name)
    except (ModelNotFound, InvalidName):
        raise no_model(name) from None


def version_row(context: Context, request: Fields) -> Row[Any]:
    """The row of the version that the fields `name` and `version` name.

    Raises:
        Refusal: there is no such model or version, or `version` is no whole number.
    """
    name, number = fields.text(request, "name"), fields.version_number(request)
    try:
        model = find_model(context, name)
    except (ModelNotFound, InvalidName):
        raise no_version(name, fields.text(request, "version")) from None
    row = versions.by_number(context.tx, model.id, number) if number else None
    if row is None:
        raise no_version(name, fields.text(request, "version"))
    return row


def newest_by_stage(context: Context, models: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The newest version of some models in each of MLflow's stages, the newest first.

    A model without versions that may be seen has none: models and versions are granted each for itself.
    """
    shown = [row.id for row in models if context.principal.allows(SEEING, row.name)]
    rows = finding.newest(context.tx, shown, [str(stage) for stage in context.graphs.stages])
    # Two stages of ours may be one of MLflow's; the rows come by number, the newest first.
    found: dict[tuple[str, str], Row[Any]] = {}
    for row in rows:
        found.setdefault((row.model_id, told(row.stage)), row)
    return list(found.values())


def registered(context: Context, name: str) -> Answer:
    """A registered model, as MLflow's clients read it.

    Raises:
        Refusal: there is no such model.
    """
    row = model_row(context, name)
    return entities.registered_models(context, [row], newest_by_stage(context, [row]))[0]
