"""`POST /api/models/{name}/deploy?wait=SECONDS`: the answer comes when the deployment has ended, or after that time.

Rules
- `wait` is checked before anything begins (`modelyard.server.waiting`).
- Who waits holds no thread: the event loop looks whether the database has changed, and only then at the deployment.
- The answer is the record as it is then. What goes wrong while waiting does not matter: the deployment has begun, and
  the answer says so with what was seen last.
- The end of the server, and the client's going away, end the waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from modelyard.domain.permissions import Principal
from modelyard.domain.wire import DeploymentRecord
from modelyard.errors import ModelyardError
from modelyard.operations import DEPLOY, GET_DEPLOYMENT, NamedDeployment
from modelyard.registry.dispatch import perform
from modelyard.server.answers import Answer, answer
from modelyard.server.service import Service

TICK_S = 0.05
"""How often the database is asked whether it has changed, while somebody waits."""

_record = msgspec.json.Decoder(DeploymentRecord).decode


async def ended(
    service: Service, begun: Answer, seconds: float, principal: Principal, gone: Callable[[], Awaitable[bool]]
) -> Answer:
    """The answer of a deployment that has ended, or as it is after some seconds.

    Args:
        service: the parts of the server.
        begun: the answer that the deployment began with.
        seconds: how long to wait at most.
        principal: who asks.
        gone: whether the client has gone away.
    """
    record = _record(begun.body["body"])
    loop = asyncio.get_running_loop()
    deadline, seen = loop.time() + seconds, -1
    # A plan that was only told has no id, and nothing that could end.
    while record.id and record.live and loop.time() < deadline and not service.ending.is_set() and not await gone():
        state = service.watch.count()
        if state != seen:
            seen = state
            with suppress(ModelyardError):
                wanted = NamedDeployment(id=record.id)
                record = await service.run(perform, service.yard, GET_DEPLOYMENT, wanted, principal=principal)
        if record.live:
            await asyncio.sleep(min(TICK_S, max(0.0, deadline - loop.time())))
    return answer(record, permission=DEPLOY.permission, status=DEPLOY.status)
