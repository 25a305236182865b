"""The unmodified `mlflow` client against our server: what its own classes make of our answers.

The requests themselves have tests of their own beside this module, without the client, whose import takes seconds. Its
tracking store is a file: the server is the registry, and nothing else.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.mlflow_wire import MlflowWire
from components.needs import need

pytestmark = pytest.mark.feature("EXP-23")
SOURCE = "runs:/no-such-run/model"
CHAT = [{"role": "system", "content": "You are {{style}}."}, {"role": "user", "content": "{{question}}"}]


@pytest.fixture(scope="module")
def mlflow(mlflow_server: MlflowWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package, with our server as its registry and a file as its tracking store."""
    need("mlflow")
    folder = tmp_path_factory.mktemp("tracking")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        package = importlib.import_module("mlflow")
        package.set_tracking_uri(f"sqlite:///{folder}/tracking.db")
        package.set_registry_uri(mlflow_server.url)
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        yield package
        package.set_tracking_uri(None)
        package.set_registry_uri(None)


@pytest.fixture
def client(mlflow: Any) -> Any:
    """The client that scripts use."""
    with warnings.catch_warnings():
        # Stages are deprecated in MLflow; its clients use them all the same.
        warnings.simplefilter("ignore", FutureWarning)
        yield mlflow.MlflowClient()


def whole(search: Callable[..., Any], **fields: Any) -> list[Any]:
    """Everything that a search finds, page by page, by the client's own tokens."""
    found, page = [], search(**fields)
    found += page
    while page.token:
        page = search(**fields, page_token=page.token)
        found += page
    return found


def test_entities_of_every_call_are_equal(client: Any, name: str):
    client.create_registered_model(name, tags={"team": "risk", "n": 5}, description="d")
    for _ in range(2):
        made = client.create_model_version(name, SOURCE, "run1", tags={"a": 1}, description="v")
    client.set_registered_model_alias(name, "champion", made.version)
    version = client.get_model_version(name, "2")
    assert (version.tags, version.aliases, version.status, version.current_stage) == (
        {"a": "1"}, ["champion"], "READY", "None",
    )  # fmt: skip
    assert client.get_model_version_by_alias(name, "champion") == version
    assert client.search_model_versions(f"name = '{name}'")[0] == version
    model = client.get_registered_model(name)
    assert (model.tags, model.aliases, model.latest_versions) == (
        {"team": "risk", "n": "5"},
        {"champion": "2"},
        [version],
    )
    assert client.search_registered_models(f"name = '{name}'") == [model]
    assert client.get_latest_versions(name) == [version]
    assert client.get_model_version_download_uri(name, "2") == SOURCE


def test_stages_of_the_client_are_stages_of_ours(client: Any, name: str):
    client.create_registered_model(name)
    for number in range(1, 4):
        client.create_model_version(name, SOURCE)
        client.transition_model_version_stage(name, number, "production", archive_existing_versions=True)
    assert {version.version: version.current_stage for version in client.search_model_versions(f"name = '{name}'")} == {
        "1": "Archived", "2": "Archived", "3": "Production",
    }  # fmt: skip
    assert [version.version for version in client.get_latest_versions(name, ["Production"])] == ["3"]


def test_searches_page_by_the_clients_tokens(client: Any, name: str):
    client.create_registered_model(name)
    for _ in range(7):
        client.create_model_version(name, SOURCE)
    only = {"filter_string": f"name = '{name}'", "max_results": 3, "order_by": ["version_number ASC"]}
    assert [version.version for version in whole(client.search_model_versions, **only)] == list("1234567")
    names = [f"{name}{number}" for number in range(5)]
    for model in names:
        client.create_registered_model(model)
    wanted = {"filter_string": f"name LIKE '{name}%'", "max_results": 2, "order_by": ["name DESC"]}
    assert [model.name for model in whole(client.search_registered_models, **wanted)] == [*names[::-1], name]


def test_a_copy_of_a_copy_is_made_by_reference(client: Any, name: str):
    client.create_registered_model(name)
    made = client.create_model_version(name, SOURCE, "run1", tags={"hello": "world"}, description="dummy")
    client.set_registered_model_alias(name, "champion", "1")
    for source, target in [(f"models:/{name}@champion", f"{name}-2"), (f"models:/{name}-2/1", f"{name}-3")]:
        copied = client.copy_model_version(source, target)
        copied = client.get_model_version(target, copied.version)
        assert (copied.tags, copied.description, copied.run_id) == (made.tags, "dummy", "run1")
        assert client.get_model_version_download_uri(target, copied.version) == SOURCE
    assert copied.source == f"models:/{name}-2/1"


def test_refusals_are_the_clients_own_errors(mlflow: Any, client: Any, name: str):
    client.create_registered_model(name)
    for call, code, text in [
        (lambda: client.create_registered_model(name), "RESOURCE_ALREADY_EXISTS", "already exists"),
        (lambda: client.get_registered_model(f"{name}?"), "RESOURCE_DOES_NOT_EXIST", "not found"),
        (lambda: client.get_model_version(name, "one"), "INVALID_PARAMETER_VALUE", "must be an integer, got 'one'"),
        (lambda: client.get_model_version_by_alias(name, "no"), "INVALID_PARAMETER_VALUE", "alias no not found"),
        (lambda: client.search_registered_models("name ="), "INVALID_PARAMETER_VALUE", "Invalid clause"),
    ]:
        with pytest.raises(mlflow.exceptions.RestException, match=text) as refused:
            call()
        assert refused.value.error_code == code


def test_prompts_are_registered_found_and_loaded(mlflow: Any, client: Any, name: str):
    name = name[:40]
    made = mlflow.genai.register_prompt(name, "Hi, {{who}}!", commit_message="first", tags={"team": "risk"})
    assert made.version == 1
    second = mlflow.genai.register_prompt(name, CHAT, response_format={"type": "object"})
    assert second.version == 2
    assert mlflow.genai.load_prompt(name, version=1).format(who="you") == "Hi, you!"
    loaded = mlflow.genai.load_prompt(f"prompts:/{name}@latest")
    assert (loaded.template, loaded.response_format) == (CHAT, {"type": "object"})
    mlflow.genai.set_prompt_alias(name, "production", 1)
    loaded = mlflow.genai.load_prompt(f"prompts:/{name}@production", cache_ttl_seconds=0)
    assert (loaded.version, loaded.commit_message, loaded.tags, loaded.aliases) == (
        1, "first", {"team": "risk"}, ["production"],
    )  # fmt: skip
    assert mlflow.genai.load_prompt(name, version=3, allow_missing=True) is None
    assert [prompt.name for prompt in mlflow.genai.search_prompts(f'name = "{name}"')] == [name]
    assert [prompt.version for prompt in client.search_prompt_versions(name, max_results=1)] == [2]
    assert client.search_registered_models(f"name = '{name}'") == []
    with pytest.raises(mlflow.exceptions.MlflowException, match="taken by a prompt"):
        client.create_registered_model(name)


def test_files_that_modelyard_keeps_are_downloaded_by_the_client(
    mlflow: Any, mlflow_server: MlflowWire, tmp_path: Path, name: str
):
    modelyard = importlib.import_module("modelyard")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    with modelyard.ModelRegistry(mlflow_server.url) as registry:
        registry.register_model(tmp_path / "weights.bin", name, "1.0.0")
        registry.set_alias(name, "champion", "1.0.0")
    for number, uri in enumerate([f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/latest"]):
        target = tmp_path / str(number)
        target.mkdir()
        mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target))
        assert (target / "weights.bin").read_bytes() == b"weights"
