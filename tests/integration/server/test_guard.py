"""The guard: other people's web pages cannot use the server through a user's browser."""

from __future__ import annotations

import pytest

from modelyard.domain.permissions import LOCAL as EVERYBODY
from modelyard.domain.permissions import Principal
from modelyard.errors import PermissionDenied, Unauthenticated
from modelyard.server.auth import PRINCIPAL, Guard, authorise, is_loopback


def scope(method: str = "GET", **headers: str) -> dict[str, object]:
    """The part of an ASGI scope that the guard looks at."""
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "method": method, "headers": pairs}


LOCAL = [
    "localhost",
    "localhost:5000",
    "LOCALHOST:5000",
    "127.0.0.1",
    "127.0.0.1:5000",
    "127.8.8.8",
    "[::1]:5000",
    "[::1]",
    "a.localhost:1",
]
FOREIGN = [
    "evil.example",
    "evil.example:5000",
    "127.0.0.1.evil.example",
    "localhost.evil.example:5000",
    "10.0.0.1",
    "[::2]:5000",
    "0.0.0.0",
    "a@127.0.0.1",
    "127.0.0.1:5000:1",
]


@pytest.mark.parametrize("host", LOCAL)
def test_names_of_this_machine_pass(host):
    Guard("127.0.0.1").check(scope(host=host))


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_was_made_to_point_here_is_refused(host):
    guard = Guard("127.0.0.1")
    for _ in range(2):
        with pytest.raises(PermissionDenied):
            guard.check(scope(host=host))


def test_a_server_for_other_machines_takes_their_names():
    Guard("0.0.0.0").check(scope(host="registry.example:5000"))
    Guard("registry.example").check(scope(host="registry.example"))


def test_the_name_that_the_server_was_started_with_passes():
    Guard("LocalHost").check(scope(host="localhost:5000"))


def test_two_hosts_are_refused():
    doubled = scope(host="localhost")
    doubled["headers"] *= 2  # type: ignore[operator]
    with pytest.raises(PermissionDenied):
        Guard("127.0.0.1").check(doubled)


def test_the_memory_of_hosts_is_bounded():
    guard = Guard("0.0.0.0")
    for number in range(1000):
        guard.check(scope(host=f"h{number}.example"))
    assert len(guard._known) <= 100


WRITES = ["POST", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"origin": "http://localhost:5000.evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example", "sec_fetch_site": "same-origin"},
    ],
)
def test_a_write_from_another_page_is_refused(method, headers):
    with pytest.raises(PermissionDenied):
        Guard("127.0.0.1").check(scope(method, host="localhost:5000", **headers))


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:5000"},
        {"origin": "http://LOCALHOST:5000"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_a_write_from_a_program_or_from_an_own_page_passes(method, headers):
    Guard("127.0.0.1").check(scope(method, host="localhost:5000", **headers))


def test_over_http_the_refusal_is_a_problem_with_a_hint(client):
    for answer in (
        client.get("/api/models", headers={"Host": "evil.example"}),
        client.get("/api/models/x/resolve", headers={"Host": "evil.example"}),
        client.post("/api/models/register", json={"name": "evil"}, headers={"Origin": "https://evil.example"}),
        client.post("/api/models/upload?name=evil&filename=m", content=b"x", headers={"Sec-Fetch-Site": "cross-site"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert answer.json()["hint"]
    assert client.get("/api/models/evil").status_code == 404
    assert client.get("/api/models", headers={"Origin": "https://evil.example"}).status_code == 200


def test_a_route_that_names_no_permission_is_nobodys():
    with pytest.raises(PermissionDenied):
        authorise({}, "")
    with pytest.raises(Unauthenticated):
        authorise({}, "model.read")
    with pytest.raises(PermissionDenied):
        authorise({PRINCIPAL: Principal(name="nobody", proven=True)}, "model.read")
    assert authorise({PRINCIPAL: EVERYBODY}, "model.read") is EVERYBODY


@pytest.mark.parametrize(
    ("host", "local"),
    [("::1", True), ("127.1.2.3", True), ("localhost.", True), ("::", False), ("", False), ("example", False)],
)
def test_loopback(host, local):
    assert is_loopback(host) is local
