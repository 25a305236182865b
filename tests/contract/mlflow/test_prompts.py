"""Prompts: models and versions with a tag, which ordinary searches leave out."""

from __future__ import annotations

import pytest

from components.mlflow_wire import PROMPT, MlflowWire, tagged, tags_of

pytestmark = pytest.mark.feature("EXP-23")
KEY = "tags.`mlflow.prompt.is_prompt`"
TAKEN = "RESOURCE_ALREADY_EXISTS"


def text(template: str) -> dict[str, str]:
    """The tag with the text of a prompt's version."""
    return {"key": "mlflow.prompt.text", "value": template}


@pytest.fixture(scope="module")
def stock(mlflow_server: MlflowWire) -> MlflowWire:
    """A model with a version, and two prompts with three versions, some of them apples."""
    apple = tagged(fruit="apple")
    mlflow_server.model("model", tags=apple)
    mlflow_server.version("model", tags=apple)
    mlflow_server.model("greeting", tags=[PROMPT, *tagged(_mlflow_experiment_ids=",1,12,")])
    mlflow_server.model("farewell", tags=[PROMPT, *apple])
    mlflow_server.version("greeting", "dummy-source", tags=[PROMPT, text("Hello, {{name}}!")])
    mlflow_server.version("farewell", "prompt-template", tags=[PROMPT, text("Bye"), *apple])
    mlflow_server.version("farewell", "dummy-source", tags=[PROMPT, text("x" * 100_000), *tagged(fruit="orange")])
    return mlflow_server


@pytest.mark.parametrize(
    ("filter_", "models", "versions"),
    [
        ("", "model", "model"),
        ("tags.fruit = 'apple'", "model", "model"),
        ("name = 'greeting'", "", ""),
        (f"{KEY} = 'false'", "model", "model"),
        (f"{KEY} != 'true'", "model", "model"),
        (f"{KEY} = 'true'", "farewell greeting", "farewell farewell greeting"),
        (f"{KEY} = 'true' AND name = 'greeting'", "greeting", "greeting"),
        (f"{KEY} = 'true' AND tags.fruit = 'apple'", "farewell", "farewell"),
        (f"{KEY} = 'true' AND name LIKE \"g%\"", "greeting", "greeting"),
        (f"{KEY} = 'true' AND tags._mlflow_experiment_ids LIKE '%,1,%'", "greeting", ""),
        (f"{KEY} = 'true' AND tags._mlflow_experiment_ids LIKE '%,2,%'", "", ""),
    ],
)
def test_only_who_asks_for_prompts_finds_them(stock: MlflowWire, filter_: str, models: str, versions: str):
    assert stock.models(filter=filter_) == models.split()
    assert sorted(name for name, _ in stock.versions(filter=filter_)) == versions.split()


def test_the_text_of_a_prompt_is_told_back_unchanged(stock: MlflowWire):
    template = "Hello, {{ name }}!\n\t\"quoted\" 'text' \\n ünï 模型 🙂 %_ \u2028"
    stock.model("letters", tags=[PROMPT])
    made = stock.version("letters", "dummy-source", tags=[PROMPT, text(template)], description="first")
    assert tags_of(made) == {PROMPT["key"]: "true", "mlflow.prompt.text": template}
    assert made == stock.get_version("letters", 1)
    stock.ask("POST", "registered-models/alias", name="letters", alias="production", version="1")
    found = stock.ask("GET", "registered-models/alias", name="letters", alias="production")["model_version"]
    assert tags_of(found)["mlflow.prompt.text"] == template
    stock.ask("DELETE", "registered-models/alias", name="letters", alias="production")
    assert stock.refusal("GET", "registered-models/alias", name="letters", alias="production") == (
        400, "INVALID_PARAMETER_VALUE", "Registered model alias production not found.",
    )  # fmt: skip


def test_models_and_prompts_share_one_set_of_names(stock: MlflowWire):
    for name, tags, told in [
        ("model", [], "Registered Model (name=model) already exists"),
        ("greeting", [PROMPT], "Prompt (name=greeting) already exists"),
        (
            "model", [PROMPT],
            "Tried to create a prompt with name 'model', but the name is already taken by a registered model.",
        ),
        (
            "greeting", [],
            "Tried to create a registered model with name 'greeting', but the name is already taken by a prompt.",
        ),
    ]:  # fmt: skip
        status, code, message = stock.refusal("POST", "registered-models/create", name=name, tags=tags)
        assert (status, code) == (400, TAKEN)
        assert message.startswith(told)


def test_a_version_that_is_no_prompt_takes_no_placeholder(stock: MlflowWire):
    status, code, _ = stock.refusal("POST", "model-versions/create", name="model", source="dummy-source")
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")


def test_a_prompt_goes_like_a_model(stock: MlflowWire):
    stock.model("brief", tags=[PROMPT])
    stock.version("brief", "dummy-source", tags=[PROMPT, text("x")])
    stock.ask("DELETE", "model-versions/delete", name="brief", version="1")
    assert stock.refusal("GET", "model-versions/get", name="brief", version="1")[0] == 404
    stock.ask("DELETE", "registered-models/delete", name="brief")
    assert stock.refusal("GET", "registered-models/get", name="brief")[0] == 404
