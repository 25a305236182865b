"""The dashboard is served as it was built, to anybody, under a strict policy, and nothing else of the disk is."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from flask import Flask

from components.flask_server import FlaskServer, place
from components.pages_built import ASSET, DOCUMENT, SCRIPT, build
from modelyard.integrations.flask import create_blueprint
from modelyard.server import dashboard
from modelyard.server.dashboard import NOT_BUILT, PAGES

PATHS = Path(__file__).resolve().parents[3] / "web" / "src" / "paths.ts"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types modelyard"
)
ADDRESSES = [re.sub(r"\{\w+\}", "x%20+(1)", page) for page in PAGES]
both = pytest.mark.parametrize("front", ["asgi", "flask"], indirect=True)


@pytest.fixture(scope="module")
def flask_server() -> Iterator[FlaskServer]:
    """A WSGI server."""
    running = FlaskServer()
    yield running
    running.stop()


@pytest.fixture
def front(request, tmp_path, monkeypatch, serve_with, flask_server) -> Iterator[httpx2.Client]:
    """A client of a server that wants a token from everybody, with a small dashboard that was built."""
    build(tmp_path / "dashboard")
    monkeypatch.setattr(dashboard, "FOLDER", tmp_path / "dashboard")
    if request.param == "asgi":
        yield serve_with(**{"auth.enabled": True}).client
        return
    with (
        flask_server.serving(tmp_path / "registry", {"auth.enabled": True}) as url,
        httpx2.Client(base_url=url, timeout=60, verify=False) as client,
    ):
        yield client


def asked_for(client: httpx2.Client, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of a path that no client has tidied up."""
    place = urlsplit(str(client.base_url))
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        head = f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head_part, _, body = answer.partition(b"\r\n\r\n")
    return int(head_part.split()[1]), body


