"""The pages on deploying and rolling back say nothing that does not work: their commands and their Python run.

They run from top to bottom, one page after the other, on a registry with three versions that a server elsewhere runs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.scripted import Reply, ScriptedServer, Seen
from modelyard import ModelRegistry

PAGES = Path(__file__).resolve().parents[2] / "docs" / "how-to"


def answering(seen: Seen) -> Reply:
    """Say which version was asked, by the last part of its address."""
    return Reply(body=json.dumps(seen.target.rpartition("/")[2]).encode())


def run(page: str, folder: Path) -> str:
    """Run the commands and the Python of a page in their order; return what they print."""
    blocks = re.findall(r"```(console|python)\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), re.DOTALL)
    printed = ""
    for language, text in blocks:
        program = ["bash", "-e", "-c", text] if language == "console" else [sys.executable, "-W", "error", "-c", text]
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        printed += done.stdout
    return printed


@pytest.mark.slow
@pytest.mark.feature("DEP-01", "DEP-04", "DEP-08", "DEP-09", "RBK-01", "RBK-03", "RBK-06", "RBK-07", "RBK-08")
def test_the_pages_on_deploying_and_rolling_back_work_as_printed(tmp_path):
    with ScriptedServer(answering) as elsewhere:
        with ModelRegistry(tmp_path / "model_registry") as registry:
            registry.create_model("fraud")
            for version in ("1.0.0", "1.1.0", "1.2.0"):
                provider = {"kind": "http", "url": f"{elsewhere.url}/{version}"}
                registry.register_version("fraud", version, provider=provider)
        printed = run("deploy-a-model.md", tmp_path)
        assert re.search(r"STAGE 0\.2\nSUCCEEDED\n(1\.[12]\.0) \1\n", printed)
        printed = run("roll-back.md", tmp_path)
        assert "serves 1.1.0 again, instead of 1.2.0; it took" in printed
        assert "False ['manual', 'manual']" in printed
        assert "configuration.timeout_s" in printed


@pytest.mark.parametrize("page", ["deploy-a-model.md", "roll-back.md"])
def test_their_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", (PAGES / page).read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (PAGES / target).exists()] == []
