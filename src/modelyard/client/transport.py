"""HTTP to one server: connections, patience, repetition, and the translation of every fault into our errors.

Rules
- Only what is safe to repeat is repeated: GET and HEAD, and whatever carries an Idempotency-Key. Every change gets such
  a key here, unless the caller brought one.
- Repeated is what failed on the way (no connection, connection lost) or with 502, 503 or 504; at most `ATTEMPTS` times
  in all, with a pause that doubles. A timeout is not repeated: whoever waits has waited long enough.
- Redirects are not followed, so that a token never travels to another place.
- Proxies of the environment are not used for this machine's own addresses.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from modelyard.client.address import ServerAddress
from modelyard.client.problems import error_of, is_passing
from modelyard.errors import InvalidRequest, ModelyardError, RemoteUnavailable, TimedOut

if TYPE_CHECKING:
    import ssl

    import httpx2

ATTEMPTS = 4
FIRST_PAUSE_S = 0.2
CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0
CONNECTIONS = 16
LARGEST_PROBLEM = 1 << 20

_REPEATABLE = frozenset({"GET", "HEAD"})
_OK = range(200, 300)
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `body` is made anew for each attempt; `timeout` is seconds for each step, None for no limit."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Callable[[], bytes | Iterable[bytes]] = bytes
    timeout: float | None = ANSWER_TIMEOUT_S


class Transport:
    """Sends requests to one server; safe to use from several threads.

    Args:
        address: the server.
        token: sent as a bearer token, unless it is empty.
        transport: what carries the requests instead of the network; for tests.
    """

    def __init__(
        self, address: ServerAddress, *, token: str = "", transport: httpx2.BaseTransport | None = None
    ) -> None:
        # A registry on a path never needs the HTTP client, whose import takes longer than opening such a registry.
        import httpx2  # noqa: PLC0415

        self.address = address
        self._closed = threading.Event()
        token = _checked(token)
        if token:
            address.warn_of_open_token()
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            transport=transport,
            verify=_authorities(address),
            trust_env=not address.is_loopback,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )

    def close(self) -> None:
        """End the connections, and the pauses before repetitions."""
        self._closed.set()
        self._client.close()

    def perform(self, call: Call, read: Callable[[httpx2.Response], Result]) -> Result:
        """Send a request and return what `read` makes of the answer, which it gets before the body was read.

        `read` is called again from the beginning when the connection was lost while it read.

        Raises:
            ModelyardError: what the server refused, by its class; RemoteUnavailable and TimedOut for faults on the way.
        """
        headers = dict(call.headers)
        if call.method not in _REPEATABLE:
            headers.setdefault("Idempotency-Key", secrets.token_urlsafe(18))
        for attempt in range(1, ATTEMPTS):
            try:
                return self._attempt(call, headers, read)
            except Passing:
                if self._closed.wait(FIRST_PAUSE_S * 2 ** (attempt - 1)):
                    break
        try:
            return self._attempt(call, headers, read)
        except Passing as fault:
            raise fault.error from fault.__cause__

    def _attempt(self, call: Call, headers: dict[str, str], read: Callable[[httpx2.Response], Result]) -> Result:
        with self.opened(call, headers) as answer:
            return read(answer)

    @contextmanager
    def opened(self, call: Call, headers: Mapping[str, str] | None = None) -> Iterator[httpx2.Response]:
        """Send a request once and give the answer, whose body can be read inside the block.

        Raises:
            Passing: a fault that may be over the next time.
            ModelyardError: everything else that goes wrong, as in `perform`.
        """
        body = call.body()
        with (
            self._faults(),
            self._client.stream(
                call.method,
                self.address.url + call.target,
                headers=dict(headers or call.headers),
                content=body or None,
                timeout=self._patience(call.timeout),
            ) as answer,
        ):
            if answer.status_code not in _OK:
                raise self._refusal(answer)
            yield answer

    def rest(self, seconds: float) -> bool:
        """Wait; True if the connections were ended meanwhile."""
        return self._closed.wait(seconds)

    def _patience(self, seconds: float | None) -> httpx2.Timeout:
        import httpx2  # noqa: PLC0415 - see above

        connect = CONNECT_TIMEOUT_S if seconds is None else min(seconds, CONNECT_TIMEOUT_S)
        return httpx2.Timeout(seconds, connect=connect)

    def _refusal(self, answer: httpx2.Response) -> Exception:
        body = b""
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > LARGEST_PROBLEM:
                break
        content_type = answer.headers.get("content-type", "")
        error = error_of(answer.status_code, content_type, body, self.address.url)
        return Passing(error) if is_passing(answer.status_code, content_type, body) else error

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn the HTTP client's exceptions into ours."""
        import httpx2  # noqa: PLC0415 - see above

        url = self.address.url
        try:
            yield
        except httpx2.TimeoutException as error:
            kind = "take a connection" if isinstance(error, httpx2.ConnectTimeout) else "answer"
            raise TimedOut(
                f"{url} did not {kind} in time", hint="repeat it, or open the registry with a longer timeout="
            ) from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            verb = "cannot be reached" if isinstance(error, httpx2.ConnectError) else "broke the connection"
            raise Passing(RemoteUnavailable(f"{url} {verb}: {_reason(error)}")) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise RemoteUnavailable(f"the request to {url} failed: {_reason(error)}") from error


class Passing(Exception):
    """A fault that may be over at the next attempt, with the error to raise if it is not."""

    def __init__(self, error: ModelyardError) -> None:
        super().__init__(str(error))
        self.error = error


def _authorities(address: ServerAddress) -> ssl.SSLContext:
    """Return whom connections trust: nobody, where all is sent to this machine in the clear and by no proxy.

    Reading the list of authorities takes longer than a request.
    """
    import ssl  # noqa: PLC0415 - like the HTTP client

    import httpx2  # noqa: PLC0415 - see above

    if address.is_loopback and not address.encrypted:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.create_ssl_context(trust_env=not address.is_loopback)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _checked(token: str) -> str:
    """The token without blanks around it. The HTTP client would repeat one that no header can hold in its error."""
    text = token.strip()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise InvalidRequest("the token has characters that no token has", hint="check token=, or MODELYARD_TOKEN")
    return text
