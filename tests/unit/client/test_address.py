"""The address of a server."""

from __future__ import annotations

import pytest

from modelyard.client.address import ServerAddress, is_address
from modelyard.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:5000", "http://localhost:5000"),
        (" HTTPS://Models.Example.org/registry/ ", "https://models.example.org/registry"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
    ],
)
def test_an_address_is_read(text, url):
    assert is_address(text)
    assert ServerAddress.parse(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "ftp://host",
        "http://host:port",
        "http://host:99999",
        "http://[::1",
        "http://host?x=1",
        "http://host#x",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidRequest):
        ServerAddress.parse(text)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(InvalidRequest) as caught:
        ServerAddress.parse("https://ann:secret@host")
    assert "secret" not in str(caught.value)
    assert "token" in caught.value.hint


@pytest.mark.parametrize("text", ["./registry", "/srv/http", "sqlite:///x.db", "postgresql://host/name", "https"])
def test_paths_and_databases_are_no_addresses(text):
    assert not is_address(text)


@pytest.mark.parametrize(
    ("text", "local"),
    [("http://127.0.0.9", True), ("http://[::1]", True), ("http://a.localhost", True), ("http://10.0.0.1", False),
     ("http://localhost.example.org", False)],
)  # fmt: skip
def test_loopback_is_told_by_the_name(text, local):
    assert ServerAddress.parse(text).is_loopback is local


def test_a_token_that_anybody_can_read_is_warned_of(recwarn):
    ServerAddress.parse("http://127.0.0.1").warn_of_open_token()
    ServerAddress.parse("https://example.org").warn_of_open_token()
    assert not recwarn.list
    with pytest.warns(UserWarning, match="without encryption"):
        ServerAddress.parse("http://example.org").warn_of_open_token()
