"""The pages on deploying and rolling back say nothing that does not work: their commands and their Python run.

They run from top to bottom, one page after the other, on a registry with three versions that a server elsewhere runs.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from string import Template
from typing import Any

import pytest
from click.testing import CliRunner

from components.scripted import Reply, ScriptedServer, Seen
from modelyard import ModelRegistry
from modelyard.cli.app import app
from modelyard.facade.managers import Manager

PAGES = Path(__file__).resolve().parents[2] / "docs" / "how-to"


def answering(seen: Seen) -> Reply:
    """Say which version was asked, by the last part of its address."""
    return Reply(body=json.dumps(seen.target.rpartition("/")[2]).encode())


def command(line: str, variables: dict[str, str]) -> str:
    """Run a line of a console, which may keep its output in a variable of the shell; return what it prints."""
    kept = re.fullmatch(r"(\w+)=\$\((.*)\)", line)
    words = shlex.split(Template(kept[2] if kept else line).substitute(variables))
    assert words[0] == "modelyard"
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code == 0, (line, done.stdout, done.stderr)
    if kept:
        variables[kept[1]] = done.stdout.strip()
    return done.stdout


def run(page: str) -> str:
    """Run the commands and the Python of a page in their order; return what they print."""
    printed, variables = "", dict[str, str]()
    for language, text in re.findall(r"```(console|python)\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL):
        if language == "console":
            printed += "".join(command(line, variables) for line in text.splitlines())
            continue
        names: dict[str, Any] = {}
        with redirect_stdout(io.StringIO()) as output:
            exec(text, names)
        printed += output.getvalue()
        for made in names.values():
            if isinstance(made, ModelRegistry | Manager):
                made.close()
    return printed


@pytest.mark.slow
@pytest.mark.feature("DEP-01", "DEP-04", "DEP-08", "DEP-09", "RBK-01", "RBK-03", "RBK-06", "RBK-07", "RBK-08")
def test_the_pages_on_deploying_and_rolling_back_work_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ScriptedServer(answering) as elsewhere:
        with ModelRegistry("./model_registry") as registry:
            registry.create_model("fraud")
            for version in ("1.0.0", "1.1.0", "1.2.0"):
                provider = {"kind": "http", "url": f"{elsewhere.url}/{version}"}
                registry.register_version("fraud", version, provider=provider)
        printed = run("deploy-a-model.md")
        assert re.search(r"STAGE 0\.2\nSUCCEEDED\n(1\.[12]\.0) \1\n", printed)
        printed = run("roll-back.md")
        assert "serves 1.1.0 again, instead of 1.2.0; it took" in printed
        assert "False ['manual', 'manual']" in printed
        assert "configuration.timeout_s" in printed


@pytest.mark.parametrize("page", ["deploy-a-model.md", "roll-back.md"])
def test_their_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", (PAGES / page).read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (PAGES / target).exists()] == []
