"""Requests to servers elsewhere: a pool of connections, time limits, and what can go wrong on the way.

Rules
- A request goes to the address that the version or the server's environment names, and nowhere else: redirects are not
  followed, proxies of the environment are not used, cookies are not kept.
- What fails before the server answered is `BackendLost`: nothing was answered, and asking again does no harm. So is an
  answer that breaks off, as long as none of it was handed on.
- A time limit is `TimedOut`; a certificate that does not hold, or an answer that is no HTTP, is `PredictionFailed`.
- Answers are bounded in size.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelyard._version import __version__
from modelyard.errors import ModelyardError, NotServing, PredictionFailed, TimedOut
from modelyard.runtimes.backend import BackendLost

# It takes longer to import than all of modelyard: only who calls somebody loads it.
if TYPE_CHECKING:
    import aiohttp

LARGEST_ANSWER = 64 << 20
CONNECT_S = 10.0
"""Seconds that a connection may take; a server that is there takes less."""
IDLE_S = 30.0
"""Seconds that an unused connection is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a server answered, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Incoming:
    """An answer that is still arriving.

    Attributes:
        status: HTTP's status.
        headers: by name, of any case.
    """

    def __init__(self, response: aiohttp.ClientResponse, where: str) -> None:
        self._response, self._where = response, where
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives.

        Raises:
            BackendLost, TimedOut, PredictionFailed: it broke off; see the module.
        """
        with _translated(self._where):
            async for piece in self._response.content.iter_any():
                yield piece

    async def whole(self) -> Reply:
        """Wait for the whole answer.

        Raises:
            BackendLost, TimedOut, PredictionFailed: as in `pieces`, or it is larger than `LARGEST_ANSWER`.
        """
        parts, size = [], 0
        async for piece in self.pieces():
            parts.append(piece)
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise PredictionFailed(f"{self._where} answered with more than {LARGEST_ANSWER} bytes")
        return Reply(status=self.status, headers=self.headers, body=b"".join(parts))


class Client:
    """A pool of connections of one event loop.

    Args:
        where: what messages call the server.
        headers: sent with every request.
    """

    def __init__(self, where: str, headers: Mapping[str, str]) -> None:
        self._where = where
        self._headers = {"User-Agent": f"modelyard/{__version__}", "Content-Type": "application/json", **headers}
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Get ready; in the event loop that will ask."""
        if self._session is None:
            import aiohttp

            # How many requests are under way at once is the gateway's to bound.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )

    async def close(self) -> None:
        """End all connections; harmless when repeated."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(
        self, method: str, url: str, body: bytes | None, *, timeout_s: float, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and wait for the whole answer, `timeout_s` seconds at most.

        Raises:
            BackendLost, TimedOut, PredictionFailed: as the module says; any status is an answer.
            NotServing: the pool is closed.
        """
        import aiohttp

        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s))
        async with self._request(method, url, body, limits, headers) as incoming:
            return await incoming.whole()

    @asynccontextmanager
    async def stream(
        self, url: str, body: bytes, *, timeout_s: float, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Incoming]:
        """Send a request whose answer is read as it arrives; each pause in it lasts `timeout_s` seconds at most.

        Raises:
            BackendLost, TimedOut, PredictionFailed, NotServing: as in `ask`.
        """
        import aiohttp

        limits = aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT_S, timeout_s), sock_read=timeout_s)
        async with self._request("POST", url, body, limits, headers) as incoming:
            yield incoming

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        limits: aiohttp.ClientTimeout,
        headers: Mapping[str, str] | None,
    ) -> AsyncIterator[Incoming]:
        if self._session is None:
            raise NotServing(f"the connection to {self._where} is closed")
        with _translated(self._where):
            asked = self._session.request(
                method, url, data=body, headers=headers, timeout=limits, allow_redirects=False
            )
            async with asked as response:
                yield Incoming(response, self._where)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Turn what the HTTP client raises into errors of the tree."""
    import aiohttp

    try:
        yield
    except ModelyardError:
        # Some errors of the tree are errors of Python too, such as ValueError, and say what they mean already.
        raise
    except aiohttp.ConnectionTimeoutError as error:
        raise BackendLost(f"{where} cannot be reached: it takes no connection") from error
    except TimeoutError as error:
        raise TimedOut(f"{where} did not answer in time", hint="allow more time, or ask for less") from error
    except aiohttp.ClientSSLError as error:
        raise PredictionFailed(f"the certificate of {where} does not hold: {error}") from error
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as error:
        raise BackendLost(f"{where} cannot be reached, or broke off: {_words(error)}") from error
    except (aiohttp.ClientError, asyncio.LimitOverrunError, ValueError) as error:
        raise PredictionFailed(f"{where} did not answer as a server does: {_words(error)}") from error


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:300]
