"""Requests that meet: conditions, repeats and pages, over HTTP, on each database."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest


def at_once(count: int, call) -> list[httpx2.Response]:
    """Do the same `count` times at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


@pytest.fixture
def api(fresh) -> httpx2.Client:
    """A client of an empty registry."""
    return fresh.client


@pytest.mark.feature("EXP-02")
def test_of_many_changes_that_saw_the_same_one_wins(api):
    created = api.post("/api/models/register", json={"name": "fraud"})
    tag = created.headers["etag"]
    assert tag == '"1"'

    def change(number: int) -> httpx2.Response:
        return api.patch("/api/models/fraud", json={"owner": f"owner {number}"}, headers={"If-Match": tag})

    answers = at_once(8, change)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 7}
    winner = next(answer for answer in answers if answer.status_code == 200)
    now = api.get("/api/models/fraud")
    assert now.json()["owner"] == winner.json()["owner"]
    assert now.headers["etag"] == winner.headers["etag"] == '"2"'
    lost = next(answer for answer in answers if answer.status_code == 412)
    assert (lost.json()["code"], lost.json()["details"]["revision"]) == ("precondition_failed", 2)


@pytest.mark.feature("EXP-01", "EXP-02")
def test_an_alias_is_moved_by_compare_and_swap(api):
    api.post("/api/models/register", json={"name": "fraud"})
    for version in ("1.0.0", "2.0.0"):
        api.post("/api/models/fraud/versions/register", json={"version": version})
    path = "/api/models/fraud/aliases/champion"
    made = at_once(4, lambda _: api.put(path, json={"version": "1.0.0"}, headers={"If-Match": "0"}))
    assert Counter(answer.status_code for answer in made) == {200: 1, 412: 3}
    tag = next(answer for answer in made if answer.status_code == 200).headers["etag"]
    for version, spelling in (("2.0.0", "{}"), ("1.0.0", "bare"), ("2.0.0", "*")):
        seen = tag.strip('"') if spelling == "bare" else spelling.format(tag)
        moved = api.put(path, json={"version": version}, headers={"If-Match": seen})
        assert (moved.status_code, moved.json()["version"]) == (200, version)
        tag = moved.headers["etag"]
    assert api.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert api.delete(path, headers={"If-Match": tag}).status_code == 200


@pytest.mark.feature("VER-17")
def test_a_request_repeated_under_one_key_runs_once(api):
    api.post("/api/models/register", json={"name": "fraud"})

    def register(_: int) -> httpx2.Response:
        return api.post(
            "/api/models/fraud/versions/register", json={"metrics": {"f1": 0.5}}, headers={"Idempotency-Key": "one"}
        )

    answers = at_once(8, register)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert len(api.get("/api/models/fraud/versions").json()["versions"]) == 1
    other = api.post("/api/models/fraud/versions/register", json={}, headers={"Idempotency-Key": "one"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.feature("VER-17", "STO-14")
def test_registrations_at_once_get_numbers_and_versions_of_their_own(api):
    api.post("/api/models/register", json={"name": "fraud"})
    answers = at_once(16, lambda _: api.post("/api/models/fraud/versions/register", json={}))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["number"] for answer in answers) == list(range(1, 17))
    assert len({answer.json()["version"] for answer in answers}) == 16


@pytest.mark.feature("REG-09")
def test_pages_hold_every_version_once_while_others_come(api):
    api.post("/api/models/register", json={"name": "fraud"})
    for _ in range(7):
        api.post("/api/models/fraud/versions/register", json={})
    seen: list[int] = []
    token = ""
    for _ in range(10):
        page = api.get("/api/models/fraud/versions", params={"limit": 2, "page_token": token}).json()
        assert 1 <= len(page["versions"]) <= 2
        seen += [version["number"] for version in page["versions"]]
        token = page["next_page_token"]
        api.post("/api/models/fraud/versions/register", json={})
        if not token:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_a_change_is_in_the_next_answer(api):
    api.post("/api/models/register", json={"name": "fraud"})
    for number in range(1, 20):
        api.post("/api/models/fraud/versions/register", json={})
        assert api.get("/api/models/fraud/resolve").json()["number"] == number
        assert api.get("/api/models/fraud").json()["versions"] == number
        assert len(api.get("/api/models/fraud/versions").json()["versions"]) == number
