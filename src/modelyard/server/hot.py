"""The way in: the guard, who asks, then cached answers, resolve and predictions, and only then all the rest.

What is answered here never passes FastAPI, which would cost more than the answer. The permission is checked all the
same: a cached answer knows which one it needs.
"""

from __future__ import annotations

import logging
from functools import partial

from modelyard.domain.permissions import Principal
from modelyard.errors import ModelyardError
from modelyard.operations import RESOLVE, NamedThen
from modelyard.server.auth import PRINCIPAL, RENEWAL, Guard, authorise
from modelyard.server.binding import plain_reference
from modelyard.server.errors import ANSWERED, of_error, unexpected
from modelyard.server.identity import Doorkeeper
from modelyard.server.messages import ASGIApp, Receive, Scope, Send
from modelyard.server.mlflow import MlflowRoutes
from modelyard.server.predictions import Predictions
from modelyard.server.routes import read_answer
from modelyard.server.service import Service

_log = logging.getLogger("modelyard.server")
_BEFORE, _AFTER = RESOLVE.path.split("{reference}")


class FrontDoor:
    """The outermost ASGI application.

    Args:
        app: what answers everything that is not hot.
        service: the parts of the server.
        guard: who may pass at all.
        doorkeeper: finds out who they are.
        predictions: answers predictions, in every protocol.
        mlflow: answers MLflow's registry clients.
    """

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        guard: Guard,
        doorkeeper: Doorkeeper,
        predictions: Predictions,
        mlflow: MlflowRoutes,
    ) -> None:
        self._app = app
        self._mlflow = mlflow
        self._predictions = predictions
        self._service = service
        self._guard = guard
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if not self._predictions.is_running:
                await self._predictions.start()
            self._guard.check(scope)
            scope[PRINCIPAL] = await self._doorkeeper.find(scope)
            scope[RENEWAL] = partial(self._doorkeeper.find, scope)
            hot = await self._mlflow.answered(scope, receive, send)
            hot = hot or (scope["method"] == "GET" and await self._answered(scope, send))
            hot = hot or await self._predictions.answered(scope, receive, send)
        except ConnectionAbortedError:
            # The client has gone: there is nobody to answer.
            return
        except ModelyardError as error:
            await of_error(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem document
            await unexpected(error)(scope, receive, send)
        else:
            if not hot:
                await self._passed_on(scope, receive, send)

    async def _passed_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - there is nobody left to raise it to
            if ANSWERED not in scope:
                # The answer had begun. Returning before its end makes the server cut the connection.
                _log.error("an answer was cut short", exc_info=error)

    async def _answered(self, scope: Scope, send: Send) -> bool:
        path: str = scope["path"]
        found = scope[PRINCIPAL]
        reach = found.reach if isinstance(found, Principal) else ""
        ready = self._service.cache.get((path, scope["query_string"], reach))
        if ready is None:
            if not path.startswith(_BEFORE) or not path.endswith(_AFTER) or scope["query_string"]:
                return False
            reference = path[len(_BEFORE) : -len(_AFTER)]
            if not reference:
                return False
            principal = authorise(scope, RESOLVE.permission)
            wanted = NamedThen(reference=plain_reference(reference))
            ready = await read_answer(self._service, RESOLVE, wanted, scope, principal)
        else:
            authorise(scope, ready.permission)
        await ready.send(send)
        return True
