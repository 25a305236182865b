"""Registered models: make, read, describe, rename, delete, tag, search.

Rules
- A prompt is a model with the tag `mlflow.prompt.is_prompt` = `true`; its name is taken for models, and the reverse.
- Deleting takes versions, tags and aliases along; what serves is kept, and told.
"""

from __future__ import annotations

from typing import Any

from modelyard.domain.mlflow import names
from modelyard.domain.mlflow.filters import PROMPT_TAG, Filter, InvalidFilter, parse_models
from modelyard.domain.mlflow.ordering import InvalidOrder, order_of_models, position_of, token_of
from modelyard.domain.mlflow.stages import NAMES, canonical, told
from modelyard.errors import ModelExists, ModelNotFound
from modelyard.metadata import finding
from modelyard.mlflow import entities, fields, looking
from modelyard.mlflow.desk import Answer, Desk, Fields, Refusal, Route, invalid
from modelyard.operations import (
    CREATE_MODEL,
    DELETE,
    DESCRIBE_MODEL,
    GET_VERSION,
    RENAME_MODEL,
    UPDATE_MODEL,
    CreateModel,
    Delete,
    NamedModelThen,
    RenameModel,
    UpdateModel,
)

USUAL_PAGE, LARGEST_PAGE = 100, 1_000
READ = DESCRIBE_MODEL.permission
VERSIONS = GET_VERSION.permission


def create(desk: Desk, request: Fields) -> Answer:
    """Make a model, or a prompt."""
    fields.required(request, "name")
    name, tags = fields.model_name(request), fields.tags(request)
    wanted = CreateModel(name=name, description=fields.text(request, "description"), tags=tags)
    try:
        desk.call(CREATE_MODEL, wanted)
    except ModelExists:
        raise _taken(desk, name, wants_prompt=_is_prompt(tags)) from None
    return _told(desk, name)


def get(desk: Desk, request: Fields) -> Answer:
    """Read a model."""
    fields.required(request, "name")
    return _told(desk, fields.text(request, "name"))


def update(desk: Desk, request: Fields) -> Answer:
    """Describe a model."""
    fields.required(request, "name")
    name = fields.text(request, "name")
    _change(desk, name, UpdateModel(name=name, description=fields.text(request, "description")))
    return _told(desk, name)


def rename(desk: Desk, request: Fields) -> Answer:
    """Give a model another name."""
    fields.required(request, "name", "new_name")
    name, wanted = fields.text(request, "name"), fields.text(request, "new_name")
    if not wanted.strip():
        raise invalid("Missing value for required parameter 'new_name'")
    trouble = names.trouble_with_model(wanted)
    if trouble:
        raise invalid(trouble)
    try:
        desk.call(RENAME_MODEL, RenameModel(name=_known(desk, name), new_name=wanted))
    except ModelNotFound:
        raise looking.no_model(name) from None
    except ModelExists:
        raise Refusal("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={wanted}) already exists") from None
    return _told(desk, wanted)


def delete(desk: Desk, request: Fields) -> Answer:
    """Delete a model with all that it has."""
    fields.required(request, "name")
    name = fields.text(request, "name")
    try:
        desk.call(DELETE, Delete(reference=_known(desk, name), force=True))
    except ModelNotFound:
        raise looking.no_model(name) from None
    return {}


def set_tag(desk: Desk, request: Fields) -> Answer:
    """Set a tag of a model."""
    fields.required(request, "name", "key")
    name, (key, value) = fields.text(request, "name"), fields.tag(request)
    _change(desk, name, UpdateModel(name=name, tags={key: value}))
    return {}


def delete_tag(desk: Desk, request: Fields) -> Answer:
    """Remove a tag of a model; one that is not there is removed already."""
    fields.required(request, "name", "key")
    name = fields.text(request, "name")
    _change(desk, name, UpdateModel(name=name, tags={fields.text(request, "key"): None}))
    return {}


def latest_versions(desk: Desk, request: Fields) -> Answer:
    """Read the newest version in each stage, or in some."""
    fields.required(request, "name")
    name, wanted = fields.text(request, "name"), [_stage(text) for text in fields.texts(request, "stages")]
    with desk.reading(VERSIONS) as context:
        rows = looking.newest_by_stage(context, [looking.model_row(context, name)])
        fitting = [row for row in rows if not wanted or told(row.stage) in wanted]
        return {"model_versions": entities.model_versions(context, fitting)}


