"""The interface of the Hugging Face Hub, for reading: `HF_ENDPOINT=http://host:5000` and its clients find models here.

    GET       /hf/api/models                                   models by name
    GET       /hf/api/models/REPO[/revision/REVISION]          a model with one version
    GET       /hf/api/models/REPO/tree/REVISION[/FOLDER]       files
    POST      /hf/api/models/REPO/paths-info/REVISION          some of the files
    GET       /hf/api/models/REPO/refs, …/commits/REVISION     names of versions, and their history
    GET       /hf/api/models/REPO/auth-check                   whether the caller may read it
    GET, HEAD /hf/REPO/resolve/REVISION/FILE                   a file, or ranges of it
    GET       /hf/api/whoami-v2                                who the caller is

REPO is `modelyard/NAME`, or NAME alone; what a REVISION may be stands in `modelyard.domain.hub`.

Rules
- The Hub's paths and ours are the same in places: `/api/models/fraud` is both. So the Hub's live under `/hf`. Clients
  that call themselves `hf_hub` or `hf-hub` in their `User-Agent` get there from the root, too, where they ask for
  `/api/…` or `/…/resolve/…`; others take `http://host:5000/hf` as their endpoint.
- Every answer names its commit, which never gets other files. A file's tag is the SHA-256 of its content, so that
  clients keep it once for all versions. Xet is not offered: files come over plain HTTP, and are verified on the way.
- Who may read a model's versions may read them here, with the same tokens. Errors are the Hub's, with its codes.
- Nothing is written here. What tries to is refused, with the way that works.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.domain import hub as rules
from modelyard.domain.hub import NAMESPACE
from modelyard.domain.manifest import FileEntry
from modelyard.domain.names import shown
from modelyard.domain.permissions import PUBLIC, SELF
from modelyard.errors import (
    AliasNotFound,
    ArtifactNotFound,
    InvalidName,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    ModelyardError,
    PermissionDenied,
    Unauthenticated,
    VersionNotFound,
)
from modelyard.operations import LIST_MODELS
from modelyard.registry.context import SEEING
from modelyard.registry.hub import Snapshot, history, refs, repositories, repository, snapshot
from modelyard.server import hub_answers as answers
from modelyard.server.auth import authorise
from modelyard.server.binding import json_object
from modelyard.server.errors import response_of
from modelyard.server.messages import ASGIApp, Receive, Scope, Send
from modelyard.server.problems import Problem
from modelyard.server.refusing import headers_of_error
from modelyard.server.routes import RowRoute
from modelyard.server.sending import parcel_of_file
from modelyard.server.service import Service, whole_body
from modelyard.server.stream import send_parcel

ROOT: Final = "/hf"
MOST_LISTED: Final = 1_000
LONGEST_MESSAGE: Final = 1_000
READ, FETCH = ("GET",), ("GET", "HEAD")

_MODELS: Final = f"{ROOT}/api/models"
_NO_REPOSITORY = (ModelNotFound, InvalidName, PermissionDenied, Unauthenticated)
_NO_REVISION = (VersionNotFound, AliasNotFound, InvalidReference)
_IGNORED: Final = frozenset({"sort", "direction", "full", "config", "cardData", "fetch_config", "expand"})
"""Parameters of a list that change its order, or how much is told."""
_NUMBER: Final = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)
_TRUE: Final = frozenset({"1", "true", "True"})
_encode = msgspec.json.Encoder(enc_hook=str).encode

Endpoint = Callable[[Service, Request], Awaitable[Response]]
Chosen = list[FileEntry | rules.Folder] | None


class HubDoor:
    """Sends the Hub's clients to the Hub's paths, whatever else is at the path that they ask for.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and _is_for_the_hub(scope):
            # In its place: whoever counts requests looks at this very scope when the answer has been sent.
            scope["path"] = ROOT + scope["path"]
            scope["raw_path"] = ROOT.encode() + (scope.get("raw_path") or b"")
        await self._app(scope, receive, send)


def _is_for_the_hub(scope: Scope) -> bool:
    path: str = scope["path"]
    if path.startswith(f"{ROOT}/") or not (path.startswith("/api/") or "/resolve/" in path):
        return False
    for name, value in scope["headers"]:
        if name == b"user-agent":
            return b"hf_hub/" in value or b"hf-hub/" in value
    return False


