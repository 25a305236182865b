"""The types of an ASGI application, without any framework: a request's head, and how its messages come and go.

What works with nothing but these serves every front of the server: FastAPI's, and the Flask blueprint, which imports
no ASGI framework (`.importlinter` holds it to that).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
"""The head of a request: `type`, `method`, `path`, `query_string`, and `headers` as pairs of lower-case bytes."""

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
