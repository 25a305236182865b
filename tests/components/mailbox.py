"""A real SMTP server that keeps the mails that it takes, with TLS on a certificate of its own and a login if wanted."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelyard.runtimes.loop import LoopThread

USER, PASSWORD = "alerts", "correct horse"


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 and localhost, which signs itself, and its key; both are files."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server with this certificate speaks TLS by."""
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(self.certificate, self.key)
        return made


def certificate(folder: Path) -> Certificate:
    """Make a certificate in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(made.public_bytes(pem))
    (folder / "server.key").write_bytes(key.private_bytes(pem, *plain))
    return Certificate(folder / "server.pem", folder / "server.key")


class Mailbox:
    """Listens on a free port of 127.0.0.1.

    Args:
        proof: the certificate to speak TLS by; without one there is no TLS.
        implicit: whether it speaks TLS from the first byte, and not by STARTTLS.
        login: whether people have to log in, as `USER` with `PASSWORD`, after STARTTLS.
        refused: recipients that it does not take.
        full: what it answers to every mail, instead of taking it.
    """

    def __init__(
        self,
        proof: Certificate | None = None,
        *,
        implicit: bool = False,
        login: bool = False,
        refused: tuple[str, ...] = (),
        full: str = "",
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self._refused, self.full = refused, full
        self._options: dict[str, Any] = {"hostname": "mailbox", "enable_SMTPUTF8": True}
        context = proof.context() if proof is not None else None
        if context is not None and not implicit:
            self._options |= {"tls_context": context, "require_starttls": True}
        if login:
            self._options |= {"authenticator": _authenticate, "auth_required": True}
        self._loop = LoopThread("mailbox")
        self._server = self._loop.run(self._listening(context if implicit else None))
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _listening(self, context: ssl.SSLContext | None) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(self, loop=loop, **self._options), "127.0.0.1", ssl=context)

    async def handle_RCPT(  # noqa: N802 - the library asks for this name
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if address in self._refused:
            return "550 nobody of this name"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - see above
        """Take a mail, or not."""
        if self.full:
            return self.full
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=default))
        self.recipients.append([str(one) for one in envelope.rcpt_tos])
        return "250 taken"

    def stop(self) -> None:
        """End it; its port refuses connections from now on."""
        self._server.get_loop().call_soon_threadsafe(self._server.close)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _authenticate(_server: object, _session: object, _envelope: object, _way: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)