def add_hub(app: FastAPI, service: Service) -> None:
    """Add all routes."""
    _add(app, service, f"{ROOT}/api/whoami-v2", READ, _caller)
    _add(app, service, _MODELS, READ, _list)
    # A name may be that of the namespace; then it has to be asked for with the namespace before it.
    for repo in (f"{NAMESPACE}/{{name}}", "{name}"):
        model = f"{_MODELS}/{repo}"
        for path in (model, f"{model}/revision/{{revision}}"):
            _add(app, service, path, READ, _describe)
        for path in (f"{model}/tree/{{revision}}", f"{model}/tree/{{revision}}/{{path:path}}"):
            _add(app, service, path, READ, _tree)
        _add(app, service, f"{model}/paths-info/{{revision}}", ("POST",), _paths)
        _add(app, service, f"{model}/refs", READ, _refs)
        _add(app, service, f"{model}/commits/{{revision}}", READ, _commits)
        _add(app, service, f"{model}/auth-check", READ, _describe)
        _add(app, service, f"{ROOT}/{repo}/resolve/{{revision}}/{{path:path}}", FETCH, _file)
    _add(app, service, f"{ROOT}/{{path:path}}", ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), _nothing)


def _add(app: FastAPI, service: Service, path: str, methods: tuple[str, ...], endpoint: Endpoint) -> None:
    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(service, request)
        except ModelyardError as error:
            return refusal(error)

    name = f"hub_{endpoint.__name__.strip('_')}"
    route = RowRoute(path, answer, name=name, include_in_schema=False)
    # Starlette would let every GET answer HEAD too.
    route.methods = set(methods)
    app.router.routes.append(route)


async def _caller(_service: Service, request: Request) -> Response:
    return _json(answers.caller(authorise(request.scope, SELF)))


async def _list(service: Service, request: Request) -> Response:
    principal = authorise(request.scope, LIST_MODELS.permission)
    query = dict(request.query_params)
    for name in query.keys() - {"search", "author", "limit", "cursor"} - _IGNORED:
        raise InvalidRequest(f"models cannot be chosen by {shown(name)} here", hint="use search, author and limit")
    limit = query.get("limit", str(MOST_LISTED))
    if not _NUMBER.fullmatch(limit):
        raise InvalidRequest(f"limit is {shown(limit)}", hint="it is a whole number, 1 or more")
    if query.get("author", NAMESPACE) != NAMESPACE:
        return _json([])
    wanted = {"words": query.get("search", ""), "page_token": query.get("cursor", "")}
    call = partial(repositories, service.yard, principal, limit=min(int(limit), MOST_LISTED), **wanted)
    found, token = await service.run(call)
    url = request.url.include_query_params(cursor=token)
    return _json([answers.listed(model) for model in found], {"link": f'<{url}>; rel="next"'} if token else None)


async def _describe(service: Service, request: Request) -> Response:
    principal = authorise(request.scope, SEEING)
    name, revision = request.path_params["name"], request.path_params.get("revision")
    found = await service.run(repository, service.yard, name, revision, principal)
    return _json(answers.described(found, blobs=_is_on(request, "blobs")), _at(found.commit))


async def _refs(service: Service, request: Request) -> Response:
    principal = authorise(request.scope, SEEING)
    found = await service.run(refs, service.yard, request.path_params["name"], principal)
    return _json(answers.references(found))


async def _commits(service: Service, request: Request) -> Response:
    principal = authorise(request.scope, SEEING)
    name, revision = request.path_params["name"], request.path_params["revision"]
    found = await service.run(history, service.yard, name, revision, principal)
    return _json([answers.commit(sha, version) for sha, version in found])


async def _tree(service: Service, request: Request) -> Response:
    found = await _snapshot(service, request)
    path = request.path_params.get("path", "").rstrip("/")
    tree = partial(rules.tree, found.manifest, path, recursive=_is_on(request, "recursive"))
    told = await service.run(_told, found, tree, expand=_is_on(request, "expand"))
    return _no_entry(found, path) if told is None else _json(told, _at(found.commit))


