"""HTTP to a server of somebody else: connections, patience, repetition, and faults as our errors.

Rules
- Repeated is what may pass: no connection, a connection that broke, and 429, 500, 502, 503 and 504; at most `ATTEMPTS`
  times in all, with a pause that doubles, or the one that the server asks for if it is longer. Who asks says whether a
  request may be repeated after it may have been worked on; one that was never accepted is repeated always.
- Redirects are not followed, so that a credential never travels to another place.
- Proxies of the environment are not used for this machine's own addresses.
- Answers that are read whole are bounded in size, and every answer has to come at a pace: a server that sends a byte
  now and then holds nobody for ever. Only codings that cannot blow up a few bytes to gigabytes at once are decoded.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from modelyard._version import __version__
from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest, ModelyardError, RemoteUnavailable, TimedOut

if TYPE_CHECKING:
    import ssl

    import httpx2

ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 30.0
CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 60.0
CONNECTIONS: Final = 16
LARGEST_ANSWER: Final = 256 << 20
LARGEST_REFUSAL: Final = 64 << 10
PACE_S: Final = 60.0
SLOWEST: Final = 60 << 10
"""Bytes that have to come in every `PACE_S` seconds."""

_CODINGS: Final = "gzip, deflate"

_OK: Final = range(200, 300)
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_NOT_ACCEPTED: Final = frozenset({429, 503})
Result = TypeVar("Result")
Refusal = Callable[[int, bytes], ModelyardError]
"""Makes an error of a status and the beginning of a body."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request. `target` is the path with its query; `body` is made anew for each attempt."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], bytes | Iterable[bytes]] = bytes
    repeatable: bool = True


