"""Every route of MLflow's registry protocol, and how a request becomes its answer.

Rules
- A GET's fields stand in its query, a repeated one as a list; those of other methods in a JSON body, DELETE's too. A
  query counts there as well, and the body before it.
- What a path's placeholders match stands among the fields.
- An unknown path is `ENDPOINT_NOT_FOUND`, which clients understand as "this server cannot do that".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from modelyard.domain.permissions import PUBLIC
from modelyard.mlflow import aliases, model_versions, registered_models, stages, webhooks, workspaces
from modelyard.mlflow.desk import PREFIX, THIRD, Answer, Desk, Refusal, Route

ROUTES: Final[tuple[Route, ...]] = (
    *registered_models.ROUTES,
    *aliases.ROUTES,
    *model_versions.ROUTES,
    *stages.ROUTES,
    *webhooks.ROUTES,
    *workspaces.ROUTES,
)
BASES: Final = (PREFIX, THIRD)
_FIXED: Final = {(route.method, route.base + route.path): route for route in ROUTES if "{" not in route.path}
_OPEN: Final = tuple((route, (route.base + route.path).split("/")) for route in ROUTES if "{" in route.path)
MOST_FIELDS: Final = 10_000


def route_of(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a path, and what its placeholders match; None where there is none."""
    route = _FIXED.get((method, path))
    if route is not None:
        return route, {}
    parts = path.split("/")
    for route, shape in _OPEN:
        if route.method == method and len(shape) == len(parts):
            found = {name[1:-1]: unquote(part) for name, part in zip(shape, parts, strict=True) if name[:1] == "{"}
            if all(name[:1] == "{" or name == part for name, part in zip(shape, parts, strict=True)):
                return route, found
    return None


def no_route(path: str) -> Refusal:
    """The refusal of a path that has no route."""
    return Refusal("ENDPOINT_NOT_FOUND", f"No API found for '{path[:500]}': this server speaks MLflow's registry API")


def fields_of(method: str, query: bytes, body: bytes) -> dict[str, Any]:
    """The fields of a request.

    Raises:
        Refusal: the body is no JSON object, or the query has more fields than any request needs.
    """
    found = _of_query(query) if query else {}
    if method == "GET" or not body.strip():
        return found
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("BAD_REQUEST", "The request's body is not valid JSON") from None
    if not isinstance(told, Mapping):
        raise Refusal("BAD_REQUEST", f"The request's body is a JSON object, not {type(told).__name__}")
    return {**found, **told}


def handle(desk: Desk, route: Route, fields: Mapping[str, Any]) -> Answer:
    """The answer of a route.

    Raises:
        Refusal, ModelyardError: it is refused.
    """
    if route.permission != PUBLIC:
        desk.principal.require(route.permission)
    return route.handle(desk, fields)


def _of_query(query: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal("BAD_REQUEST", f"The query has more than {MOST_FIELDS} parameters") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = [*found[name], value] if name in found else [value]
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}
