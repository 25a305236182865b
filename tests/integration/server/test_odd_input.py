"""Whatever a caller sends, the answer is a 4xx with a code, what was wrong and what to do, and nothing changed."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = {"Content-Type": "application/json"}
REGISTER = "/api/models/register"
DEEP = b'{"name": "x", "tags": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"

BODIES: list[tuple[str, bytes, int, str]] = [
    ("no JSON", b"{name: x}", 400, "invalid_request"),
    ("half a document", b'{"name": "x"', 400, "invalid_request"),
    ("two documents", b'{"name": "x"}{}', 400, "invalid_request"),
    ("an array", b'["x"]', 400, "invalid_request"),
    ("a number", b"17", 400, "invalid_request"),
    ("null", b"null", 400, "invalid_request"),
    ("nothing", b"", 400, "invalid_request"),
    ("blanks", b"  \n ", 400, "invalid_request"),
    ("a form", b"name=x", 400, "invalid_request"),
    ("invalid UTF-8", b'{"name": "\xff\xfe"}', 400, "invalid_request"),
    ("a byte order mark", b'\xef\xbb\xbf{"name": "x"}', 400, "invalid_request"),
    ("NaN", b'{"name": "x", "tags": {"a": NaN}}', 400, "invalid_request"),
    ("an infinite number", b'{"name": "x", "tags": {"a": 1e999}}', 400, "invalid_request"),
    ("a lone surrogate", b'{"name": "\\ud800"}', 400, "invalid_request"),
    ("a lone surrogate inside", b'{"name": "a\\udc00b"}', 400, "invalid_request"),
    ("nested too deep", DEEP, 400, "invalid_request"),
    ("a name that is a number", b'{"name": 7}', 400, "invalid_request"),
    ("a name that is null", b'{"name": null}', 400, "invalid_request"),
    ("a tag that is no text", b'{"name": "x", "tags": {"a": []}}', 400, "invalid_request"),
    ("tags that are a list", b'{"name": "x", "tags": []}', 400, "invalid_request"),
    ("an unknown field", b'{"name": "x", "descripton": "y"}', 400, "invalid_request"),
    ("a field of Python", b'{"name": "x", "__class__": "y"}', 400, "invalid_request"),
    ("an empty name", b'{"name": ""}', 400, "invalid_name"),
    ("NUL in the name", b'{"name": "a\\u0000b"}', 400, "invalid_name"),
    ("a line break in the name", b'{"name": "a\\nb"}', 400, "invalid_name"),
    ("an emoji", b'{"name": "\\ud83d\\ude00"}', 400, "invalid_name"),
    ("a slash", b'{"name": "a/b"}', 400, "invalid_name"),
    ("a reserved word", b'{"name": "versions"}', 400, "invalid_name"),
    ("a path", b'{"name": "../../etc/passwd"}', 400, "invalid_name"),
    ("a name of 10,000", b'{"name": "' + b"x" * 10_000 + b'"}', 400, "invalid_name"),
    ("NUL in the description", b'{"name": "odd", "description": "a\\u0000b"}', 400, "invalid_metadata"),
    ("a tag of a megabyte", b'{"name": "odd", "tags": {"a": "' + b"x" * (1 << 20) + b'"}}', 400, "invalid_metadata"),
    ("a body of 9 MiB", b'{"name": "' + b"x" * (9 << 20) + b'"}', 413, "too_large"),
]

WEAK = b'{"target_stage": "staging", "requirements": {"min_accuracy": 0.99}}'
HUGE = b"1" + b"0" * 400
LONG_KEY = {**JSON, "Idempotency-Key": "k" * 300}

REQUESTS: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    ("GET", "/api/models?limit=0", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?limit=-1", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?limit=100000", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?limit=99999999999999999999999999", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?limit=1e3", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?limit=", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?limit=3&limit=4", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?limt=3", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?page_token=%00", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?page_token=abc", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models?page_token=%FF", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models/versions?stage=nonsense", b"", {}, 400, "invalid_stage"),
    ("GET", "/api/models/versions?stage=%00", b"", {}, 400, "invalid_stage"),
    ("GET", "/api/search", b"", {}, 400, "invalid_request"),
    ("GET", "/api/search?q=", b"", {}, 400, "invalid_request"),
    ("GET", "/api/search?q=%F0%9F%98%80", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models/no-such-model", b"", {}, 404, "model_not_found"),
    ("GET", "/api/models/a%00b", b"", {}, 400, "invalid_name"),
    ("GET", "/api/models/%FF%FE", b"", {}, 400, "invalid_name"),
    ("GET", "/api/models/a%0Ab/resolve", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models/%F0%9F%98%80/resolve", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models//resolve", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models/versions/metadata", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models/odd/01.0.0/metadata", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models/odd/9.9.9/metadata", b"", {}, 404, "version_not_found"),
    ("GET", "/api/models/odd/999999999999999999/metadata", b"", {}, 404, "version_not_found"),
    ("GET", "/api/models/odd/99999999999999999999999999/metadata", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models/odd/18446744073709551616.0.0/metadata", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models/odd@nobody/metadata", b"", {}, 404, "alias_not_found"),
    ("GET", "/api/models/sha256:abc/metadata", b"", {}, 400, "invalid_reference"),
    ("GET", "/api/models/../../../etc/passwd", b"", {}, 404, "not_found"),
    ("GET", "/api/models/..%2F..%2Fetc%2Fpasswd/download", b"", {}, 400, "invalid_reference"),
    ("GET", "/docs/../../app.py", b"", {}, 404, "not_found"),
    ("GET", "/docs/index.html", b"", {}, 404, "not_found"),
    ("GET", "/api/compare?version_a=odd/1", b"", {}, 400, "invalid_request"),
    ("GET", "/api/models/odd/best?metric=nothing", b"", {}, 400, "invalid_metric"),
    ("GET", "/api/models/odd/1/download?path=../../etc/passwd", b"", {}, 404, "artifact_not_found"),
    ("GET", "/api/models/odd/1/download?paht=x", b"", {}, 400, "invalid_request"),
    ("DELETE", "/api/models/odd/1?force=perhaps", b"", {}, 400, "invalid_request"),
    ("PUT", "/api/models/odd/1/stage", b'{"stage": 7}', JSON, 400, "invalid_request"),
    ("PUT", "/api/models/odd/1/stage", b'{"stage": "nowhere"}', JSON, 400, "invalid_stage"),
    ("PUT", "/api/models/odd/1/stage", b'{"stage": "production"}', JSON, 409, "invalid_transition"),
    ("POST", "/api/models/odd/1/promote", WEAK, JSON, 422, "gate_refused"),
    ("PUT", "/api/models/odd/aliases/latest", b'{"version": "1"}', JSON, 400, "invalid_name"),
    ("PUT", "/api/models/odd/aliases/%00", b'{"version": "1"}', JSON, 400, "invalid_name"),
    ("PATCH", "/api/models/odd/1/metrics", b'{"metrics": {"accuracy": "0.9"}}', JSON, 400, "invalid_request"),
    ("PATCH", "/api/models/odd/1/metrics", b'{"metrics": {"accuracy": true}}', JSON, 400, "invalid_request"),
    ("PATCH", "/api/models/odd/1/metrics", b'{"metrics": {"accuracy": 1e400}}', JSON, 400, "invalid_request"),
    ("PATCH", "/api/models/odd/1/metadata", b'{"metadata": {"sample_size": %b}}' % HUGE, JSON, 400, "invalid_metadata"),
    ("PATCH", "/api/models/odd/1/metadata", b'{"metadata": {"extra": [%b]}}' % HUGE, JSON, 400, "invalid_metadata"),
    ("PATCH", "/api/models/odd/1/metadata", b'{"metadata": {"nonsense": 1}}', JSON, 400, "invalid_metadata"),
    ("PATCH", "/api/models/odd/1/metadata", b'{"status": "golden"}', JSON, 400, "invalid_metadata"),
    ("PATCH", "/api/models/odd", b'{"owner": "x"}', {**JSON, "If-Match": 'W/"1"'}, 400, "invalid_request"),
    ("PATCH", "/api/models/odd", b'{"owner": "x"}', {**JSON, "If-Match": '"one"'}, 400, "invalid_request"),
    ("PATCH", "/api/models/odd", b'{"owner": "x"}', {**JSON, "If-Match": '"1", "2"'}, 400, "invalid_request"),
    ("PATCH", "/api/models/odd", b'{"owner": "x"}', {**JSON, "If-Match": '"1'}, 400, "invalid_request"),
    ("PATCH", "/api/models/odd", b'{"owner": "x"}', {**JSON, "If-Match": "9" * 20}, 400, "invalid_request"),
    ("PATCH", "/api/models/odd", b'{"owner": "x"}', {**JSON, "If-Match": '"77"'}, 412, "precondition_failed"),
    ("POST", "/api/models/odd/versions/register", b"{}", {**JSON, "If-Match": '"1"'}, 400, "invalid_request"),
    ("POST", "/api/models/odd/versions/register", b'{"version": "1.0"}', JSON, 400, "invalid_version"),
    ("POST", "/api/models/odd/versions/register", b'{"version": 1.0}', JSON, 400, "invalid_request"),
    ("POST", "/api/models/odd/versions/register", b'{"version": "1.0.0"}', JSON, 409, "version_exists"),
    ("POST", "/api/models/odd/versions/register", b'{"status": "golden"}', JSON, 400, "invalid_metadata"),
    ("POST", "/api/models/odd/versions/register", b'{"stage": "production"}', JSON, 409, "invalid_transition"),
    ("POST", "/api/models/odd/versions/register", b'{"parent": "odd/9.9.9"}', JSON, 404, "version_not_found"),
    ("POST", "/api/models/odd/versions/register", b'{"metrics": {"accuracy": null}}', JSON, 400, "invalid_metric"),
    ("POST", "/api/models/nobody/versions/register", b"{}", JSON, 404, "model_not_found"),
    ("POST", "/api/models/register", b'{"name": "odd"}', JSON, 409, "model_exists"),
    ("POST", "/api/models/register", b'{"name": "odd-key"}', LONG_KEY, 400, "invalid_request"),
    ("POST", "/api/gc", b'{"grace_seconds": -1}', JSON, 400, "invalid_request"),
    ("POST", "/api/gc", b'{"dry_run": "yes"}', JSON, 400, "invalid_request"),
]  # fmt: skip


@pytest.fixture(scope="module")
def odd(client):
    """A model with one version, for requests that are wrong in another way."""
    client.post(REGISTER, json={"name": "odd"})
    answer = client.post(
        "/api/models/upload",
        data={"name": "odd", "version": "1.0.0", "metrics": '{"accuracy": 0.5}'},
        files={"file": ("model.bin", b"weights")},
    )
    assert answer.status_code == 201
    return client


def refused(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem document; gives it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:500]
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["type"] == f"urn:modelyard:error:{code}"
    assert len(answer.content) < 20_000
    return problem


@pytest.mark.parametrize(("what", "body", "status", "code"), BODIES, ids=[row[0] for row in BODIES])
def test_an_odd_body_is_refused_and_changes_nothing(odd, what, body, status, code):
    before = odd.get("/api/stats").json()
    refused(odd.post(REGISTER, content=body, headers=JSON), status, code)
    assert odd.get("/api/stats").json() == before


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    REQUESTS,
    ids=[f"{row[0]} {row[1][:60]} {row[2][:40]!r} {row[3].get('If-Match', '')}" for row in REQUESTS],
)
def test_an_odd_request_is_refused_and_changes_nothing(odd, method, path, body, headers, status, code):
    before = odd.get("/api/stats").json()
    refused(raw(odd, method, path, body, headers), status, code)
    after = odd.get("/api/stats").json()
    # A gate that said no is itself a fact; nothing else leaves a trace.
    assert {**after, "total_events": 0} == {**before, "total_events": 0}
    assert after["total_events"] - before["total_events"] == (code == "gate_refused")


def raw(client: httpx2.Client, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx2.Response:
    """Send a path as it is, which HTTP libraries would tidy up first."""
    place = urlsplit(str(client.base_url))
    lines = [f"{method} {path} HTTP/1.1", f"Host: {place.netloc}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        told = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, content = told.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    pairs = [(field.partition(": ")[0], field.partition(": ")[2]) for field in fields if "transfer-" not in field]
    return httpx2.Response(int(status.split()[1]), headers=pairs, content=content)


def test_the_messages_name_the_field_and_the_next_step(odd):
    problem = refused(odd.post(REGISTER, json={"name": "x", "tags": {"a": {}}}), 400, "invalid_request")
    assert problem["details"]["errors"][0]["field"] == "tags.a"
    problem = refused(odd.post(REGISTER, json={"name": "x", "descripton": "y"}), 400, "invalid_request")
    assert problem["hint"] == "did you mean 'description'?"
    problem = refused(odd.get("/api/models?limt=3"), 400, "invalid_request")
    assert problem["hint"] == "did you mean 'limit'?"


def test_file_names_that_are_not_utf8_are_refused(odd):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xff.bin"\r\n\r\ny\r\n--x--\r\n'
    answer = odd.post("/api/models/upload", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert "UTF-8" in refused(answer, 400, "invalid_request")["detail"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
BODY_PATHS = [
    ("POST", "/api/models/odd/versions/register"),
    ("PATCH", "/api/models/odd/1/metadata"),
    ("PATCH", "/api/models/odd/1/metrics"),
    ("POST", "/api/models/odd/1/promote"),
    ("POST", "/api/compare"),
    ("PUT", "/api/models/odd/aliases/best"),
    ("POST", "/api/models/odd/rollback"),
]
FIELD_NAMES = st.sampled_from(
    [
        *("metrics", "tags", "metadata", "version", "status", "stage", "target_stage", "requirements", "sample_size"),
        *("extra", "input_schema", "reason", "metric_samples", "training_timestamp", "if_match", "description"),
        *("parent", "known_issues"),
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from(BODY_PATHS), body=st.dictionaries(FIELD_NAMES | st.text(max_size=12), json_values, max_size=3)
)
def test_no_json_whatever_makes_a_5xx(odd, where, body):
    method, path = where
    answer = odd.request(method, path, json=body)
    assert answer.status_code < 500, (where, body, answer.text)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reference=st.text(min_size=1, max_size=30),
    tail=st.sampled_from(["resolve", "metadata", "download", "lineage", "versions", "best?metric=accuracy", "compare"]),
    query=st.dictionaries(
        st.sampled_from(["limit", "page_token", "stage", "path", "format", "q"]), st.text(max_size=10), max_size=2
    ),
)
def test_no_path_or_query_whatever_makes_a_5xx(odd, reference, tail, query):
    answer = odd.get(httpx2.URL(f"/api/models/{tail}").join(f"./{_quoted(reference)}/{tail}"), params=query or None)
    assert answer.status_code < 500, (reference, tail, query, answer.text)


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), boundary=st.sampled_from(["x", "----x", "a b"]))
def test_no_bytes_whatever_in_a_form_make_a_5xx(odd, body, boundary):
    content = b"--" + boundary.encode() + b"\r\nContent-Disposition: form-data; " + body
    headers = {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}
    answer = odd.post("/api/models/upload", content=content, headers=headers)
    assert 400 <= answer.status_code < 500, (body, answer.text)


def test_what_is_no_http_at_all_does_not_end_the_server(odd):
    place = urlsplit(str(odd.base_url))
    for rubbish in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 100):
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall(rubbish)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1 << 16)
    assert odd.get("/health").status_code == 200
