"""MLflow's routes on both databases and for people of few rights: what they see, what they may have fetched."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.manifest import Manifest
from modelyard.domain.permissions import LOCAL, Grant, Principal
from modelyard.errors import PermissionDenied
from modelyard.mlflow.desk import PREFIX, Desk
from modelyard.mlflow.routes import handle, route_of

pytestmark = pytest.mark.feature("EXP-23")
ADDRESS = "http://registry.example"


def ask(
    caller: EmbeddedCaller, method: str, path: str, /, principal: Principal = LOCAL, fetch: Any = None, **fields: Any
) -> dict[str, Any]:
    """The answer of one of MLflow's routes, below `PREFIX`, to a principal."""
    found = route_of(method, PREFIX + path)
    assert found is not None
    return handle(Desk(yard=caller.yard, principal=principal, address=ADDRESS, fetch=fetch), found[0], fields)


def may(*grants: tuple[str, str]) -> Principal:
    """A principal with roles or permissions, each on the models of a pattern."""
    return Principal(name="ana", grants=tuple(Grant(allow=allow, model=model) for allow, model in grants))


def latest(model: dict[str, Any]) -> list[str]:
    """The numbers of a model's newest versions."""
    return [version["version"] for version in model["latest_versions"]]


def test_a_number_that_no_database_counts_to_finds_what_it_should(caller):
    register(caller, "fraud")
    for wish, count in (("< 4611686018427387904", 1), ("= 3000000000", 0), ("> -3000000000", 1)):
        found = ask(caller, "GET", "model-versions/search", filter=f"version_number {wish}")
        assert len(found["model_versions"]) == count, wish
    last = json.dumps(["3000-01-01T00:00:00.000Z", "fraud", 3_000_000_000]).encode()
    behind = ask(caller, "GET", "model-versions/search", page_token=base64.urlsafe_b64encode(last).decode())
    assert len(behind["model_versions"]) == 1


@pytest.mark.parametrize("odd", ["text", ["list"], None, 5, {"run_link": 5, "copied": ["x"], "address": {}}])
def test_whatever_stands_in_extra_harms_nobody(caller, odd):
    register(caller, "fraud", extra={"mlflow": odd})
    register(caller, "churn")
    found = ask(caller, "GET", "model-versions/search")["model_versions"]
    assert [(version["name"], "run_link" in version) for version in found] == [("churn", False), ("fraud", False)]
    assert ask(caller, "GET", "model-versions/get-download-uri", name="fraud", version="1")["artifact_uri"]
    ask(caller, "POST", "registered-models/create", name="copy")
    assert ask(caller, "POST", "model-versions/create", name="copy", source="models:/fraud/1")


def test_who_may_see_models_alone_is_shown_none_of_their_versions(caller):
    register(caller, "fraud")
    register(caller, "churn")
    ana = may(("model.read", "*"), ("version.read", "churn"))
    found = ask(caller, "GET", "registered-models/search", ana)["registered_models"]
    assert {model["name"]: latest(model) for model in found} == {"churn": ["1"], "fraud": []}
    assert latest(ask(caller, "GET", "registered-models/get", ana, name="fraud")["registered_model"]) == []
    with pytest.raises(PermissionDenied):
        ask(caller, "GET", "registered-models/get-latest-versions", ana, name="fraud")
    assert len(ask(caller, "GET", "registered-models/get-latest-versions", ana, name="churn")["model_versions"]) == 1


def test_a_copy_is_read_by_whoever_may_not_see_the_original(caller):
    original = register(caller, "secret")
    ask(caller, "POST", "registered-models/create", name="fraud-copy")
    ask(caller, "POST", "model-versions/create", name="fraud-copy", source="models:/secret/1")
    everybody, few = (
        ask(caller, "GET", "model-versions/get-download-uri", who, name="fraud-copy", version="1")["artifact_uri"]
        for who in (LOCAL, may(("viewer", "fraud-*")))
    )
    assert everybody.endswith(original.id)
    assert not few.endswith(original.id)
    assert few.startswith(f"{ADDRESS}/api/2.0/mlflow-artifacts/artifacts/modelyard/mv_")


def test_nothing_is_fetched_for_who_may_not_register_it(caller):
    ask(caller, "POST", "registered-models/create", name="other")
    asked: list[str] = []

    def fetch(source: str) -> Manifest | None:
        asked.append(source)
        return None

    ana = may(("developer", "fraud-*"), ("viewer", "other"))
    with pytest.raises(PermissionDenied):
        ask(caller, "POST", "model-versions/create", ana, fetch, name="other", source="runs:/abc/model")
    assert asked == []
    ask(caller, "POST", "model-versions/create", LOCAL, fetch, name="other", source="runs:/abc/model")
    assert asked == ["runs:/abc/model"]


def test_a_rename_needs_rights_on_both_names(caller):
    register(caller, "fraud-a")
    register(caller, "other")
    ana = may(("developer", "fraud-*"))
    for name, new_name in (("fraud-a", "mine"), ("fraud-a", "other"), ("other", "fraud-b"), ("other", "other2")):
        with pytest.raises(PermissionDenied):
            ask(caller, "POST", "registered-models/rename", ana, name=name, new_name=new_name)
    renamed = ask(caller, "POST", "registered-models/rename", ana, name="fraud-a", new_name="fraud-b")
    assert renamed["registered_model"]["name"] == "fraud-b"