async def _paths(service: Service, request: Request) -> Response:
    found = await _snapshot(service, request)
    body = await whole_body(request.receive, service.max_body_bytes)
    paths, expand = _asked_paths(request.headers.get("content-type", ""), body)
    told = await service.run(_told, found, partial(rules.present, found.manifest, paths), expand=expand)
    return _json(told or [], _at(found.commit))


async def _file(service: Service, request: Request) -> Response:
    found = await _snapshot(service, request)
    entry = rules.file_at(found.manifest, request.path_params["path"])
    if entry is None:
        return _no_entry(found, request.path_params["path"])
    linked = {"x-linked-etag": f'"{entry.sha256}"', "x-linked-size": str(entry.size)}
    told = _at(found.commit) | {"etag": linked["x-linked-etag"]} | linked
    parcel = parcel_of_file(service.yard.store, request.scope, entry, told)
    return response_of(parcel) if isinstance(parcel, Problem) else await send_parcel(service, request, parcel)


async def _nothing(_service: Service, request: Request) -> Response:
    authorise(request.scope, PUBLIC)
    if request.method in FETCH:
        hint = f"models are repositories named NAME or {NAMESPACE}/NAME; there are no datasets and no spaces"
        raise ModelNotFound(f"there is nothing at {shown(request.url.path)}", hint=hint)
    raise InvalidRequest(
        "a registry is not written through the Hub's interface",
        hint="use `modelyard register`, or ModelRegistry(...).register_model in Python",
    )


async def _snapshot(service: Service, request: Request) -> Snapshot:
    principal = authorise(request.scope, SEEING)
    name, revision = request.path_params["name"], request.path_params["revision"]
    return await service.run(snapshot, service.yard, name, revision, principal)


def _told(found: Snapshot, choose: Callable[[], Chosen], *, expand: bool) -> list[dict[str, Any]] | None:
    """Choose files and folders and describe them: of many files that takes its time, and so a thread."""
    chosen = choose()
    return None if chosen is None else [answers.entry(one, found, expand=expand) for one in chosen]


def _asked_paths(content_type: str, body: bytes) -> tuple[list[str], bool]:
    """The paths that a body asks for, as a form or as JSON, without slashes at their ends; and whether to expand."""
    if content_type.startswith("application/json"):
        document = json_object(body)
        paths, expand = document.get("paths", []), bool(document.get("expand"))
    else:
        form = parse_qs(body.decode("utf-8", "replace"))
        paths, expand = form.get("paths", []), form.get("expand", [""])[0] in _TRUE
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise InvalidRequest("paths is no list of texts")
    return [path.strip("/") for path in paths], expand


def _is_on(request: Request, name: str) -> bool:
    return request.query_params.get(name, "") in _TRUE


def _no_entry(found: Snapshot, path: str) -> Response:
    files = ", ".join(entry.path for entry in found.manifest.files[:10])
    error = ArtifactNotFound(f"{found.name} {found.version} has no {shown(path)}", hint=f"it has {files or 'no files'}")
    return refusal(error, _at(found.commit))


def refusal(error: ModelyardError, headers: dict[str, str] | None = None) -> Response:
    """An error in the Hub's form: a code for what the Hub's clients tell apart, and the message in header and body."""
    code, status = "", error.status
    if isinstance(error, _NO_REPOSITORY):
        code, status = "RepoNotFound", 404 if isinstance(error, InvalidName) else status
    elif isinstance(error, _NO_REVISION):
        code, status = "RevisionNotFound", 404
    elif isinstance(error, ArtifactNotFound):
        code = "EntryNotFound"
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    told = {name.decode("ascii"): value.decode("ascii") for name, value in headers_of_error(error)}
    told["x-error-message"] = message[:LONGEST_MESSAGE].encode("unicode_escape").decode("ascii")
    return _json({"error": message}, told | ({"x-error-code": code} if code else {}) | (headers or {}), status)


def _at(commit: str | None) -> dict[str, str]:
    return {"x-repo-commit": commit} if commit else {}


def _json(value: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    return Response(_encode(value), status, headers, "application/json")