def test_the_server_knows_the_pages_that_the_application_has():
    block = re.search(r"export const PATTERNS = \{(.*?)\}", PATHS.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    patterns = re.findall(r'\w+: "([^"]+)"', block[1])
    assert len(patterns) > 10
    assert [re.sub(r":(\w+)", r"{\1}", one) for one in patterns] == list(PAGES)


@both
def test_each_page_is_the_document_and_asks_for_no_token(front):
    assert front.get("/api/models").status_code == 401
    for address in [*ADDRESSES, "/compare?v=fraud%2F1&v=fraud%2F2", "/?q=x"]:
        answer = front.get(address)
        assert (answer.status_code, answer.text) == (200, DOCUMENT), address
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"


@both
def test_every_answer_is_safe(front):
    for address in ("/", "/settings", "/icon.svg", f"/assets/{ASSET}"):
        headers = front.get(address).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["vary"].lower() == "accept-encoding"


@both
def test_what_has_not_changed_is_not_sent_again(front):
    for address in ("/", "/models/fraud", "/icon.svg", f"/assets/{ASSET}"):
        tag = front.get(address).headers["etag"]
        again = front.get(address, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in again.headers
        assert front.get(address, headers={"If-None-Match": 'W/"other"'}).status_code == 200


@both
def test_assets_are_kept_for_good_and_travel_packed(front):
    packed = front.get(f"/assets/{ASSET}")
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert packed.headers["content-type"] == "text/javascript; charset=utf-8"
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == SCRIPT
    assert int(packed.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 9, mtime=0))
    for refusing in ("identity", "gzip;q=0", "br, gzip; q=0.0"):
        plain = front.get(f"/assets/{ASSET}", headers={"Accept-Encoding": refusing})
        assert "content-encoding" not in plain.headers
        assert int(plain.headers["content-length"]) == len(SCRIPT)
    assert front.get("/icon.svg").headers["content-type"] == "image/svg+xml"


@both
def test_head_tells_what_get_would_send(front):
    for address in ("/", "/models/fraud/versions/1.0.0+a", "/icon.svg", f"/assets/{ASSET}"):
        told, sent = front.head(address), front.get(address)
        assert (told.status_code, told.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "cache-control"):
            assert told.headers[name] == sent.headers[name]


@both
def test_nothing_else_is_served(front, tmp_path):
    (tmp_path / "dashboard" / "assets" / "later.js").write_text("made after the start")
    secret = b"not for anybody"
    for path in (
        "/index.html",
        "/assets",
        "/assets/",
        "/assets/later.js",
        "/assets/index.html",
        "/assets/map.js.map",
        "/assets/deeper/x.js",
        "/assets/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e%5csecret.txt",
        f"/assets/{tmp_path}/secret.txt",
        f"/assets/%2f{tmp_path}/secret.txt",
        "/assets/x.js%00.js",
        "/../secret.txt",
        "/.hidden.js",
        "/models",
        "/models/",
        "/models/a/b",
        "/models/a/versions/",
        "/yard",
        "/settings/x",
    ):
        status, body = asked_for(front, path)
        assert status == 404, (path, status)
        assert secret not in body
    assert asked_for(front, "/nowhere")[1].find(b'"code":"not_found"') > 0


@both
def test_who_looks_at_an_address_where_nothing_is_gets_a_page_that_says_so(front):
    looking = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    origin = str(front.base_url).rstrip("/")
    for path in ("/nowhere", "/models", "/models/fraud/", "/models/a/b", "/models/a%2Fb", "/models/%FF/x"):
        answer = front.get(origin + path, headers={**looking, "If-None-Match": "*"})
        assert (answer.status_code, answer.text) == (404, DOCUMENT), path
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-cache"
    for path in ("/api/nowhere", f"/assets/no-{ASSET}"):
        assert front.get(origin + path, headers=looking).json()["code"] == "not_found"
    assert front.post("/nowhere", headers={**looking, "Origin": origin}).json()["code"] == "not_found"


@both
def test_pages_are_only_read(front):
    for address in ("/", "/models/fraud", f"/assets/{ASSET}"):
        answer = front.post(address, headers={"Origin": str(front.base_url).rstrip("/")})
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


@both
def test_the_other_paths_are_what_they_were(front):
    assert front.get("/docs").status_code == 200
    assert front.get("/health").json()["status"] == "ok"
    assert front.get("/v1/models").status_code == 401
    assert front.get("/v2").status_code == 200
    assert front.get("/api/nothing").json()["code"] == "not_found"


@pytest.mark.parametrize("is_broken_off", [False, True])
def test_where_nothing_was_built_the_pages_say_how(tmp_path, monkeypatch, serve_with, is_broken_off):
    if is_broken_off:
        build(tmp_path / "none")
        (tmp_path / "none" / "index.html").unlink()
    monkeypatch.setattr(dashboard, "FOLDER", tmp_path / "none")
    client = serve_with().client
    for address in ADDRESSES:
        assert client.get(address).text == NOT_BUILT
    page = client.get("/")
    assert page.headers["content-security-policy"] == POLICY
    assert "make dashboard" in page.text
    assert "<script" not in page.text
    assert "style" not in page.text
    (link,) = re.findall(r'href="([^"]+)"', page.text)
    assert client.get(link).status_code == 200
    assert client.get("/icon.svg").status_code == 404
    assert client.get(f"/assets/{ASSET}").status_code == 404


def test_a_blueprint_in_another_application_leaves_its_pages_alone(tmp_path, flask_server):
    app = Flask("shop")
    app.add_url_rule("/", "start", lambda: "the shop")
    app.register_blueprint(create_blueprint(place(tmp_path / "registry")), url_prefix="/registry")
    with flask_server.showing(app) as url, httpx2.Client(base_url=url, timeout=60, verify=False) as client:
        assert client.get("/").text == "the shop"
        assert client.get("/settings").status_code == 404
        assert client.get("/registry/settings").json()["code"] == "not_found"
        assert client.get("/registry/health").status_code == 200
