"""A real HTTP server that plays the providers of LLMs: OpenAI, Anthropic and Gemini, each in its own wire format.

It answers with the last text of the user, after "You said: ", and counts words as tokens. What it does otherwise is its
`mood`: see `MOODS`. The tests of the stub ask it with the providers' own SDKs, so that its formats are theirs.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATIENCE = 30.0
KEY = "a-made-up-key"
MOODS = {
    "ok": "answers",
    "busy": "429 with Retry-After: 7",
    "overloaded": "529, as Anthropic says it",
    "failing": "500",
    "refusing": "400 with words",
    "denying": "401",
    "redirecting": "302 to another place",
    "hanging up": "ends the connection before any byte",
    "truncating": "ends the connection in the middle of an answer",
    "garbage": "200 with a page of HTML",
    "odd": "200 with JSON of another form",
    "slow": "waits until `release` is set",
    "stalling": "sends one piece of a stream, then waits until `release` is set",
    "cutting": "ends the connection in the middle of a stream",
    "ending early": "ends a stream in good form, but before the answer is whole",
    "faltering": "tells an error in the middle of a stream",
    "blocked": "stops the answer because of what it says",
}
ERRORS = {
    "busy": (429, "rate_limit_error", "slow down"),
    "overloaded": (529, "overloaded_error", "overloaded"),
    "failing": (500, "api_error", "something broke"),
    "refusing": (400, "invalid_request_error", "the request is wrong"),
    "denying": (401, "authentication_error", f"the key {KEY} is not known"),
}


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        """The provider that it is meant for."""
        if self.path.startswith("/openai/"):
            return "openai"
        return "gemini" if ":" in self.path or self.path.startswith("/v1beta/") else "anthropic"

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return bool(self.body.get("stream")) or ":streamGenerateContent" in self.path

    @property
    def said(self) -> str:
        """The last text of the user."""
        if self.kind == "gemini":
            contents = [one for one in self.body["contents"] if one.get("role", "user") == "user"]
            return "".join(part["text"] for part in contents[-1]["parts"])
        content = [one for one in self.body["messages"] if one["role"] == "user"][-1]["content"]
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)

    @property
    def key(self) -> str:
        """The key that came along."""
        # Anthropic takes a key in either header.
        names = {"openai": (), "anthropic": ("x-api-key",), "gemini": ("x-goog-api-key",)}[self.kind]
        given = [self.headers[name] for name in names if name in self.headers]
        return given[0] if given else self.headers.get("authorization", "").removeprefix("Bearer ")


class LlmStub:
    """Listens on a free port of 127.0.0.1.

    Attributes:
        mood: how it answers; one of `MOODS`.
        release: lets what waits go on.
        asked: what it heard.
    """

    def __init__(self) -> None:
        self.mood = "ok"
        self.release = threading.Event()
        self.asked: list[Asked] = []
        self.connections = 0
        self.told = threading.Condition()
        stub = self

        class Handler(_Handler):
            owner = stub

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def environ(self) -> dict[str, str]:
        """The environment in which modelyard takes it for the three providers."""
        return {
            "OPENAI_BASE_URL": f"{self.origin}/openai/v1",
            "ANTHROPIC_BASE_URL": self.origin,
            "GEMINI_BASE_URL": self.origin,
            **{f"{kind}_API_KEY": KEY for kind in ("OPENAI", "ANTHROPIC", "GEMINI")},
        }

    @property
    def last(self) -> Asked:
        """The last request."""
        return self.asked[-1]

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests were heard."""
        with self.told:
            assert self.told.wait_for(lambda: len(self.asked) >= count, PATIENCE), f"{len(self.asked)} were heard"

    def stop(self) -> None:
        """End it; its port refuses connections from now on."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: LlmStub

    def setup(self) -> None:
        super().setup()
        self.owner.connections += 1

    def do_GET(self) -> None:
        asked = self._heard({})
        mood = self.owner.mood
        if mood in ERRORS or asked.key != KEY:
            self._refuse(asked, mood if mood in ERRORS else "denying")
        elif asked.path.endswith("unknown-model"):
            self._send(404, _error(asked.kind, 404, "not_found_error", "no such model"))
        else:
            self._send(200, {"id": asked.path.rsplit("/", 1)[-1], "object": "model"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked, mood = self._heard(body), self.owner.mood
        wrong = mistake(asked)
        if asked.key != KEY:
            self._refuse(asked, "denying")
        elif mood in ERRORS:
            self._refuse(asked, mood)
        elif wrong:
            self._send(400, _error(asked.kind, 400, "invalid_request_error", wrong))
        elif mood == "redirecting":
            self._send(302, {}, {"Location": "/elsewhere"})
        elif mood == "hanging up":
            self._cut()
        elif mood == "garbage":
            self._send(200, "<html>It works!</html>", {"Content-Type": "text/html"})
        elif asked.streams:
            self._stream(asked, mood)
        else:
            self._answer(asked, mood)

    def log_message(self, *_: object) -> None:
        pass

    def _heard(self, body: dict[str, Any]) -> Asked:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        with self.owner.told:
            self.owner.asked.append(asked)
            self.owner.told.notify_all()
        return asked

    def _answer(self, asked: Asked, mood: str) -> None:
        if mood == "slow":
            self.owner.release.wait(PATIENCE)
        whole = {"surprise": True} if mood == "odd" else answer(asked, blocked=mood == "blocked")
        if mood == "truncating":
            text = json.dumps(whole).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text[:20])
            self._cut()
        else:
            self._send(200, whole)

    def _stream(self, asked: Asked, mood: str) -> None:
        if mood == "slow":
            self.owner.release.wait(PATIENCE)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = list(stream(asked, blocked=mood == "blocked"))
        half = len(events) // 2
        for name, document in events[:half]:
            self._event(name, document)
        if mood == "cutting":
            self._cut()
            return
        if mood == "faltering":
            told = _error(asked.kind, 529, "overloaded_error", "overloaded in the middle")
            self._event("error" if asked.kind == "anthropic" else "", told)
        elif mood == "stalling":
            self.owner.release.wait(PATIENCE)
        if mood not in {"faltering", "ending early"}:
            for name, document in events[half:]:
                self._event(name, document)
        self._chunk(b"")

    def _event(self, name: str, document: Any) -> None:
        data = document if isinstance(document, str) else json.dumps(document)
        text = (f"event: {name}\n" if name else "") + f"data: {data}\r\n\r\n"
        # Events are cut into pieces as a network may cut them.
        for start in range(0, len(text), 17):
            self._chunk(text[start : start + 17].encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _refuse(self, asked: Asked, mood: str) -> None:
        status, kind, words = ERRORS[mood]
        headers = {"Retry-After": "7"} if mood == "busy" else {}
        self._send(status, _error(asked.kind, status, kind, words), headers)

    def _send(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        text = (document if isinstance(document, str) else json.dumps(document)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


def mistake(asked: Asked) -> str:
    """What the provider would refuse a request for; empty where nothing."""
    body = asked.body
    if asked.kind == "gemini":
        path = re.fullmatch(r"/v1(beta)?/models/[^/:]+:(generateContent|streamGenerateContent\?alt=sse)", asked.path)
        roles = {one["role"] for one in body.get("contents", [])}
        heat = body.get("generationConfig", {}).get("temperature", 0)
        wrong = "" if path and roles and roles <= {"user", "model"} else "the path or contents are wrong"
        return wrong or ("generation_config.temperature is out of range" if heat > 1.5 else "")
    wrong = "" if body.get("model") and body.get("messages") else "model or messages are missing"
    if asked.kind == "openai":
        wrong = wrong or ("" if asked.path == "/openai/v1/chat/completions" else "the path is wrong")
    else:
        wrong = wrong or _anthropic_mistake(asked)
    return wrong or ("temperature is out of range" if body.get("temperature", 0) > 1.5 else "")


def _anthropic_mistake(asked: Asked) -> str:
    roles = {one["role"] for one in asked.body["messages"]}
    if asked.path != "/v1/messages" or "max_tokens" not in asked.body or not roles <= {"user", "assistant"}:
        return "the path or a role is wrong, or max_tokens is missing"
    sampling = {"temperature", "top_p", "top_k"} & set(asked.body)
    version = asked.headers.get("anthropic-version")
    if version == "2026-10-21" and sampling:
        return f"{min(sampling)}: not permitted"
    return "" if version in {"2026-10-21", "2023-06-01"} else "anthropic-version is wrong"


def answer(asked: Asked, *, blocked: bool) -> dict[str, Any]:
    """The whole answer in the provider's form."""
    text = "" if blocked else f"You said: {asked.said}"
    taken, given = len(asked.said.split()), len(text.split())
    if asked.kind == "openai":
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": f"{asked.body['model']}-2026",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "content_filter" if blocked else "stop",
                }
            ],
            "usage": {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given},
        }
    if asked.kind == "anthropic":
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": f"{asked.body['model']}-2026",
            "content": [] if blocked else [{"type": "text", "text": text}],
            "stop_reason": "refusal" if blocked else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": taken, "output_tokens": given},
        }
    usage = {"promptTokenCount": taken, "candidatesTokenCount": given, "totalTokenCount": taken + given}
    told = {"usageMetadata": usage, "modelVersion": "gemini-2026", "responseId": "r1"}
    if blocked:
        return {"promptFeedback": {"blockReason": "SAFETY"}, **told}
    return {"candidates": [_candidate(text, "STOP")], **told}


