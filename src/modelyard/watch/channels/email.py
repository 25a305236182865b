"""E-mail over SMTP, with STARTTLS or TLS from the first byte, and a login where the channel names one.

Rules
- The name of the mail server is looked up once, and the connection goes to an address that was checked; the certificate
  is checked against the name. Without the TLS that the channel asks for, nothing is sent.
- An attempt ends after the time that it has as a whole, however slowly the server speaks.
- The message id is the same at every attempt, so that a mail that comes twice is known as one.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime

from modelyard.domain.alerts import TEST
from modelyard.domain.durations import parsed
from modelyard.domain.wire import AlertNotice, Channel
from modelyard.watch.channels.message import Message, Outside, Result, about, headline, line_of, shown, variable

_LONGEST_SUBJECT = 200


class _Unreachable(OSError):
    """There is no connection to an address; another one of the same name may do."""


class _Smtp(smtplib.SMTP):
    """SMTP over a connection to an address that was checked already."""

    def __init__(self, place: str, host: str, port: int, timeout: float) -> None:
        self._place = place
        # Without a name of its own, the library would ask the name service for one, which may take long.
        super().__init__(host, port, local_hostname="localhost.localdomain", timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        del host  # It was looked up and checked before; asking again could give another answer.
        try:
            return socket.create_connection((self._place, port), timeout)
        except OSError as error:
            raise _Unreachable(str(error)) from error


class _SmtpTls(_Smtp):
    """The same with TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except (OSError, ValueError):
            plain.close()
            raise


def send(outside: Outside, channel: Channel, message: Message, environ: Mapping[str, str]) -> Result:
    """Send a mail; see `Sender`. Where some of several recipients are refused, it counts as sent, and says so."""
    password = variable(environ, channel.password_env)
    result = Result(error="no address to connect to")
    try:
        for place in outside.places(channel.host, channel.port):
            try:
                refused = _sent(place, channel, mail_of(channel, message), password, outside.timeout)
            except _Unreachable as error:
                result = Result(error=f"{place} cannot be reached: {error}")
                continue
            return Result(sent=True, error=f"refused: {', '.join(sorted(refused))}" if refused else "")
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return Result(error=f"{type(error).__name__}: {error}")
    return result


def _sent(
    place: str, channel: Channel, mail: EmailMessage, password: str, timeout: float
) -> Mapping[str, tuple[int, bytes]]:
    kind = _SmtpTls if channel.tls == "tls" else _Smtp
    with _cut_after(timeout) as watch, kind(place, channel.host, channel.port, timeout) as smtp:
        watch(smtp)
        if channel.tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if channel.username:
            smtp.login(channel.username, password)
        refused: Mapping[str, tuple[int, bytes]] = smtp.send_message(mail)
        return refused


@contextmanager
def _cut_after(seconds: float) -> Iterator[_Watch]:
    """Cut a connection when its time is over; the library knows limits for each step only."""
    watch = _Watch()
    timer = threading.Timer(seconds, watch.cut)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()


class _Watch:
    """The connection that is to be cut, once there is one."""

    def __init__(self) -> None:
        self._smtp: smtplib.SMTP | None = None
        self._over = False
        self._lock = threading.Lock()

    def __call__(self, smtp: smtplib.SMTP) -> None:
        """Watch a connection; cut it at once where the time is over."""
        with self._lock:
            self._smtp = smtp
            over = self._over
        if over:
            self.cut()

    def cut(self) -> None:
        """Cut it."""
        with self._lock:
            self._over = True
            connection = self._smtp.sock if self._smtp is not None else None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def mail_of(channel: Channel, message: Message) -> EmailMessage:
    """The mail that a message becomes."""
    mail = EmailMessage()
    mail["Subject"] = _one_line(headline(message))[:_LONGEST_SUBJECT]
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.recipients)
    mail["Date"] = format_datetime(parsed(message.at))
    mail["Message-ID"] = f"<{message.id}@{channel.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    notices, rest = shown(message)
    mail.set_content("\n\n".join([*(_text(one) for one in notices), *([rest] if rest else [])]) + "\n")
    return mail


def _text(notice: AlertNotice) -> str:
    if notice.event == TEST:
        return notice.summary
    lines = [line_of(notice), f"  {notice.summary}", f"  about: {about(notice)}", f"  since: {notice.started_at}"]
    return "\n".join([*lines, f"  alert: {notice.alert}"])


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
