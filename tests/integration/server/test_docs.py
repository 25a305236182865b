"""The documentation page works without a network, and health tells the truth."""

from __future__ import annotations

import re

import pytest

from modelyard.errors import DatabaseUnavailable
from modelyard.server.pages import FILES


@pytest.mark.feature("EXP-38", "EXP-40")
def test_the_page_needs_nothing_from_elsewhere(client):
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 5
    assert not re.search(r"https?://|<script>|style=", page.text)
    for link in [*links, "docs/openapi.json"]:
        answer = client.get(f"/{link}")
        assert (answer.status_code, len(answer.content) > 50) == (200, True), link
        assert answer.headers["x-content-type-options"] == "nosniff"
    started = client.get("/docs/start.js").text
    assert 'url: "docs/openapi.json"' in started
    assert "validatorUrl: null" in started


def test_the_policy_of_the_page_allows_scripts_of_this_server_only(client):
    for path in ("/docs", "/openapi.json", *(f"/docs/{file}" for file in FILES)):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "http" not in policy


def test_the_viewer_gets_the_document_in_words_that_it_knows(client):
    document, viewed = client.get("/openapi.json").json(), client.get("/docs/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    # The viewer refuses whatever does not begin with 3.0.
    assert viewed["openapi"].startswith("3.0.")
    assert set(viewed["paths"]) == set(document["paths"])
    assert set(viewed["components"]["schemas"]) == set(document["components"]["schemas"])
    assert "'null'" in str(document)
    assert "'null'" not in str(viewed)
    parent = viewed["components"]["schemas"]["VersionRecord"]["properties"]["parent_id"]
    assert (parent["type"], parent["nullable"]) == ("string", True)


def test_health(client):
    assert client.get("/health").json()["status"] == "ok"
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "database": "ok", "store": "ok"})


def test_a_server_without_its_database_lives_and_is_not_ready(serve_with, monkeypatch):
    server = serve_with()

    def away(*_: object) -> None:
        raise DatabaseUnavailable("the database does not answer")

    monkeypatch.setattr(server.yard.database, "read", away)
    assert server.client.get("/health").status_code == 200
    ready = server.client.get("/health/ready")
    assert (ready.status_code, ready.json()["code"]) == (503, "database_unavailable")