def search(desk: Desk, request: Fields) -> Answer:
    """Find models, a page at a time."""
    size = page_size(request, USUAL_PAGE, LARGEST_PAGE)
    try:
        order = order_of_models(fields.texts(request, "order_by"))
        wanted: Filter = parse_models(fields.text(request, "filter"))
        after = position_of(order, fields.text(request, "page_token"))
    except (InvalidFilter, InvalidOrder) as error:
        raise invalid(str(error)) from None
    with desk.reading(READ) as context:
        asked = finding.Search(wanted=wanted, order=order, after=after, limit=size + 1, seen=context.models)
        rows = finding.find_models(context.tx, asked)
        shown = rows[:size]
        latest = looking.newest_by_stage(context, shown)
        made: Answer = {"registered_models": entities.registered_models(context, shown, latest)}
    return made | ({"next_page_token": token_of(order, shown[-1])} if len(rows) > size else {})


def page_size(request: Fields, usual: int, largest: int) -> int:
    """How many entries a page has.

    Raises:
        Refusal: it is not a whole number from 1 to the largest.
    """
    size = fields.number(request, "max_results", usual)
    if not 0 <= size <= largest:
        raise invalid(
            f"Invalid value {size} for parameter 'max_results' supplied: It must be at least 0 and at most {largest}"
        )
    return size or usual


def _stage(text: str) -> str:
    found = canonical(text)
    if found is None:
        raise unknown_stage(text)
    return found


def unknown_stage(text: str) -> Refusal:
    """The refusal of a stage that MLflow does not know."""
    return invalid(f"Invalid Model Version stage: {text}. Value must be one of {', '.join(NAMES)}.")


def _known(desk: Desk, name: str) -> str:
    """A name, where it could be a model's at all: anything else would be read as another reference."""
    with desk.reading(READ) as context:
        return str(looking.model_row(context, name).name)


def _change(desk: Desk, name: str, wanted: UpdateModel) -> None:
    _known(desk, name)
    try:
        desk.call(UPDATE_MODEL, wanted)
    except ModelNotFound:
        raise looking.no_model(name) from None


def _told(desk: Desk, name: str) -> Answer:
    with desk.reading(READ) as context:
        return {"registered_model": looking.registered(context, name)}


def _taken(desk: Desk, name: str, *, wants_prompt: bool) -> Refusal:
    """The refusal of a name that is taken, by a model or by a prompt."""
    present = desk.call(DESCRIBE_MODEL, NamedModelThen(name=name))
    is_prompt = _is_prompt(present.tags)
    if wants_prompt == is_prompt:
        kind = "Prompt" if is_prompt else "Registered Model"
        return Refusal("RESOURCE_ALREADY_EXISTS", f"{kind} (name={name}) already exists")
    wanted, other = ("prompt", "registered model") if wants_prompt else ("registered model", "prompt")
    return Refusal(
        "RESOURCE_ALREADY_EXISTS",
        f"Tried to create a {wanted} with name '{name}', but the name is already taken by a {other}."
        f" MLflow does not allow creating a {wanted} with the same name as an existing {other}.",
    )


def _is_prompt(tags: Any) -> bool:
    return str(tags.get(PROMPT_TAG, "")).lower() == "true"


ROUTES: tuple[Route, ...] = (
    Route("POST", "registered-models/create", CREATE_MODEL.permission, create),
    Route("GET", "registered-models/get", READ, get),
    Route("PATCH", "registered-models/update", UPDATE_MODEL.permission, update),
    Route("POST", "registered-models/rename", RENAME_MODEL.permission, rename),
    Route("DELETE", "registered-models/delete", DELETE.permission, delete),
    Route("GET", "registered-models/search", READ, search),
    Route("POST", "registered-models/get-latest-versions", VERSIONS, latest_versions),
    Route("GET", "registered-models/get-latest-versions", VERSIONS, latest_versions),
    Route("POST", "registered-models/set-tag", UPDATE_MODEL.permission, set_tag),
    Route("DELETE", "registered-models/delete-tag", UPDATE_MODEL.permission, delete_tag),
)
