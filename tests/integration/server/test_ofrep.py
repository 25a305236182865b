"""Feature flags by OpenFeature's protocol: the real SDK with its provider, and the protocol's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from components.servers import ThreadedServer
from modelyard import ModelRegistry
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire import Arm, EndpointConfiguration, Route, Rule
from modelyard.metadata import endpoints, models
from modelyard.metadata.database import known
from modelyard.registry.context import Yard

PATH = "/ofrep/v1/evaluate/flags"
OFF = False
OLD = Arm(version_id="mv_1", version="1.0.0", weight=0.75)
NEW = Arm(version_id="mv_2", version="2.0.0", weight=0.25)
BETA = Rule(name="beta", version="3.0.0", version_id="mv_3", header="x-channel", equals="beta")
SOME = Rule(name="some", version="2.0.0", version_id="mv_2", percentage=30)
SPLIT = Route(epoch=1, deployment_id="dp_1", salt="dp_1", arms=[OLD, NEW], rules=[BETA])


def route_to(yard: Yard, name: str, route: Route, environment: str = "production") -> None:
    """Make an endpoint of a model, or give the one that it has another route."""
    with yard.database.write() as tx:
        if endpoints.by_name(tx, name, environment) is None:
            model = known(models.by_name(tx, name))
            values = {"id": f"ep_{uuid4().hex[:26]}", "model_id": model.id, "environment": environment, "kind": "cloud"}
            endpoints.add(tx, {**values, "at": yard.clock()}, EndpointConfiguration())
        row = known(endpoints.by_name(tx, name, environment))
        assert endpoints.reroute(tx, row, route, cause="test", at=yard.clock())


@pytest.fixture
def model(served, client, name) -> str:
    """A model whose production is shared by two versions, and whose eu has one."""
    client.post("/api/models/register", json={"name": name})
    route_to(served.yard, name, SPLIT)
    route_to(
        served.yard,
        name,
        Route(epoch=1, arms=[Arm(version_id="mv_9", version="9.0.0", weight=1.0)], rules=[SOME]),
        "eu",
    )
    return name


@pytest.fixture
def flags(served) -> Iterator[OpenFeatureClient]:
    """The real SDK on the server."""
    provider = OFREPProvider(served.url)
    api.set_provider(provider)
    yield api.get_client()
    api.clear_providers()
    provider.session.close()


def keyed(key: str | None, **attributes: Any) -> EvaluationContext:
    """Make a context of the SDK."""
    return EvaluationContext(key, attributes)


@pytest.mark.feature("DEP-08", "DEP-12")
def test_the_sdk_gets_the_version_that_the_gateway_would_choose(flags, model):
    compiled = CompiledRoute(SPLIT)
    seen = set()
    for key in (f"user-{number}" for number in range(40)):
        found = flags.get_string_details(model, "none", keyed(key))
        assert found.error_code is None
        assert found.variant == compiled.choose(key.encode(), lambda _: None)
        assert (found.reason, found.flag_metadata) == (Reason.SPLIT, {"epoch": 1, "deployment": "dp_1"})
        seen.add(found.value)
    assert seen == {"1.0.0", "2.0.0"}
    targeted = flags.get_string_details(model, "none", keyed("user-1", x_channel="beta"))
    assert (targeted.value, targeted.reason) == ("3.0.0", Reason.TARGETING_MATCH)
    assert flags.get_string_value(f"{model}@eu", "none", keyed("user-1")) in {"9.0.0", "2.0.0"}


@pytest.mark.feature("DEP-08")
def test_the_sdk_gets_flags_as_booleans_and_follows_changes_without_a_deployment(served, flags, model):
    assert not flags.get_boolean_value(f"{model}/beta", not OFF, keyed("user-1"))
    assert flags.get_boolean_value(f"{model}/beta", OFF, keyed("user-1", **{"X-Channel": "beta"}))
    values = [flags.get_boolean_value(f"{model}@eu/some", OFF, keyed(f"user-{number}")) for number in range(40)]
    assert set(values) == {True, False}
    everybody = Rule(name="beta", version="3.0.0", version_id="mv_3")
    route_to(served.yard, model, Route(epoch=2, arms=SPLIT.arms, rules=[everybody]))
    found = flags.get_boolean_details(f"{model}/beta", OFF, keyed(None))
    assert (found.value, found.reason, found.variant) == (True, Reason.STATIC, "on")


@pytest.mark.parametrize(
    ("suffix", "context", "code"),
    [
        ("", keyed(None), ErrorCode.TARGETING_KEY_MISSING),
        ("@eu/some", keyed(None), ErrorCode.TARGETING_KEY_MISSING),
        ("/gone", keyed("a"), ErrorCode.FLAG_NOT_FOUND),
        ("@nowhere", keyed("a"), ErrorCode.FLAG_NOT_FOUND),
        ("-of-nobody", keyed("a"), ErrorCode.FLAG_NOT_FOUND),
    ],
)
def test_the_sdk_is_told_what_was_wrong_and_gives_the_default(flags, model, suffix, context, code):
    found = flags.get_string_details(model + suffix, "the default", context)
    assert (found.value, found.error_code, found.reason) == ("the default", code, Reason.ERROR)


def test_the_sdk_is_told_that_a_flag_is_of_another_type(flags, model):
    found = flags.get_boolean_details(model, OFF, keyed("user-1"))
    assert found.error_code == ErrorCode.TYPE_MISMATCH


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{no json", 400, "PARSE_ERROR"),
        (b"[]", 400, "PARSE_ERROR"),
        (b'"\xff"', 400, "PARSE_ERROR"),
        (b'{"a":' * 100_000, 400, "PARSE_ERROR"),
        (b'{"context": []}', 400, "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": 7}}', 400, "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": ""}}', 400, "TARGETING_KEY_MISSING"),
        (b"", 400, "TARGETING_KEY_MISSING"),
    ],
)
def test_odd_bodies_are_errors_of_the_protocol(client, model, body, status, code):
    answer = client.post(f"{PATH}/{model}", content=body)
    assert (answer.status_code, answer.json()["errorCode"], answer.json()["key"]) == (status, code, model)
    assert answer.json()["errorDetails"]
    everything = client.post(PATH, content=body)
    if code == "TARGETING_KEY_MISSING":
        assert everything.status_code == 200
    else:
        assert (everything.status_code, everything.json()["errorCode"]) == (status, code)


@pytest.mark.parametrize("key", ["%00", "a%2Fb%2Fc", "%ff", "..%2f..", "x" * 400, "%F0%9F%98%80"])
def test_odd_keys_are_flags_that_nobody_has(client, key):
    answer = client.post(f"{PATH}/{key}", json={"context": {"targetingKey": "a"}})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")


def test_a_body_that_is_too_large_is_refused(client):
    answer = client.post(PATH, content=b" " * (9 << 20))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.feature("DEP-08")
def test_all_flags_come_with_a_tag_that_changes_with_them(served, client, model):
    body = {"context": {"targetingKey": "user-1"}}
    first = client.post(PATH, json=body)
    mine = {flag["key"]: flag for flag in first.json()["flags"] if flag["key"].startswith(model)}
    assert set(mine) == {model, f"{model}/beta", f"{model}@eu", f"{model}@eu/some"}
    for key, flag in mine.items():
        assert flag == client.post(f"{PATH}/{key}", json=body).json()
    tag = first.headers["etag"]
    again = client.post(PATH, json=body, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    route_to(served.yard, model, Route(epoch=2, arms=SPLIT.arms))
    changed = client.post(PATH, json=body, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert f"{model}/beta" not in {flag["key"] for flag in changed.json()["flags"]}


def test_among_all_flags_those_without_a_value_say_why_and_those_that_serve_nothing_are_left_out(served, client, model):
    route_to(served.yard, model, Route(epoch=1), "empty")
    found = {flag["key"]: flag for flag in client.post(PATH, json={"context": {}}).json()["flags"]}
    assert found[model]["errorCode"] == "TARGETING_KEY_MISSING"
    assert found[f"{model}/beta"]["value"] is False
    assert f"{model}@empty" not in found


@pytest.mark.feature("DEP-08", "SEC-01")
def test_callers_see_the_flags_of_the_models_that_they_may_see(tmp_path: Path):
    folder = tmp_path / "registry"
    server = ThreadedServer()
    with ModelRegistry(folder) as boss:
        yard = boss._caller.yard  # type: ignore[attr-defined]  # a registry on a path has a yard
        for name in ("fraud", "churn"):
            boss.register_version(name, "1.0.0", create=True)
            route_to(yard, name, Route(epoch=1, arms=[Arm(version_id="mv_1", version="1.0.0", weight=1.0)]))
        grant = {"allow": "endpoint.predict", "model": "fraud"}
        tokens = {"some": boss.create_token("app", grant).token, "all": boss.create_token("root", "admin").token}
    with server.serving(folder, {"auth.enabled": True}) as url, httpx2.Client(base_url=url) as client:

        def ask(path: str, token: str) -> httpx2.Response:
            headers = {"Authorization": f"Bearer {tokens[token]}"} if token else {}
            return client.post(path, json={"context": {}}, headers=headers)

        assert {flag["key"] for flag in ask(PATH, "all").json()["flags"]} == {"fraud", "churn"}
        assert {flag["key"] for flag in ask(PATH, "some").json()["flags"]} == {"fraud"}
        assert json.loads(ask(f"{PATH}/fraud", "some").text)["value"] == "1.0.0"
        for path, token, status in ((f"{PATH}/churn", "some", 403), (f"{PATH}/fraud", "", 401), (PATH, "", 401)):
            assert ask(path, token).status_code == status
    server.stop()
