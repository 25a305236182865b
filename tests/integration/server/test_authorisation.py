"""Who may do what over HTTP: every operation, asked by every role with every kind of token, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from components.servers import ThreadedServer
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller, open_yard
from modelyard.config import load
from modelyard.domain.contract import PLACEHOLDER
from modelyard.domain.permissions import REGISTRY_WIDE, SELF
from modelyard.operations import CREATE_TOKEN, TABLE, CreateToken, Operation

READS = {"model.read", "version.read", "event.read", "promotion.read", "policy.read", "audit.read"}
READS |= {"endpoint.read", "deployment.read", "metrics.read", "alert.read", "artifact.read"}
ROLES = {
    "viewer": READS,
    "developer": READS
    | {"model.create", "model.update", "version.create", "version.update", "version.test", "stage.move"}
    | {"promotion.request", "promotion.comment", "endpoint.predict", "prediction.record", "artifact.write"},
    "reviewer": READS | {"promotion.approve", "promotion.comment"},
    "deployer": READS
    | {"stage.move", "alias.move", "version.deprecate", "promotion.request", "promotion.comment"}
    | {"deployment.start", "deployment.control", "endpoint.update", "endpoint.predict", "snapshot.create"}
    | {"prediction.record", "alert.manage"},
    "caller": {"endpoint.predict", "prediction.record"},
    "admin": {row.permission for row in TABLE} | {"endpoint.predict", "artifact.read", "artifact.write"},
}
"""The roles as the documentation has them, written down once more."""

BEYOND_DEVELOPERS = {"archive", "rollback", "apply_promotion"}
"""Moves to stages that developers may not move to: archived, and production."""

OWN_NAMES = (
    ("/api/users", {"name": "user"}),
    ("/api/deployments", {"id": "deployment"}),
    ("/api/snapshots", {"id": "snapshot"}),
)
"""Beginning of a path → what its placeholders stand for, where that is not what it is elsewhere."""

NAMES_A_MODEL = {"reference", "name", "id", "version_a", "versions"}
OWN_PLACES = (
    *("/api/users", "/api/tokens", "/api/webhooks", "/api/lineage"),
    *("/api/alerts/rules/", "/api/alerts/channels/"),
)
"""Beginnings of paths whose placeholders name no model."""
TELL_MODELS = {"set_alert_rule", "set_default_alert_rules", "silence_alerts"}
"""Rows that say by a pattern which models they are about."""
ENDED = ("expired", "revoked", "disabled", "wrong", "none")


class World(NamedTuple):
    """A server that asks who its callers are, the tokens by their names, and the values of placeholders."""

    client: httpx2.Client
    tokens: dict[str, str]
    values: dict[str, str]

    def ask(self, row: Operation[Any, Any], token: str) -> httpx2.Response:
        """Send a row's example with a token; `none` sends none."""
        own = [names for start, names in OWN_NAMES if row.path.startswith(start)]
        values = self.values | {name: self.values[known] for names in own for name, known in names.items()}
        query = {name: self.values.get(name, "fraud/1.0.0") for name in row.required() if name in row.query_fields}
        body = {name: "fraud" for name in row.required() if name in row.body_fields} | row.example
        path = PLACEHOLDER.sub(lambda found: values[found[1]], row.path)
        json = body | ({"name": "fraud"} if row.name == "create_model" else {}) if row.body_fields else None
        return self.client.request(row.method, path, params=query, json=json, headers=self.headers(token))

    def headers(self, token: str) -> dict[str, str]:
        """The header that a token travels in."""
        return {"Authorization": f"Bearer {self.tokens[token]}"} if token != "none" else {}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("guarded") / "registry"
    server = ThreadedServer()
    with ModelRegistry(folder, actor="boss") as boss:
        boss.register_version("fraud", "1.0.0", create=True, provider={"kind": "http", "url": "http://127.0.0.1:9"})
        boss.promote_model("fraud/1.0.0", "staging")
        boss.register_version("kept", "1.0.0", create=True)
        tokens = made_tokens(boss)
        tokens["expired"] = long_ago(folder, CREATE_TOKEN, CreateToken(principal="a-admin", expires="1h")).token
        values = {"reference": "fraud/1.0.0", "name": "fraud", "alias": "champion"}
        values["token"] = boss.create_token("somebody").id
        values["id"] = boss.request_promotion("fraud/1.0.0", target_stage="production").id
        values |= {"user": "somebody", "flag": "beta", **made_endpoint(boss)}
        values |= {"webhook": boss.create_webhook("https://example.com/hook").id, "forward": "1"}
    values |= {"kind": "dataset", "metric": "accuracy", "q": "fraud", "at": "2026-01-01", "permission": "model.read"}
    with server.serving(folder, {"auth.enabled": True}) as url, httpx2.Client(base_url=url, timeout=60) as client:
        yield World(client, tokens, values)
    server.stop()


