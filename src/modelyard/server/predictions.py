"""Which requests are predictions, and in which protocol: modelyard's own, Open Inference, OpenAI's chat completions."""

from __future__ import annotations

from modelyard.delivery.serving import Serving
from modelyard.server.chat import ChatCompletions, is_chat
from modelyard.server.infer import ROOT, OpenInference
from modelyard.server.inference import Inference, name_in
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.service import Service


class Predictions:
    """Answers predictions, before FastAPI sees them.

    Args:
        service: the parts of the server.
        serving: the running parts of delivery.
    """

    def __init__(self, service: Service, serving: Serving) -> None:
        self._serving = serving
        self._inference = Inference(service, serving)
        self._open = OpenInference(self._inference)
        self._chat = ChatCompletions(self._inference)

    @property
    def is_running(self) -> bool:
        """Whether endpoints are served."""
        return self._serving.is_running

    async def start(self) -> None:
        """Begin to serve endpoints, where nothing has begun it; harmless when repeated."""
        await self._serving.start()

    async def answered(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request if it is one of these; False for all others."""
        path: str = scope["path"]
        name = name_in(path) if scope["method"] == "POST" else ""
        if name:
            await self._inference.predict(scope, receive, send, name)
            return True
        if path.startswith("/v2") and path[len(ROOT) :][:1] in {"", "/"}:
            await self._open(scope, receive, send)
            return True
        if is_chat(path):
            await self._chat(scope, receive, send)
            return True
        return False
