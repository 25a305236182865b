"""The page on Hugging Face's client says nothing that does not work: its commands and its Python run, on a server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.servers import ThreadedServer
from modelyard import ModelRegistry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-from-hugging-face.md"
BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)


@pytest.mark.slow
@pytest.mark.feature("EXP-39")
def test_the_page_works_as_printed(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    server = ThreadedServer()
    with server.serving(tmp_path / "registry") as url, ModelRegistry(url) as registry:
        registry.register_model(tmp_path / "model.bin", "fraud", version="1.0.0")
        registry.set_alias("fraud", "champion", "1.0.0")
        blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8").replace("http://localhost:5000", url))
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HF_HOME": str(tmp_path / "home"),
            "HF_ENDPOINT": url,
        }
        printed = ""
        for language, text in blocks:
            program = ["bash", "-euc", text] if language == "console" else [sys.executable, "-c", text]
            done = subprocess.run(
                program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
            )
            assert done.returncode == 0, (text, done.stderr)
            printed += done.stdout
    server.stop()
    assert len(blocks) == 4
    assert (tmp_path / "here" / "model.bin").read_bytes() == b"weights"
    assert "['modelyard/fraud']\n['1.0.0']\n['modelyard/fraud@1.0.0/model.bin']\n" in printed
    assert '"id":"modelyard/fraud"' in printed
