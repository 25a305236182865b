"""What the routes work with: the yard, the threads that use cases run in, the cache of answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from modelyard.config import Settings
from modelyard.domain.permissions import Principal
from modelyard.errors import TooLarge
from modelyard.metadata.changes import ChangeWatch
from modelyard.operations import RESOLVE, Operation
from modelyard.registry.context import Yard
from modelyard.registry.dispatch import perform
from modelyard.server.answers import Answer, answer
from modelyard.server.cache import AnswerCache
from modelyard.server.messages import Receive

P = ParamSpec("P")
T = TypeVar("T")

HOT_THREADS = 2


class Service:
    """The parts of a running server.

    Transfers have threads of their own, so that slow uploads never keep a use case waiting, and so has resolve, so that
    long lists do not keep it waiting. More than a few threads would only contend for the interpreter's lock there.

    Args:
        yard: what use cases run on; the service closes it.
        settings: `server.threads`, `server.max_body_bytes`, `server.max_upload_bytes`.
        cache_bytes: the most memory that cached answers may take; 0 caches nothing.
    """

    def __init__(self, yard: Yard, settings: Settings, *, cache_bytes: int) -> None:
        self.yard = yard
        self.max_body_bytes: int = settings["server.max_body_bytes"]
        self.max_upload_bytes: int = settings["server.max_upload_bytes"]
        threads: int = settings["server.threads"]
        self._use_cases = ThreadPoolExecutor(threads, thread_name_prefix="modelyard-use-case")
        self._hot = ThreadPoolExecutor(HOT_THREADS, thread_name_prefix="modelyard-hot")
        self._transfers = ThreadPoolExecutor(threads, thread_name_prefix="modelyard-transfer")
        self.watch = ChangeWatch(yard.database)
        self.ending = threading.Event()
        """Set when the server ends: who waits for something stops waiting."""
        self.served: Callable[[], Awaitable[object]] | None = None
        """Waits until this process serves what the database says; whoever changed a route wants to see it served."""
        self.cache = AnswerCache(self.watch.count, limit=cache_bytes)

    async def answered(
        self, operation: Operation[Any, Any], request: object, *, principal: Principal, idempotency_key: str = ""
    ) -> Answer:
        """Run an operation and encode its answer, in a thread; those that read or delete files count as transfers."""
        pool = self._transfers if operation.long else self._hot if operation is RESOLVE else self._use_cases
        call = partial(self._answer, operation, request, principal, idempotency_key)
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short call that may wait for the database."""
        return await asyncio.get_running_loop().run_in_executor(self._use_cases, partial(call, *args, **kwargs))

    def transfer(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Begin a call that moves bytes."""
        return asyncio.get_running_loop().run_in_executor(self._transfers, partial(call, *args, **kwargs))

    def _answer(self, operation: Operation[Any, Any], request: object, principal: Principal, key: str) -> Answer:
        record = perform(self.yard, operation, request, principal=principal, idempotency_key=key)
        return answer(record, permission=operation.permission, status=operation.status)

    def close(self) -> None:
        """End the threads once their work is done, and close the database."""
        self._use_cases.shutdown()
        self._hot.shutdown()
        self._transfers.shutdown()
        self.watch.close()
        self.yard.database.close()


async def whole_body(receive: Receive, limit: int) -> bytes:
    """Read a request's body.

    Raises:
        TooLarge: it is longer than `limit` bytes.
        ConnectionError: the client went away.
    """
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError("the client went away")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


def too_large(limit: int) -> TooLarge:
    """The error of a body that is over its limit of bytes."""
    return TooLarge(
        f"the body is larger than {limit} bytes", hint="files are sent to /api/models/upload; see server.max_body_bytes"
    )