def made_endpoint(boss: ModelRegistry) -> dict[str, str]:
    """Give the model an endpoint, with a deployment that waits for the end of the century."""
    deployment = boss.deploy("fraud", "1.0.0", start_at="2099-12-31T00:00Z").id
    return {"deployment": deployment, "snapshot": boss.take_snapshot("fraud").id}


def made_tokens(boss: ModelRegistry) -> dict[str, str]:
    """Make a token of each kind; return their texts by the names of the kinds."""
    tokens = {"wrong": f"myd_{'0' * 26}_{'a' * 52}"}
    for role in ROLES:
        tokens[role] = boss.create_token(f"a-{role}", role).token
        tokens[f"{role} of others"] = boss.create_token(f"other-{role}", {"allow": role, "model": "other-*"}).token
    revoked = boss.create_token("a-admin")
    boss.revoke_token(revoked.id)
    tokens["revoked"] = revoked.token
    tokens["disabled"] = boss.create_token("gone", "admin").token
    boss.update_user("gone", disabled=True)
    boss.create_user("somebody", "viewer")
    return tokens


def long_ago(folder: Path, operation: Operation[Any, Any], request: Any) -> Any:
    """Run an operation as if it were 2020."""
    settings = load(environ={}, working_folder=folder.parent, overrides={"registry.path": str(folder)})
    yard = replace(open_yard(settings), clock=lambda: "2020-01-01T00:00:00.000000Z")
    with EmbeddedCaller(yard) as caller:
        return caller.call(operation, request)


def names_a_model(row: Operation[Any, Any]) -> bool:
    own = not row.path.startswith(OWN_PLACES)
    return row.name in TELL_MODELS or (own and bool(NAMES_A_MODEL & {*row.required(), *row.path_fields}))


def in_order() -> list[Operation[Any, Any]]:
    """The rows; those that could take something away from under the others come last."""
    return sorted(TABLE, key=lambda row: row.permission in {"policy.manage", "version.delete"})


