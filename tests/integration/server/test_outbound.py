"""Sending webhooks over HTTP: which places are reached, and how long they may take."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from components.receiver import Receiver
from modelyard import verify_webhook
from modelyard.domain.posting import Parcel
from modelyard.domain.webhooks import new_secret
from modelyard.outside.outbound import LONGEST_ANSWER, Outbound, is_public

SECRET = new_secret(b"x" * 32)


def parcel(url: str) -> Parcel:
    return Parcel(
        delivery=1, webhook="wh_1", model_id="md_1", url=url, message_id="msg_1_1", body=b"{}", secrets=(SECRET,),
        attempts=1, created_at="2026-03-01T12:00:00.000000Z", claimed_until="2026-03-01T12:00:00.000000Z",
    )  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::", "::1", "fe80::1",
        "fe80::1%eth0", "fec0::1", "fc00::1", "fd00::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "nonsense", "",
    ],
)  # fmt: skip
def test_a_place_that_is_not_public_is_known(place):
    assert not is_public(place)


@pytest.mark.parametrize(
    "place", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_a_public_place_is_known(place):
    assert is_public(place)


@pytest.mark.feature("EXP-05")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_refused_however_it_is_written(host):
    with Receiver() as receiver:
        outbound = Outbound(allow_private=False, timeout=2)
        reply = outbound(parcel(f"http://{host}:{receiver.port}/"))
        outbound.close()
        assert reply.status is None
        assert reply.error
        assert receiver.heard == []


def test_the_address_that_was_checked_is_the_one_that_is_reached(monkeypatch):
    asked = []
    real = socket.getaddrinfo

    def once(host, *rest, **more):
        if host == "rebinding.example.com":
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "203.0.113.1", *rest, **more)
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    with Receiver() as receiver:
        outbound = Outbound(allow_private=True, timeout=2)
        assert outbound(parcel(f"http://rebinding.example.com:{receiver.port}/x?y=1")).status == 204
        outbound.close()
        (heard,) = receiver.heard
    assert asked == ["rebinding.example.com"]
    assert (heard.headers["host"], heard.path) == (f"rebinding.example.com:{receiver.port}", "/x?y=1")
    asked.clear()
    assert (
        "no public address" in Outbound(allow_private=False, timeout=2)(parcel("http://rebinding.example.com/")).error
    )


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with Receiver() as receiver:
        assert Outbound(allow_private=True, timeout=2)(parcel(receiver.url)).status == 204


class Talker:
    """A server that reads a request and then talks on its own terms."""

    def __init__(self, talk, context: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(target=self._run, args=(talk, context), daemon=True)
        self._thread.start()

    def _run(self, talk, context) -> None:
        try:
            plain, _ = self._listener.accept()
            with plain, context.wrap_socket(plain, server_side=True) if context else plain as connection:
                heard = b""
                while not heard.endswith(b"{}"):
                    heard += connection.recv(1 << 16)
                talk(connection)
        except OSError:
            pass

    def stop(self) -> None:
        self._listener.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("head", [b"HTTP/1.1 500 No\r\nX-Long: ", b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n"])
def test_an_attempt_ends_however_slowly_the_receiver_talks(head):
    over = threading.Event()

    def drip(connection):
        connection.sendall(head)
        while not over.wait(0.05):
            connection.sendall(b"x")

    talker = Talker(drip)
    begun = time.monotonic()
    reply = Outbound(allow_private=True, timeout=0.5)(parcel(talker.url))
    assert time.monotonic() - begun < 5
    assert reply.error if reply.status is None else reply.status == 500
    over.set()
    talker.stop()


def test_of_an_answer_only_the_beginning_is_read():
    def flood(connection):
        connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            connection.sendall(b"a\n\x1b" * 30_000)

    talker = Talker(flood)
    reply = Outbound(allow_private=True, timeout=10)(parcel(talker.url))
    assert reply.status == 500
    assert reply.error.isprintable()
    assert 100 < len(reply.error) < LONGEST_ANSWER + 100
    talker.stop()


@pytest.mark.parametrize("talk", [b"", b"HTTP/1.1 200", b"no HTTP at all\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n"])
def test_what_is_no_answer_is_a_failed_attempt(talk):
    talker = Talker(lambda connection: connection.sendall(talk))
    reply = Outbound(allow_private=True, timeout=2)(parcel(talker.url))
    assert reply.status in {None, 101}
    talker.stop()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")
@pytest.mark.parametrize(("name", "taken"), [("hook.example.com", True), ("other.example.com", False)])
def test_a_certificate_is_checked_against_the_name(tmp_path, monkeypatch, name, taken):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=hook.example.com", "-addext", "subjectAltName=DNS:hook.example.com"],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1" if "example" in host else host, *a, **k)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    talker = Talker(lambda connection: connection.sendall(b"HTTP/1.1 204 Yes\r\n\r\n"), context)
    reply = Outbound(allow_private=True, timeout=5)(parcel(f"https://{name}:{talker.port}/"))
    assert (reply.status == 204) is taken, reply.error
    talker.stop()


def test_the_signature_is_one_that_receivers_take():
    with Receiver() as receiver:
        Outbound(allow_private=True, timeout=2)(parcel(receiver.url))
        (heard,) = receiver.heard
    assert verify_webhook(SECRET, heard.headers, heard.body) == {}