def stream(asked: Asked, *, blocked: bool) -> Iterator[tuple[str, Any]]:
    """The events of a stream in the provider's form: a name, and a document or a text."""
    text = "" if blocked else f"You said: {asked.said}"
    words = re.findall(r"\S+\s*", text)
    taken = len(asked.said.split())
    return {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}[asked.kind](asked, words, taken)


def _openai(asked: Asked, words: list[str], taken: int) -> Iterator[tuple[str, Any]]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "gpt-2026"}
    parts: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
    parts += [({"content": word}, None) for word in words]
    parts.append(({}, "stop" if words else "content_filter"))
    for delta, reason in parts:
        yield "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": None}
    if asked.body.get("stream_options", {}).get("include_usage"):
        usage = {"prompt_tokens": taken, "completion_tokens": len(words), "total_tokens": taken + len(words)}
        yield "", {**head, "choices": [], "usage": usage}
    yield "", "[DONE]"


def _anthropic(asked: Asked, words: list[str], taken: int) -> Iterator[tuple[str, Any]]:
    start = {**answer(asked, blocked=True), "stop_reason": None}
    start["usage"] = {"input_tokens": taken, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    events.append({"type": "ping"})
    for word in words:
        delta = {"type": "text_delta", "text": word}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    events.append({"type": "content_block_stop", "index": 0})
    end = {"stop_reason": "end_turn" if words else "refusal", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": len(words)}})
    events.append({"type": "message_stop"})
    return ((event["type"], event) for event in events)


def _gemini(asked: Asked, words: list[str], taken: int) -> Iterator[tuple[str, Any]]:
    if not words:
        yield "", answer(asked, blocked=True)
    for index, word in enumerate(words):
        usage = {"promptTokenCount": taken, "candidatesTokenCount": index + 1, "totalTokenCount": taken + index + 1}
        reason = "STOP" if index == len(words) - 1 else ""
        yield "", {"candidates": [_candidate(word, reason)], "usageMetadata": usage, "modelVersion": "gemini-2026"}


def _candidate(text: str, reason: str) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": text}]}
    return {"content": content, "index": 0, **({"finishReason": reason} if reason else {})}


def _error(kind: str, status: int, mark: str, words: str) -> dict[str, Any]:
    """A refusal in the provider's form."""
    if kind == "openai":
        return {"error": {"message": words, "type": mark, "param": None, "code": None}}
    if kind == "anthropic":
        return {"type": "error", "error": {"type": mark, "message": words}, "request_id": "req_1"}
    names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 529: "RESOURCE_EXHAUSTED"}
    return {"error": {"code": status, "message": words, "status": names.get(status, "INTERNAL")}}
