"""Ready answers where FastAPI wants a response."""

from __future__ import annotations

from starlette.responses import Response

from modelyard.server.answers import Answer
from modelyard.server.messages import Receive, Scope, Send


class AnswerResponse(Response):
    """An answer where FastAPI wants a response."""

    def __init__(self, ready: Answer) -> None:
        super().__init__()
        self._ready = ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Send the answer."""
        await self._ready.send(send)
