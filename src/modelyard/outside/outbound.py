"""Sends webhooks and alerts over HTTP, to places that it is allowed to reach.

Rules
- A name is looked up once, its addresses are checked, and the connection goes to an address that was checked. A name
  that points elsewhere a moment later (DNS rebinding) changes nothing.
- Addresses of this machine and of private networks are refused unless `webhooks.allow_private` is set: whoever may make
  a webhook must not reach what only the server can reach. Refused are all that are not global unicast, also where an
  IPv6 address stands for such an IPv4 one.
- Redirects are not followed, proxies of the environment are not used (they would look the name up again), and no
  connection is used for a second request.
- No log holds an address: the HTTP client would log each, and some are secrets.
- An attempt ends after `webhooks.timeout_s` as a whole, however slowly the receiver answers; of its answer only the
  beginning is read.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelyard._version import __version__
from modelyard.config import Settings
from modelyard.domain.posting import Parcel, Reply, headers_of
from modelyard.domain.webhooks import Address, address_of, is_delivered
from modelyard.errors import InvalidRequest

if TYPE_CHECKING:
    import httpx2

LONGEST_ANSWER = 2_000
LONGEST_WISH = 7
"""Digits of a `Retry-After` that are believed."""
MOST_ADDRESSES = 3
"""Addresses of one name that are tried."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPv4_BITS = 0xFFFFFFFF


_sending: ContextVar[bool] = ContextVar("sending", default=False)
"""Whether what this thread sends goes to a place that is nobody else's business."""


def _is_told(_record: logging.LogRecord) -> bool:
    return not _sending.get()


logging.getLogger("httpx2").addFilter(_is_told)


class Refused(OSError):
    """The receiver is at a place that may not be reached."""