@pytest.mark.feature("SEC-01")
@pytest.mark.parametrize("token", ENDED)
def test_nothing_but_a_valid_token_proves_anything(world, token):
    refused = {row.name: world.ask(row, token) for row in TABLE}
    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(refused, 401)
    for answer in refused.values():
        assert answer.json()["code"] == "unauthenticated"
        assert answer.json()["hint"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert world.tokens.get(token, "?") not in answer.text


@pytest.mark.feature("SEC-02")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_says_and_nothing_else(world, role):
    wrong = {}
    for row in in_order():
        answer = world.ask(row, role)
        may = row.permission == SELF or row.permission in ROLES[role]
        may = may and not (role == "developer" and row.name in BEYOND_DEVELOPERS)
        # A request is taken back by who made it; that is a rule about promotions, and names no permission.
        denied = answer.status_code == 403 and "permission" in answer.json()["details"]
        if denied == may or answer.status_code in {401, 500}:
            wrong[row.name] = answer.text
        elif denied:
            assert row.permission in answer.json()["detail"]
            assert answer.json()["details"]["permission"] == row.permission
    assert wrong == {}


@pytest.mark.feature("SEC-02")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_on_other_models_is_none_on_this_one(world, role):
    wrong = {}
    for row in in_order():
        answer = world.ask(row, f"{role} of others")
        wide = row.everywhere or row.permission in REGISTRY_WIDE
        may = row.permission == SELF or (row.permission in ROLES[role] and not wide and not names_a_model(row))
        # What has an id of its own is not there at all for who may not see its model.
        refused = 404 if "id" in row.path_fields and row.permission in ROLES[role] else 403
        if (answer.status_code == refused) == may or answer.status_code in {401, 500}:
            wrong[row.name] = answer.text
        elif may and row.permission != SELF:
            assert "1.0.0" not in answer.text, row.name
    assert wrong == {}


STREAMS = (
    ("POST", "/api/models/upload?name=fraud&filename=m.bin", "version.create"),
    ("GET", "/api/models/fraud/1.0.0/download", "version.read"),
    ("HEAD", "/api/models/fraud/1.0.0/download", "version.read"),
    ("POST", "/api/models/fraud/predict", "endpoint.predict"),
    *(
        (method, f"/api/2.0/mlflow-artifacts/{path}", permission)
        for method, path, permission in (
            ("GET", "artifacts", "artifact.read"),
            ("GET", "artifacts/a", "artifact.read"),
            ("HEAD", "artifacts/a", "artifact.read"),
            ("PUT", "artifacts/a", "artifact.write"),
            ("DELETE", "artifacts/a", "artifact.write"),
            ("POST", "mpu/create/a", "artifact.write"),
            ("GET", "presigned/a", "artifact.read"),
        )
    ),
)


@pytest.mark.feature("SEC-01", "SEC-02", "SEC-07")
@pytest.mark.parametrize(("method", "path", "permission"), STREAMS)
def test_what_carries_bytes_asks_as_well(world, method, path, permission):
    for token in ENDED:
        assert world.client.request(method, path, content=b"x", headers=world.headers(token)).status_code == 401
    for role, permissions in ROLES.items():
        answer = world.client.request(method, path, content=b"x", headers=world.headers(role))
        assert (answer.status_code != 403) == (permission in permissions), role
        others = world.client.request(method, path, content=b"x", headers=world.headers(f"{role} of others"))
        assert others.status_code == 403


@pytest.mark.feature("SEC-02")
def test_the_stream_of_events_asks_as_well(world):
    for token in ENDED:
        assert world.client.get("/api/events/stream", headers=world.headers(token)).status_code == 401


@pytest.mark.feature("SEC-01")
@pytest.mark.parametrize("path", ["/health", "/health/ready", "/docs", "/openapi.json"])
def test_health_and_documentation_are_everybodys(world, path):
    for token in ("none", "wrong", "viewer"):
        assert world.client.get(path, headers=world.headers(token)).status_code == 200


@pytest.mark.feature("SEC-01")
def test_a_token_may_come_as_the_password_of_basic(world):
    token = world.tokens["viewer"]
    for user, password, status in (("me", token, 200), (token, "", 200), ("me", "wrong", 401), ("", "", 401)):
        assert world.client.get("/api/whoami", auth=(user, password)).status_code == status


@pytest.mark.feature("SEC-01")
@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer x y",
        "Basic",
        "Basic %%%",
        "Basic /w==",
        "Digest x",
        "{token}",
        "Bearer {token}\xe9",
        "x" * 9_000,
    ],
)
def test_an_odd_header_proves_nothing(world, value):
    text = value.replace("{token}", world.tokens["admin"])
    answer = world.client.get("/api/whoami", headers={"Authorization": text.encode("latin-1")})
    assert answer.status_code == 401
    assert world.tokens["admin"] not in answer.text


def test_two_headers_prove_nothing(world):
    header = ("Authorization", f"Bearer {world.tokens['viewer']}")
    assert world.client.get("/api/whoami", headers=[header, header]).status_code == 401


@pytest.mark.feature("SEC-02")
def test_an_answer_kept_for_one_is_not_shown_to_another(world):
    paths = ("/api/models/kept/1.0.0/resolve", "/api/models/kept", "/api/models", "/api/search?q=kept", "/api/events")
    for path in paths:
        kept = [world.client.get(path, headers=world.headers("viewer")) for _ in range(2)]
        assert [answer.status_code for answer in kept] == [200, 200]
        others = world.client.get(path, headers=world.headers("viewer of others"))
        assert others.status_code == 403 or "kept" not in others.text, path
        assert world.client.get(path, headers=world.headers("none")).status_code == 401


@pytest.mark.feature("SEC-02")
def test_whoami_is_about_the_caller(world):
    for role in ROLES:
        told = world.client.get("/api/whoami", headers=world.headers(role)).json()
        assert (told["name"], told["proven"], told["roles"]) == (f"a-{role}", True, [role])