class Http:
    """Sends requests to one server; safe to use from several threads.

    Args:
        url: the server, `http://…` or `https://…`, without a slash at its end.
        refusal: makes the error of an answer that is no success.
        headers: sent with every request.
        auth: name and password.
        verify: a file of authorities, or False where any certificate will do.
        transport: what carries the requests instead of the network; for tests.
    """

    def __init__(
        self,
        url: str,
        refusal: Refusal,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        verify: bool | str = True,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        # The HTTP client takes longer to import than all that a command needs otherwise.
        import httpx2  # noqa: PLC0415

        self.url = url
        self._refusal = refusal
        self._closed = threading.Event()
        self._client = httpx2.Client(
            headers={"User-Agent": f"modelyard/{__version__}", "Accept-Encoding": _CODINGS, **(headers or {})},
            auth=auth,
            transport=transport,
            verify=_trusted(url, verify=verify),
            trust_env=not is_loopback(url),
            follow_redirects=False,
            timeout=httpx2.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )

    def close(self) -> None:
        """End the connections, and the pauses before repetitions."""
        self._closed.set()
        self._client.close()

    def whole(self, ask: Ask) -> bytes:
        """Send a request and return the body of the answer.

        Raises:
            ModelyardError: what the server refused; RemoteUnavailable and TimedOut for faults on the way.
        """
        return self.perform(ask, self._body)

    def perform(self, ask: Ask, read: Callable[[httpx2.Response], Result]) -> Result:
        """Send a request and return what `read` makes of the answer, which it gets before the body was read.

        `read` is called again from the beginning when the connection was lost while it read.

        Raises:
            ModelyardError: as in `whole`.
        """
        for attempt in range(1, ATTEMPTS):
            try:
                return self._attempt(ask, read)
            except _Passing as fault:
                pause = max(FIRST_PAUSE_S * 2 ** (attempt - 1), min(fault.pause, LONGEST_PAUSE_S))
                if not (ask.repeatable or fault.never_accepted) or self._closed.wait(pause):
                    raise fault.error from fault.__cause__
        try:
            return self._attempt(ask, read)
        except _Passing as fault:
            raise fault.error from fault.__cause__

    def _attempt(self, ask: Ask, read: Callable[[httpx2.Response], Result]) -> Result:
        with (
            self._faults(),
            self._client.stream(
                ask.method, self.url + ask.target, headers=dict(ask.headers), content=ask.body() or None
            ) as answer,
        ):
            if answer.status_code not in _OK:
                raise self._refused(answer)
            return read(answer)

    def _refused(self, answer: httpx2.Response) -> Exception:
        status = answer.status_code
        error = self._refusal(status, _beginning(answer))
        if status not in _PASSING:
            return error
        return _Passing(
            error, pause=_seconds(answer.headers.get("retry-after", "")), accepted=status not in _NOT_ACCEPTED
        )

    def _body(self, answer: httpx2.Response) -> bytes:
        body = bytearray()
        for chunk in pieces(answer):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise RemoteUnavailable(f"{self.url} answers with more than {LARGEST_ANSWER} bytes", hint="")
        return bytes(body)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn the HTTP client's exceptions into ours."""
        import httpx2  # noqa: PLC0415 - see above

        try:
            yield
        except httpx2.ConnectTimeout as error:
            late = TimedOut(f"{self.url} did not take a connection in {CONNECT_TIMEOUT_S:.0f} s")
            raise _Passing(late, accepted=False) from error
        except httpx2.TimeoutException as error:
            raise _Passing(TimedOut(f"{self.url} did not answer in {ANSWER_TIMEOUT_S:.0f} s")) from error
        except httpx2.ConnectError as error:
            hint = "check the address, and that the server runs"
            fault = RemoteUnavailable(f"{self.url} cannot be reached: {_reason(error)}", hint=hint)
            raise _Passing(fault, accepted=False) from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            fault = RemoteUnavailable(f"{self.url} broke the connection: {_reason(error)}", hint="repeat it later")
            raise _Passing(fault) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise RemoteUnavailable(f"the request to {self.url} failed: {_reason(error)}", hint="") from error


class _Passing(Exception):
    """A fault that may be over at the next attempt, with the error to raise if it is not."""

    def __init__(self, error: ModelyardError, *, pause: float = 0.0, accepted: bool = True) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause
        self.never_accepted = not accepted


def pieces(answer: httpx2.Response) -> Iterator[bytes]:
    """Yield the body of an answer, decoded.

    Raises:
        TimedOut: it comes too slowly to be waited for.
        RemoteUnavailable: it is coded as nobody asked for.
    """
    coding = answer.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity", "gzip", "deflate"}:
        raise RemoteUnavailable(f"{answer.url.host} answers in the coding {shown(coding)}", hint="")
    since, count = time.monotonic(), 0
    for piece in answer.iter_bytes():
        count += len(piece)
        if time.monotonic() - since >= PACE_S:
            if count < SLOWEST:
                raise TimedOut(f"{answer.url.host} sends its answer too slowly: {count} bytes in {PACE_S:.0f} s")
            since, count = time.monotonic(), 0
        yield piece


def _beginning(answer: httpx2.Response) -> bytes:
    """As much of a refusal as anybody reads."""
    body = bytearray()
    for piece in pieces(answer):
        body += piece
        if len(body) >= LARGEST_REFUSAL:
            break
    return bytes(body[:LARGEST_REFUSAL])


def checked_address(text: str, *, hint: str) -> str:
    """Return the address of a server, `http://…` or `https://…`, without a slash at its end.

    Raises:
        InvalidRequest: it is no such address, or it holds a user, a query or a fragment.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise InvalidRequest(f"{shown(text)} is no address: {error}", hint=hint) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidRequest(f"{shown(text)} is not the address of a server", hint=hint)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        # The address may hold a password, so that it is not repeated.
        raise InvalidRequest(f"the address of {parts.hostname} holds a user, a query or a fragment", hint=hint)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host if port is None else f'{host}:{port}'}{parts.path.rstrip('/')}"


def is_loopback(url: str) -> bool:
    """Whether a server is on this machine, judged by its name alone."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _trusted(url: str, *, verify: str | bool) -> ssl.SSLContext:
    """Whom connections trust; nobody, where nothing is encrypted, because reading the authorities takes its time."""
    import ssl  # noqa: PLC0415 - like the HTTP client

    import httpx2  # noqa: PLC0415 - see above

    if url.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if isinstance(verify, bool):
        return httpx2.create_ssl_context(verify=verify)
    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ssl.SSLError) as error:
        raise InvalidRequest(f"{shown(verify)} holds no certificates of authorities: {error}") from error


def _seconds(text: str) -> float:
    """The pause that a server asks for; 0 where it names none, or a date."""
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