class Outbound:
    """Sends parcels; safe to use from several threads.

    Args:
        allow_private: whether receivers may be on this machine or in a private network.
        timeout: seconds for an attempt.
        setting: the name of the setting that allows it, for messages.
    """

    def __init__(
        self, *, allow_private: bool, timeout: float, setting: str = "webhooks.allow_private"
    ) -> None:  # fmt: skip
        self._allow_private, self._setting = allow_private, setting
        self.timeout = timeout
        self._making = threading.Lock()

    def __call__(self, parcel: Parcel) -> Reply:
        """Send a parcel and wait for the answer; what goes wrong on the way stands in the reply."""
        try:
            signed = headers_of(parcel, int(time.time()))
        except InvalidRequest as error:
            return Reply(error=str(error))
        return self.post(parcel.url, parcel.body, signed)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, listen: bool = False) -> Reply:
        """Post JSON and wait for the answer; what goes wrong on the way stands in the reply.

        Of a refusal the beginning of the body is read, and of every answer where `listen`.
        """
        import httpx2  # noqa: PLC0415 - most servers have no webhooks, and the import takes long

        try:
            address = address_of(url)
            reply = Reply(error="no address to connect to")
            for place in self.places(address.host, address.port):
                silent = _sending.set(True)
                try:
                    return self._sent(body, headers, address, place, listen=listen)
                except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                    reply = Reply(error=f"{place} cannot be reached: {error}")
                finally:
                    _sending.reset(silent)
        except (Refused, InvalidRequest) as error:
            return Reply(error=str(error))
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
            return Reply(error=f"{type(error).__name__}: {error}")
        return reply

    def close(self) -> None:
        """End what is open."""
        with self._making:
            client = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()

    def places(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be reached.

        Raises:
            Refused: there are none.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Refused(f"the name {host} cannot be resolved: {error}") from None
        places = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = [place for place in places if self._allow_private or is_public(place)]
        if not allowed:
            raise Refused(f"{host} is {places[0]}, which is no public address; {self._setting} permits such ones")
        return allowed[:MOST_ADDRESSES]

    def check_place(self, host: str) -> None:
        """Refuse a host that is written as an address which may not be reached; names are looked up when it is sent.

        Raises:
            InvalidRequest: it is such an address, or this machine's name for itself.
        """
        if not self._allow_private and (host == "localhost" or (_is_number(host) and not is_public(host))):
            raise InvalidRequest(
                f"Webhook URL must not resolve to a non-public IP address: {host!r}", hint=f"{self._setting} permits it"
            )

    @cached_property
    def _client(self) -> httpx2.Client:
        import httpx2  # noqa: PLC0415 - see above

        return httpx2.Client(
            trust_env=False,
            verify=httpx2.create_ssl_context(),
            follow_redirects=False,
            timeout=self.timeout,
            limits=httpx2.Limits(max_keepalive_connections=0, max_connections=None),
            headers={"User-Agent": f"modelyard/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
        )

    def _sent(self, body: bytes, headers: Mapping[str, str], address: Address, place: str, *, listen: bool) -> Reply:
        import httpx2  # noqa: PLC0415 - see above

        with self._making:
            client = self._client
        with deadline(self.timeout) as follow:
            host = f"[{address.host}]" if ":" in address.host else address.host
            usual = {"http": 80, "https": 443}[address.scheme]
            request = client.build_request(
                "POST",
                httpx2.URL(
                    scheme=address.scheme, host=place, port=address.port, raw_path=address.target.encode("ascii")
                ),
                content=body,
                headers={
                    "Host": host if address.port == usual else f"{host}:{address.port}",
                    "Content-Type": "application/json",
                    **headers,
                },
                # The certificate is checked against the name, though the connection goes to a number.
                extensions={"sni_hostname": address.host, "trace": follow},
            )
            answer = client.send(request, stream=True)
            try:
                return _judged(answer, listen=listen)
            finally:
                answer.close()


def outside_of(settings: Settings) -> Outbound:
    """What sends alerts, as the `alerts.*` settings say."""
    return Outbound(
        allow_private=settings["alerts.allow_private"],
        timeout=settings["alerts.timeout_s"],
        setting="alerts.allow_private",
    )


def _judged(answer: httpx2.Response, *, listen: bool) -> Reply:
    """The reply that an answer stands for; of a refusal, with the beginning of its body."""
    if is_delivered(answer.status_code) and not listen:
        return Reply(status=answer.status_code)
    body = b""
    with suppress(Exception):  # The status tells enough where the body cannot be read.
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) >= LONGEST_ANSWER:
                break
    text = body[:LONGEST_ANSWER].decode("utf-8", "replace")
    told = "".join(character if character.isprintable() else " " for character in text).strip()
    error = f"status {answer.status_code}: {told}" if told else ""
    wish = _wish(answer.headers.get("retry-after", ""))
    return Reply(status=answer.status_code, error=error, retry_after=wish, body=text)


def _wish(text: str) -> float:
    """The seconds of a `Retry-After` header; 0 where it gives none, or a date, which clocks would have to agree on."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < LONGEST_WISH else 0.0


@contextmanager
def deadline(seconds: float) -> Iterator[Any]:
    """Cut the connections of a request when its time is over; gives the hook that learns of them.

    The HTTP client knows limits for each step only, and a receiver may take many steps.
    """
    opened: list[socket.socket] = []
    lock = threading.Lock()
    over = False

    def follow(event: str, facts: dict[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            with lock:
                opened.append(facts["return_value"].get_extra_info("socket"))
                if over:
                    _cut(opened)

    def end() -> None:
        nonlocal over
        with lock:
            over = True
            _cut(opened)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield follow
    finally:
        timer.cancel()


def _cut(opened: list[socket.socket]) -> None:
    for connection in opened:
        with suppress(OSError, ssl.SSLError):
            connection.shutdown(socket.SHUT_RDWR)


def _is_number(host: str) -> bool:
    """Whether a host is written as an address rather than a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_public(place: str) -> bool:
    """Whether an address is one of the public internet, and stands for no other one that is not."""
    try:
        address = ipaddress.ip_address(place.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & _IPv4_BITS)))
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if address.is_site_local or not _is_public_inside(address):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _is_public_inside(address: ipaddress.IPv6Address) -> bool:
    """Whether the addresses that an address of 6to4 or Teredo carries inside are public too."""
    inner = [address.sixtofour, *(address.teredo or ())]
    return all(one is None or is_public(str(one)) for one in inner)
