"""Flask's request as the head and the body that `modelyard.server` reads, and its answers as Flask's responses.

Rules
- The head is an ASGI scope. Its path is below the prefix of the blueprint, percent-decoded, as WSGI gives it.
- A body comes to an end by its `Content-Length`, or where the server says that it ends bodies itself (chunked ones, as
  gunicorn and the development server do). One whose end nobody knows is refused: it would be read as an empty one.
- A body that is shorter than announced was cut off, and is never taken for whole.
- The limits are modelyard's own; Flask's `MAX_CONTENT_LENGTH` does not hold here. Flask ends a body without a length
  silently at the limit that it was given, so it is given a larger one, and what came is measured.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from modelyard.errors import InvalidRequest, ModelyardError
from modelyard.server.answers import Answer
from modelyard.server.messages import Scope
from modelyard.server.problems import MEDIA_TYPE, Problem
from modelyard.server.receiving import LONGEST_LENGTH
from modelyard.server.service import too_large

_UNPREFIXED = {"CONTENT_TYPE": b"content-type", "CONTENT_LENGTH": b"content-length"}
_NOWAIT = getattr(socket, "MSG_PEEK", 0) | getattr(socket, "MSG_DONTWAIT", 0)


def scope_of(request: Request, prefix: str) -> Scope:
    """The head of a request.

    Args:
        request: Flask's.
        prefix: where the blueprint lies, without a slash at its end.
    """
    environ = request.environ
    return {
        "type": "http",
        "scheme": request.scheme,
        "method": request.method,
        "root_path": request.script_root + prefix,
        "path": request.path[len(prefix) :] or "/",
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": list(_headers(environ)),
        "client": environ.get("REMOTE_ADDR", ""),
    }


def _headers(environ: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            yield key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")
        elif value and key in _UNPREFIXED:
            yield _UNPREFIXED[key], value.encode("latin-1")


def whole_body(request: Request, limit: int) -> bytes:
    """A request's body.

    Raises:
        TooLarge: it is longer than `limit` bytes.
        InvalidRequest: nobody knows where it ends.
        ConnectionError: the client went away.
    """
    announced = _announced(request)
    request.max_content_length = limit + 1
    try:
        # Something of the application's own may have read the body before; Flask then has it still.
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise too_large(limit) from None
    except ClientDisconnected:
        raise ConnectionAbortedError("the client went away") from None
    if len(body) > limit:
        raise too_large(limit)
    if announced is not None and len(body) != announced:
        raise ConnectionAbortedError("the client went away")
    return body


def pieces_of(request: Request, size: int, limit: int, too_large: ModelyardError) -> Iterator[bytes]:
    """A request's body in pieces of up to `size` bytes, as it arrives; `too_large` is raised where it goes on too long.

    Raises:
        InvalidRequest: nobody knows where it ends.
        ConnectionError: the client went away.
    """
    announced = _announced(request)
    # Flask's own limit would come first, and is another one; None would mean that of the application.
    request.max_content_length = limit + 2 * size
    stream, total = request.stream, 0
    while announced is None or total < announced:
        try:
            piece = stream.read(size if announced is None else min(size, announced - total))
        except (ClientDisconnected, OSError):
            raise ConnectionAbortedError("the client went away during an upload") from None
        if not piece:
            break
        total += len(piece)
        if total > limit:
            raise too_large
        yield piece
    if announced is not None and total < announced:
        raise ConnectionAbortedError("the client went away during an upload")


def _announced(request: Request) -> int | None:
    """The announced length of a body; None where the server ends it by itself."""
    environ = request.environ
    text = environ.get("CONTENT_LENGTH") or ""
    if text:
        if not text.isdecimal() or len(text) > LONGEST_LENGTH:
            raise InvalidRequest("the Content-Length is no number", hint="let the HTTP client set the header")
        return int(text)
    if environ.get("wsgi.input_terminated"):
        return None
    if environ.get("HTTP_TRANSFER_ENCODING"):
        raise InvalidRequest(
            "the body has no Content-Length, and this web server does not tell where it ends",
            hint="send the length, or serve the application with gunicorn",
        )
    return 0


def response_of(told: Answer | Problem) -> Response:
    """An answer, or a problem document, as Flask's response."""
    if isinstance(told, Problem):
        return Response(told.body, told.status, dict(told.headers), content_type=MEDIA_TYPE)
    return made(told.start["status"], told.start["headers"], [told.body["body"]])


def made(status: int, headers: Iterable[tuple[bytes, bytes]], body: Iterable[bytes]) -> Response:
    """A response from what an ASGI application says; the body goes out piece by piece as it is given."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    response = Response(body, status, pairs)
    if not any(name == "content-type" for name, _ in pairs):
        del response.headers["Content-Type"]
    return response


def has_gone(request: Request) -> bool:
    """Whether a client has closed its connection; False where the server does not let that be seen."""
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if connection is None or not hasattr(socket, "MSG_DONTWAIT"):
        return False
    try:
        return not connection.recv(1, _NOWAIT)
    except BlockingIOError:
        return False
    except ValueError:
        # Encrypted connections cannot be looked into without reading.
        return False
    except OSError:
        return True
