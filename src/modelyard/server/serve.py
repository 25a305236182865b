"""Runs the server: a socket, uvicorn around the application, and a clean end.

Rules
- Beyond this machine only where callers have to prove who they are (`auth.enabled`), or with `insecure`.
- SIGTERM and SIGINT stop taking connections, let requests end for up to `DRAIN_SECONDS`, and close the database.
- Nothing here or below asks how many processes serve one registry.
"""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from modelyard.bootstrap import open_yard
from modelyard.config import Settings
from modelyard.errors import InvalidConfig, PermissionDenied
from modelyard.registry.tokens import anybody_can_prove
from modelyard.server.app import create_app
from modelyard.server.auth import is_loopback

DRAIN_SECONDS = 30
HOW_TO_BEGIN = "`modelyard --registry FOLDER token create admin --role admin` makes one"
_BACKLOG = 2048
_log = logging.getLogger("modelyard.server")


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    insecure: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a registry until a signal ends it.

    Args:
        settings: which registry, and the `server.*` settings.
        host: the address to listen on, instead of `server.host`.
        port: the port, instead of `server.port`; 0 takes a free one.
        insecure: whether to listen to other machines although everyone there is an administrator.
        on_ready: called with the server's URL once it answers.

    Raises:
        PermissionDenied: the address is not this machine's alone, and neither `insecure` nor `auth.enabled` is set.
        InvalidConfig: the address cannot be used, or the port is taken.
        RegistryUnusable: the registry cannot be opened.
    """
    host = settings["server.host"] if host is None else host
    port = settings["server.port"] if port is None else port
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("modelyard").setLevel(settings["logging.level"].upper())
    asks = settings["auth.enabled"]
    listener = bind(host, port, insecure=insecure or asks)
    try:
        yard = open_yard(settings, expose_paths=False)
        if asks and not anybody_can_prove(yard):
            _log.warning("callers have to prove who they are, and there is no token yet: %s", HOW_TO_BEGIN)
        app = create_app(yard, settings, host=host)
        server = Server(
            configuration(app), on_ready=lambda: on_ready and on_ready(url_of(host, listener)), on_end=app.interrupt
        )
        server.run(sockets=[listener])
    finally:
        listener.close()


def configuration(app: object) -> uvicorn.Config:
    """How uvicorn runs the application: on uvloop and httptools where they exist, without an access log."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        lifespan="on",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=_BACKLOG,
    )


class Server(uvicorn.Server):
    """uvicorn that says when it is ready, and returns after a signal instead of dying of it."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_ready: Callable[[], object],
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._on_ready, self._on_end = on_ready, on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell, then end: requests that last for ever would be waited for."""
        self._on_end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into a clean end, without raising them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind(host: str, port: int, *, insecure: bool = False) -> socket.socket:
    """A socket that listens on an address; errors as in `serve`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InvalidConfig(f"the host {host!r} is no address of this machine: {error}", hint="use 127.0.0.1") from None
    family, _kind, _protocol, _name, address = found[0]
    if not insecure and not is_loopback(str(address[0])):
        raise PermissionDenied(
            f"{host} can be reached from other machines, and everyone who reaches this server is its administrator",
            hint="listen on 127.0.0.1, set auth.enabled, or start it with --insecure if the network is trusted",
        )
    # With its protocol named, asyncio too switches Nagle's delay off on each connection; small answers must not wait.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the method takes it by position only
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from None
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> InvalidConfig:
    if error.errno == errno.EADDRINUSE:
        return InvalidConfig(
            f"port {port} of {host} is in use", hint="end the other server, or choose a port with --port"
        )
    if error.errno == errno.EACCES:
        return InvalidConfig(f"port {port} needs more rights than this user has", hint="choose a port from 1024 on")
    return InvalidConfig(
        f"cannot listen on {host}, port {port}: {error.strerror}", hint="check server.host and server.port"
    )


def url_of(host: str, listener: socket.socket) -> str:
    """The URL under which a listening socket is reached."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
