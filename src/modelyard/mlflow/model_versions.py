"""Model versions: register, read, describe, tag, delete, search, and where their files are.

Rules
- MLflow's integer is our number. A version may ask for its SemVer by the tag `modelyard.version`; without one it gets
  the next number that its signature allows. A copy whose SemVer is taken gets the next one, too.
- Deleting a version takes its aliases along and asks for no force; what serves is kept, and told.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from modelyard.domain.mlflow.filters import PROMPT_TAG, InvalidFilter, parse_versions
from modelyard.domain.mlflow.ordering import InvalidOrder, order_of_versions, position_of, token_of
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidName, ModelNotFound, VersionExists
from modelyard.metadata import finding
from modelyard.mlflow import entities, fields, looking, sources
from modelyard.mlflow.desk import Answer, Desk, Fields, Route, invalid
from modelyard.mlflow.registered_models import page_size
from modelyard.operations import (
    DELETE,
    GET_VERSION,
    REGISTER_VERSION,
    UPDATE_VERSION,
    Delete,
    RegisterVersion,
    UpdateVersion,
)
from modelyard.registry.publish import publish

LARGEST_PAGE = 200_000
READ = GET_VERSION.permission


def create(desk: Desk, request: Fields) -> Answer:
    """Register a version."""
    fields.required(request, "name", "source")
    name, source, tags = fields.text(request, "name"), fields.text(request, "source"), fields.tags(request)
    # Nothing is fetched for somebody who may not register it.
    desk.principal.require(REGISTER_VERSION.permission, name)
    origin = sources.origin_of(desk, source, is_prompt=partial(_is_prompt, desk, name, tags))
    wish = tags.pop(entities.VERSION_TAG, "")
    known: dict[str, Any] = {
        "run_link": fields.text(request, "run_link"),
        "model_id": fields.text(request, "model_id"),
        "copied": origin.copied,
        "address": origin.address,
        "numbered": not wish,
    }
    told = {
        "name": name,
        "version": wish or None,
        "description": fields.text(request, "description"),
        "source": source,
        "training_run_id": fields.text(request, "run_id"),
        "tags": tags,
        "extra": {**origin.carried.get("extra", {}), entities.EXTRA: {key: it for key, it in known.items() if it}},
    }
    wanted = RegisterVersion(**{**origin.carried, **told})
    is_copy = bool(origin.copied or origin.address)
    return {"model_version": entities.newcomer(_registered(desk, wanted, origin, is_copy=is_copy))}


def get(desk: Desk, request: Fields) -> Answer:
    """Read a version."""
    fields.required(request, "name", "version")
    with desk.reading(READ) as context:
        return {"model_version": entities.model_version(context, looking.version_row(context, request))}


def update(desk: Desk, request: Fields) -> Answer:
    """Describe a version."""
    fields.required(request, "name", "version")
    _change(desk, request, {"description": fields.text(request, "description")})
    return get(desk, request)


def delete(desk: Desk, request: Fields) -> Answer:
    """Delete a version."""
    fields.required(request, "name", "version")
    desk.call(DELETE, Delete(reference=_reference(desk, request), force=True))
    return {}


def set_tag(desk: Desk, request: Fields) -> Answer:
    """Set a tag of a version."""
    fields.required(request, "name", "version", "key")
    fields.version_number(request)
    key, value = fields.tag(request)
    _refuse_version_tag(key)
    _change(desk, request, {"tags": {key: value}})
    return {}


def delete_tag(desk: Desk, request: Fields) -> Answer:
    """Remove a tag of a version; one that is not there is removed already."""
    fields.required(request, "name", "version", "key")
    key = fields.text(request, "key")
    _refuse_version_tag(key)
    _change(desk, request, {"tags": {key: None}})
    return {}


def download_uri(desk: Desk, request: Fields) -> Answer:
    """Tell where the files of a version are."""
    fields.required(request, "name", "version")
    with desk.reading(READ) as context:
        row = looking.version_row(context, request)
        return {"artifact_uri": sources.download_address(desk, context, row)}


def search(desk: Desk, request: Fields) -> Answer:
    """Find versions, a page at a time."""
    size = page_size(request, LARGEST_PAGE, LARGEST_PAGE)
    try:
        order = order_of_versions(fields.texts(request, "order_by"))
        wanted = parse_versions(fields.text(request, "filter"))
        after = position_of(order, fields.text(request, "page_token"))
    except (InvalidFilter, InvalidOrder) as error:
        raise invalid(str(error)) from None
    with desk.reading(READ) as context:
        asked = finding.Search(wanted=wanted, order=order, after=after, limit=size + 1, seen=context.models)
        rows = finding.find_versions(context.tx, asked)
        made: Answer = {"model_versions": entities.model_versions(context, rows[:size])}
    return made | ({"next_page_token": token_of(order, rows[size - 1])} if len(rows) > size else {})


def _is_prompt(desk: Desk, name: str, tags: dict[str, str]) -> bool:
    """Whether a version is one of a prompt.

    Raises:
        Refusal: there is no such model.
    """
    with desk.reading(READ) as context:
        of_model = entities.tags_of(looking.model_row(context, name))
    return "true" in {tags.get(PROMPT_TAG, "").lower(), of_model.get(PROMPT_TAG, "").lower()}


def _registered(desk: Desk, wanted: RegisterVersion, origin: sources.Origin, *, is_copy: bool) -> VersionRecord:
    try:
        if origin.manifest.files:
            return publish(desk.yard, wanted, origin.manifest, principal=desk.principal)
        return desk.call(REGISTER_VERSION, wanted)
    except (ModelNotFound, InvalidName):
        raise looking.no_model(wanted.name) from None
    except VersionExists:
        if not is_copy or wanted.version is None:
            raise
    return _registered(desk, replace(wanted, version=None), origin, is_copy=is_copy)


def _reference(desk: Desk, request: Fields) -> str:
    with desk.reading(READ) as context:
        return str(looking.version_row(context, request).id)


def _change(desk: Desk, request: Fields, metadata: dict[str, Any]) -> None:
    desk.call(UPDATE_VERSION, UpdateVersion(reference=_reference(desk, request), metadata=metadata))


def _refuse_version_tag(key: str) -> None:
    if key == entities.VERSION_TAG:
        raise invalid(f"The tag '{key}' shows the version's number, which stays as it was registered")


ROUTES: tuple[Route, ...] = (
    Route("POST", "model-versions/create", REGISTER_VERSION.permission, create, waits=True),
    Route("GET", "model-versions/get", READ, get),
    Route("PATCH", "model-versions/update", UPDATE_VERSION.permission, update),
    Route("DELETE", "model-versions/delete", DELETE.permission, delete),
    Route("GET", "model-versions/search", READ, search),
    Route("GET", "model-versions/get-download-uri", READ, download_uri),
    Route("POST", "model-versions/set-tag", UPDATE_VERSION.permission, set_tag),
    Route("DELETE", "model-versions/delete-tag", UPDATE_VERSION.permission, delete_tag),
)
