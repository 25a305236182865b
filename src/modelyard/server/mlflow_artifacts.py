"""The routes of the artifact proxy; `modelyard.server.artifacts` says what they answer."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.errors import ModelyardError
from modelyard.mlflow.desk import Refusal
from modelyard.server import artifacts
from modelyard.server.artifacts import METHODS, PREFIX, Told
from modelyard.server.service import Service
from modelyard.server.stream import send_parcel
from modelyard.server.uploads import take_in


def add_artifact_proxy(app: FastAPI, service: Service) -> None:
    """Add the routes."""

    async def proxy(request: Request) -> Response:
        try:
            made = await _answered(service, request)
        except (Refusal, ModelyardError) as error:
            made = artifacts.refused(error)
        if isinstance(made, Told):
            return Response(made.body, made.status, dict(made.headers), artifacts.MEDIA_TYPE)
        return made

    app.add_route(f"{PREFIX}{{rest:path}}", proxy, methods=list(METHODS), include_in_schema=False)


async def _answered(service: Service, request: Request) -> Response | Told:
    yard, scope = service.yard, request.scope
    raw = unquote_to_bytes(scope["raw_path"])
    way, path = artifacts.way_of(scope, str(request.path_params["rest"]), raw)
    if way == "put":
        return await _put(service, request, path)
    if way == "delete":
        return await service.run(artifacts.forget, yard, scope, path)
    if way == "list":
        return await service.run(artifacts.listing, yard, scope)
    parcel = await service.run(artifacts.parcel, yard, scope, path)
    return parcel if isinstance(parcel, Told) else await send_parcel(service, request, parcel)


async def _put(service: Service, request: Request, path: str) -> Told:
    keeping, principal = artifacts.begin(service, request.scope, path)
    try:
        await take_in(service, keeping, request.receive)
        return await service.transfer(artifacts.keep, service.yard, keeping, principal)
    finally:
        await service.transfer(keeping.close)
