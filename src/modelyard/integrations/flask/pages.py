"""What is no row and no stream of bytes: health, documentation, the dashboard, metrics, feature flags, lost paths."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from flask import Request, Response
from werkzeug.exceptions import HTTPException

from modelyard.domain.names import shown
from modelyard.domain.permissions import EVERYTHING, PUBLIC
from modelyard.errors import InvalidRequest
from modelyard.integrations.flask.exchange import response_of, whole_body
from modelyard.integrations.flask.site import Site
from modelyard.server import flags, pages
from modelyard.server.answers import answer
from modelyard.server.auth import authorise, header
from modelyard.server.binding import query_values
from modelyard.server.dashboard import File
from modelyard.server.messages import Scope
from modelyard.server.problems import problem_of
from modelyard.server.readiness import Health, look
from modelyard.watch.exporter import ALL, SCOPES

METRICS = "metrics.read"
NAMES = frozenset({*pages.FILES, "start.js"})
"""The files below `/docs`."""


def health(scope: Scope) -> Response:
    """The process answers."""
    authorise(scope, PUBLIC)
    return response_of(answer(Health(), permission=PUBLIC))


def ready(site: Site, scope: Scope) -> Response:
    """The database and the store answer too."""
    authorise(scope, PUBLIC)
    return response_of(answer(look(site.yard), permission=PUBLIC))


def document(scope: Scope, *, is_for_viewer: bool = False) -> Response:
    """The OpenAPI document; below a prefix it says so."""
    return _page(msgspec.json.encode(_document(scope["root_path"], is_for_viewer)), "application/json")


@cache
def _document(root: str, is_for_viewer: bool) -> dict[str, Any]:  # noqa: FBT001 - a cache's key
    # FastAPI writes the document. It is loaded for whoever asks for it; nothing else here needs it.
    from modelyard.server.openapi import for_viewer  # noqa: PLC0415 - see above
    from modelyard.server.paper import whole_document  # noqa: PLC0415 - see above

    told = {**whole_document(), **({"servers": [{"url": root}]} if root else {})}
    whole: dict[str, Any] = for_viewer(told) if is_for_viewer else told
    return whole


def page(name: str) -> Response:
    """The page of the documentation, and the files that it needs."""
    if name in pages.FILES:
        return _page((pages.FOLDER / name).read_bytes(), pages.FILES[name])
    if name == "start.js":
        return _page(pages.START.encode(), "text/javascript")
    return _page(pages.PAGE.encode(), "text/html")


def _page(body: bytes, kind: str) -> Response:
    return Response(body, 200, pages.HEADERS, mimetype=kind)


def dashboard(file: File, _request: Request, scope: Scope, _values: Mapping[str, str]) -> Response:
    """A file of the dashboard."""
    authorise(scope, PUBLIC)
    return response_of(file.answer(scope))


def metrics(site: Site, request: Request, scope: Scope) -> Response:
    """What Prometheus is told."""
    authorise(scope, METRICS).require(METRICS, EVERYTHING)
    wanted = query_values(scope["query_string"]).get("scope", ALL)
    if wanted not in SCOPES:
        raise InvalidRequest(f"there is no scope {shown(wanted)}", hint=f"the scopes are {', '.join(SCOPES)}")
    body, kind = site.run(site.exporter.answer(request.headers.get("Accept", ""), wanted))
    return Response(body, 200, {"cache-control": "no-store"}, content_type=kind)


def flag(site: Site, request: Request, scope: Scope, values: Mapping[str, str]) -> Response:
    """One feature flag, or all of them."""
    principal = authorise(scope, flags.PERMISSION)
    body = whole_body(request, site.service.max_body_bytes)
    if "key" in values:
        found = flags.answer_one(site.yard, principal, values["key"], body)
    else:
        found = flags.answer_all(site.yard, principal, body, header(scope, b"if-none-match"))
    headers = {"etag": found.tag} if found.tag else {}
    return Response(found.body, found.status, headers, content_type="application/json" if found.body else None)


def refused(error: HTTPException) -> Response:
    """What werkzeug refuses, as a problem document."""
    status = error.code or 500
    code = "invalid_request" if status < 500 else "internal_error"  # noqa: PLR2004 - the first server error
    return response_of(problem_of(status, code, error.description or error.name))
