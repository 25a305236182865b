"""The OpenAPI document of all routes without an application that answers them: for fronts that are not FastAPI's."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import FastAPI

from modelyard.server.events import add_events
from modelyard.server.health import add_health
from modelyard.server.metrics import add_metrics
from modelyard.server.ofrep import add_ofrep
from modelyard.server.openapi import document_of
from modelyard.server.predict import add_predictions
from modelyard.server.routes import described_routes
from modelyard.server.stream import add_downloads
from modelyard.server.uploads import add_uploads


@cache
def whole_document() -> dict[str, Any]:
    """The document as `modelyard.server.app` serves it."""
    paper = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    # No route is ever called on paper, so none needs the parts that it would work with.
    nothing: Any = None
    add_health(paper, nothing)
    add_uploads(paper, nothing)
    add_downloads(paper, nothing)
    add_events(paper, nothing, most=0)
    add_ofrep(paper, nothing)
    add_predictions(paper, nothing)
    add_metrics(paper, nothing)
    return document_of([*paper.routes, *described_routes()])
