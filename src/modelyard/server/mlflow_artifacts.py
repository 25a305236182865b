"""The artifact proxy of MLflow's protocol: its clients keep their files here, below `/api/2.0/mlflow-artifacts`.

    GET          artifacts?path=FOLDER       what lies in a folder; the root without `path`
    GET, HEAD    artifacts/PATH              a file, or a range of it
    PUT          artifacts/PATH              keep the body as a file
    DELETE       artifacts/PATH              remove a file, or a folder with all that lies in it
    POST         mpu/create|complete|abort   refused in the words that make a client send the file in one piece
    GET          presigned/PATH              refused likewise

Rules
- What a path is, and that below `modelyard/<version id>/` lie the files of versions, `modelyard.registry.proxied` says.
- A body goes straight into the store while it arrives, as that of an upload does, and is hashed on its way. It is to be
  found under its path when all of it is there; what is cut short leaves nothing.
- Files come back in verified pieces. The content type follows from the name, whatever a client would like it to be.
- The store finds content by its digest, so no client may write there past this server: files come in one piece, which
  costs nothing, as the parts would take the same way.
- Errors are `{"error_code", "message"}`, as MLflow's clients read them.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.manifest import FileEntry
from modelyard.domain.mlflow.artifacts import artifact_path, content_type, own_file
from modelyard.domain.permissions import Principal
from modelyard.errors import ModelyardError
from modelyard.mlflow.desk import Refusal
from modelyard.mlflow.errors import refusal_of
from modelyard.registry.context import SEEING
from modelyard.registry.proxied import READ, WRITE, listed, opened, put, remove, writable
from modelyard.server.auth import authorise, header
from modelyard.server.binding import query_values
from modelyard.server.messages import Scope
from modelyard.server.problems import Problem
from modelyard.server.receiving import Files, too_large
from modelyard.server.refusing import headers_of_error
from modelyard.server.sending import disposition, parcel_of_file
from modelyard.server.service import Service
from modelyard.server.stream import send_parcel
from modelyard.server.uploads import take_in

PREFIX: Final = "/api/2.0/mlflow-artifacts/"
METHODS: Final = ("GET", "HEAD", "PUT", "DELETE", "POST")

_IN_PIECES: Final = {
    ("POST", "mpu"): (WRITE, "Multipart upload is not supported for the current artifact repository"),
    ("GET", "presigned"): (READ, "Multipart download is not supported for the current artifact repository"),
}
"""Method and first name of a path → the permission, and the text that clients look for before they go another way."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$&+.^_`|~-]+")
_encode = msgspec.json.Encoder().encode


class Keeping:
    """A file on its way to its path; `close` forgets one that is not whole."""

    def __init__(self, store: ArtifactStore, path: str) -> None:
        self._files = Files(store)
        self._files.begin(path)
        self._path = path

    def feed(self, pieces: list[bytes]) -> None:
        """Take the next bytes of the body."""
        for piece in pieces:
            self._files.write(piece)

    def end(self) -> FileEntry:
        """Finish it: its bytes are in the store, durably."""
        self._files.end()
        return self._files.entries[self._path]

    def close(self) -> None:
        """Forget the file if it is not finished."""
        self._files.close()


def add_artifact_proxy(app: FastAPI, service: Service) -> None:
    """Add the routes."""

    async def proxy(request: Request) -> Response:
        try:
            return await _answered(service, request)
        except Refusal as refusal:
            return _refused(refusal)
        except ModelyardError as error:
            told = {name.decode("ascii"): value.decode("ascii") for name, value in headers_of_error(error)}
            return _refused(refusal_of(error), told)

    app.add_route(f"{PREFIX}{{rest:path}}", proxy, methods=list(METHODS), include_in_schema=False)


async def _answered(service: Service, request: Request) -> Response:
    method, rest = request.method, str(request.path_params["rest"])
    place, _, path = rest.partition("/")
    if (method, place) in _IN_PIECES:
        permission, text = _IN_PIECES[method, place]
        authorise(request.scope, permission)
        raise Refusal("NOT_IMPLEMENTED", text)
    if place == "artifacts" and method == "PUT":
        return await _put(service, request, path)
    if place == "artifacts" and method == "DELETE":
        principal = authorise(request.scope, WRITE)
        await service.run(remove, service.yard, path, principal)
        return _answer({})
    if place == "artifacts" and method in {"GET", "HEAD"}:
        return await (_get(service, request, path) if path else _list(service, request))
    raise Refusal("ENDPOINT_NOT_FOUND", f"there is nothing at {method} {request.url.path[:200]}")


async def _put(service: Service, request: Request, path: str) -> Response:
    scope, limit = request.scope, service.max_upload_bytes
    principal = authorise(scope, WRITE)
    announced = header(scope, b"content-length")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large(limit)
    keeping = Keeping(service.yard.store, writable(path))
    try:
        await take_in(service, keeping, request.receive)
        await service.transfer(_keep, service, keeping, principal)
    finally:
        await service.transfer(keeping.close)
    return _answer({})


def _keep(service: Service, keeping: Keeping, principal: Principal) -> None:
    put(service.yard, keeping.end(), principal)


async def _list(service: Service, request: Request) -> Response:
    folder = str(query_values(request.scope["query_string"]).get("path", ""))
    principal = _reader(request.scope, folder)
    found = await service.run(listed, service.yard, folder, principal)
    files = [
        {"path": child.name, "is_dir": child.size is None, **({} if child.size is None else {"file_size": child.size})}
        for child in found
    ]
    return _answer({"files": files})


async def _get(service: Service, request: Request, path: str) -> Response:
    principal = _reader(request.scope, path)
    entry = await service.run(opened, service.yard, path, principal)
    name = entry.path.rpartition("/")[2]
    told = {"content-type": content_type(name), "content-disposition": attachment(name)}
    parcel = parcel_of_file(service.yard.store, request.scope, entry, told)
    if isinstance(parcel, Problem):
        refusal = Refusal("INVALID_PARAMETER_VALUE", f"{entry.path} has {entry.size} bytes, and none in that range")
        return _refused(refusal, dict(parcel.headers), status=parcel.status)
    return await send_parcel(service, request, parcel)


def _reader(scope: Scope, path: str) -> Principal:
    """Return who asks, if they may read artifacts, or some version where the path is one of a version's."""
    own = own_file(artifact_path(path)) if path else None
    return authorise(scope, SEEING if own else READ)


def attachment(name: str) -> str:
    """A `Content-Disposition` that saves under `name`; a plain name stands there as it is."""
    return f"attachment; filename={name}" if _TOKEN.fullmatch(name) else disposition(name)


def _answer(document: dict[str, Any]) -> Response:
    return Response(_encode(document), media_type="application/json")


def _refused(refusal: Refusal, told: dict[str, str] | None = None, *, status: int = 0) -> Response:
    body = _encode({"error_code": refusal.code, "message": refusal.message})
    return Response(body, status or refusal.status, told, "application/json")
