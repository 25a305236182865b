"""The page on Flask says nothing that does not work: its commands start servers, and its Python is an application."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from components.flask_server import process, site_of
from modelyard import ModelRegistry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-in-flask.md"


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_application_of_the_page_has_both_its_own_page_and_the_registry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (text,) = blocks("python")
    names: dict[str, Any] = {"__name__": "shop"}
    with ModelRegistry("./model_registry") as registry:
        registry.create_model("fraud")
    exec(text, names)
    client = names["app"].test_client()
    assert client.get("/").text == "my own page"
    assert client.get("/registry/api/models").json["models"][0]["name"] == "fraud"
    site_of(names["app"]).close()


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for block in blocks("console") for line in block.splitlines()])
def test_the_commands_of_the_page_start_servers(line, tmp_path):
    program, *words = shlex.split(line.replace("127.0.0.1:5000", "127.0.0.1:0").replace("--port 5000", "--port 0"))
    announced = r"(?:Running on|Listening at:) (http://\S+)"
    with (
        process(["-m", program, *words], tmp_path, announced) as (url, _running),
        ModelRegistry(url, timeout=60) as registry,
    ):
        registry.create_model("fraud")
        assert [model.name for model in registry.models()] == ["fraud"]
