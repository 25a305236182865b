"""The routes of MLflow's artifact proxy; `modelyard.server.artifacts` says what they answer."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from flask import Request, Response

from modelyard.errors import ModelyardError
from modelyard.integrations.flask.exchange import pieces_of
from modelyard.integrations.flask.site import Site
from modelyard.integrations.flask.transfers import response_of_parcel
from modelyard.mlflow.desk import Refusal
from modelyard.server import artifacts, receiving
from modelyard.server.artifacts import Told
from modelyard.server.messages import Scope


def answered(site: Site, request: Request, scope: Scope, rest: str) -> Response:
    """Answer a request below `artifacts.PREFIX`."""
    try:
        made = _answer(site, request, scope, rest)
    except (Refusal, ModelyardError) as error:
        made = artifacts.refused(error)
    if isinstance(made, Told):
        return Response(made.body, made.status, dict(made.headers), content_type=artifacts.MEDIA_TYPE)
    return made


def _answer(site: Site, request: Request, scope: Scope, rest: str) -> Response | Told:
    way, path = artifacts.way_of(scope, rest, _raw_path(request))
    if way == "put":
        return _put(site, request, scope, path)
    if way == "delete":
        return artifacts.forget(site.yard, scope, path)
    if way == "list":
        return artifacts.listing(site.yard, scope)
    parcel = artifacts.parcel(site.yard, scope, path)
    return parcel if isinstance(parcel, Told) else response_of_parcel(scope, parcel)


def _raw_path(request: Request) -> bytes:
    """The bytes of the path; of what a server could not decode, some put something else into `PATH_INFO`."""
    asked: str = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    if asked:
        return unquote_to_bytes(asked.partition("?")[0])
    path: str = request.environ.get("PATH_INFO", "")
    return path.encode("latin-1")


def _put(site: Site, request: Request, scope: Scope, path: str) -> Told:
    most = site.service.max_upload_bytes
    keeping, principal = artifacts.begin(site.service, scope, path)
    try:
        for piece in pieces_of(request, receiving.PIECE, most, receiving.too_large(most)):
            keeping.feed([piece])
        return artifacts.keep(site.yard, keeping, principal)
    finally:
        keeping.close()
