"""Problem documents (`modelyard.server.problems`) as responses, and FastAPI's handlers of errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from modelyard.errors import ModelyardError
from modelyard.server.problems import MEDIA_TYPE, Problem, problem_of, problem_of_error, problem_of_fault

ANSWERED = "modelyard.answered"
"""Key of a request's scope: a fault was logged and answered."""

_log = logging.getLogger("modelyard.server")


def response_of(told: Problem) -> Response:
    """A problem document as a response."""
    return Response(told.body, told.status, dict(told.headers), MEDIA_TYPE)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with a problem document."""
    return response_of(problem_of(status, code, detail, hint=hint, details=details, headers=headers))


def of_error(error: ModelyardError, headers: Mapping[str, str] | None = None) -> Response:
    """The response to an error that modelyard raised on purpose."""
    return response_of(problem_of_error(error, headers))


async def answer_error(_request: Request, error: Exception) -> Response:
    """FastAPI's handler for errors of the tree."""
    return of_error(cast("ModelyardError", error))


async def answer_nobody(request: Request, _error: Exception) -> Response:
    """FastAPI's handler for a client that went away in the middle of its request; nobody reads the answer."""
    _log.info("a client went away during %s %s", request.method, request.url.path)
    return Response(status_code=400)


async def answer_fault(request: Request, error: Exception) -> Response:
    """FastAPI's handler for what nobody foresaw; Starlette raises the error again after it."""
    request.scope[ANSWERED] = True
    return unexpected(error)


def unexpected(error: BaseException) -> Response:
    """The response to a fault of our own."""
    return response_of(problem_of_fault(error))
