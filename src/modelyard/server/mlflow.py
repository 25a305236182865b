"""MLflow's registry protocol over HTTP, answered before FastAPI: `/api/2.0/mlflow/…`.

Rules
- Answers of GET are kept until the database changes, for those who may see the same. What they tell of addresses
  depends on how the client reached this server, so that is part of their key.
- Errors have MLflow's form. Nothing that a caller did wrong is a 5xx, which clients repeat for minutes.
- The workspace that a client names in its header is the one that there is, or it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from modelyard.domain.manifest import Manifest
from modelyard.domain.permissions import Principal
from modelyard.errors import ModelyardError
from modelyard.mlflow.desk import Desk, Refusal
from modelyard.mlflow.errors import refusal_of
from modelyard.mlflow.routes import BASES, fields_of, handle, no_route, route_of
from modelyard.mlflow.workspaces import checked
from modelyard.server.answers import Answer, answer
from modelyard.server.auth import PRINCIPAL, authorise, header
from modelyard.server.cache import Key
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.problems import problem_of_fault
from modelyard.server.service import Service, whole_body

WORKSPACE: Final = b"x-mlflow-workspace"
_TELLING: Final = frozenset({b"host", WORKSPACE})
"""Headers by which answers differ."""


class MlflowRoutes:
    """Answers MLflow's registry clients.

    Args:
        service: the parts of the server.
        fetch: fetches the files of a source from the tracking server; None where none was named.
    """

    def __init__(self, service: Service, fetch: Callable[[str], Manifest | None] | None = None) -> None:
        self._service = service
        self._fetch = fetch

    async def answered(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request if it is one of MLflow's; tell whether it was."""
        path: str = scope["path"]
        if not path.startswith(BASES):
            return False
        try:
            ready = await self._answer(scope, receive, path)
        except ConnectionAbortedError:
            raise
        except ModelyardError as error:
            ready = _refused(refusal_of(error))
        except Refusal as refusal:
            ready = _refused(refusal)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer in MLflow's form
            problem_of_fault(error)
            ready = _refused(Refusal("INTERNAL_ERROR", "The server failed on this request; its log tells more"))
        await ready.send(send)
        return True

    async def _answer(self, scope: Scope, receive: Receive, path: str) -> Answer:
        method: str = scope["method"]
        key = _key(scope) if method == "GET" else None
        kept = self._service.cache.get(key) if key is not None else None
        if kept is not None:
            authorise(scope, kept.permission)
            return kept
        found = route_of(method, path)
        if found is None:
            raise no_route(path)
        route, placed = found
        principal = authorise(scope, route.permission)
        checked(header(scope, WORKSPACE))
        address = address_of(scope)
        state = self._service.cache.state
        body = b"" if method == "GET" else await whole_body(receive, self._service.max_body_bytes)
        fields = {**fields_of(method, scope["query_string"], body), **placed}
        desk = self._desk(principal, address)
        run = self._service.transfer if route.waits else self._service.run
        ready = await run(_made, desk, route, fields)
        if key is not None:
            self._service.cache.put(key, state, ready)
        return ready

    def _desk(self, principal: Principal, address: str) -> Desk:
        return Desk(yard=self._service.yard, principal=principal, address=address, fetch=self._fetch)


def address_of(scope: Scope) -> str:
    """How the client reached this server: scheme, host and what lies before its paths, without a slash at the end."""
    host = header(scope, b"host") or "localhost"
    return f"{scope.get('scheme', 'http')}://{host}{scope.get('root_path', '')}"


def _key(scope: Scope) -> Key:
    """The key of a kept answer: the request, and by which address and for which workspace it came."""
    told = scope["query_string"] + f"#{scope.get('scheme', 'http')}{scope.get('root_path', '')}".encode()
    for name, value in scope["headers"]:
        if name in _TELLING:
            told += b"#" + name + b"=" + value
    found = scope.get(PRINCIPAL)
    return scope["path"], told, found.reach if isinstance(found, Principal) else ""


def _made(desk: Desk, route: Any, fields: dict[str, Any]) -> Answer:
    return answer(handle(desk, route, fields), permission=route.permission)


def _refused(refusal: Refusal) -> Answer:
    return answer({"error_code": refusal.code, "message": refusal.message}, permission="", status=refusal.status)
