"""The documentation page: Swagger UI from the installed package, without a byte from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from swagger_ui_bundle import swagger_ui_path

from modelyard.server.auth import PUBLIC, authorise
from modelyard.server.openapi import document_of, for_viewer
from modelyard.server.routes import described_routes

FILES = {
    "swagger-ui.css": "text/css",
    "index.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
"""The files of the package that the page needs; nothing else of it is served."""

# The viewer sets style attributes, hence 'unsafe-inline' for styles; scripts come from this server's files only.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>modelyard: REST API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/index.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "docs/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout"
});
"""


def add_docs(app: FastAPI) -> None:
    """Add `/openapi.json` and `/docs`; the document is made when it is first asked for."""

    @cache
    def document() -> dict[str, Any]:
        return document_of([*app.routes, *described_routes()])

    @cache
    def encoded() -> bytes:
        return msgspec.json.encode(document())

    @cache
    def for_the_viewer() -> bytes:
        return msgspec.json.encode(for_viewer(document()))

    _add(app, "/openapi.json", lambda: Response(encoded(), media_type="application/json"))
    _add(app, "/docs", lambda: Response(_PAGE, media_type="text/html"))
    _add(app, "/docs/start.js", lambda: Response(_START, media_type="text/javascript"))
    _add(app, "/docs/openapi.json", lambda: Response(for_the_viewer(), media_type="application/json"))
    for name in FILES:
        _add(app, f"/docs/{name}", partial(_file, name))


def _file(name: str) -> Response:
    return FileResponse(Path(str(swagger_ui_path)) / name, media_type=FILES[name])


def _add(app: FastAPI, path: str, make: Callable[[], Response]) -> None:
    async def endpoint(request: Request) -> Response:
        authorise(request.scope, PUBLIC)
        response = make()
        response.headers.update(HEADERS)
        return response

    app.add_route(path, endpoint, include_in_schema=False)
