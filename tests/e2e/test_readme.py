"""The README says nothing that does not work: its Python runs, its commands run, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from components.serving import serving

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
NOT_RUN = ("make ", "pip install", "export ", "modelyard serve", "curl ")
"""Commands that other tests run: the targets of make, installation, and those that need a server (below)."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    return [
        line.partition("#")[0].strip() for block in blocks("console") for line in block.splitlines() if line.strip()
    ]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, timeout=100, check=False, env=environment
    )  # fmt: skip


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's Python has been run, from top to bottom."""
    folder = tmp_path_factory.mktemp("notebook")
    script = folder / "notebook.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    done = run([sys.executable, "-W", "error", str(script)], folder)
    assert done.returncode == 0, done.stderr
    (folder / "output.txt").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.mark.feature("API-03", "REG-12", "REG-26")
def test_the_python_runs_as_printed(notebook: Path) -> None:
    output = (notebook / "output.txt").read_text(encoding="utf-8")
    assert re.search(r"^\[[01] [01] [01]\]$", output, re.MULTILINE)
    assert "min_accuracy False" in output
    assert "tests_passed False" in output
    assert re.search(r"^True 0\.", output, re.MULTILINE)
    assert re.search(r"^\[[01], [01], [01]\] by 0\.1\.0$", output, re.MULTILINE)


@pytest.mark.feature("API-02")
@pytest.mark.parametrize("command", [line for line in commands() if not line.startswith(NOT_RUN)])
def test_the_commands_run_as_printed(command: str, notebook: Path) -> None:
    done = run(shlex.split(command), notebook)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.feature("API-01", "REG-03", "REG-11")
def test_the_requests_work_as_printed(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not really onnx, but bytes are bytes" * 100)
    with serving(tmp_path / "model_registry") as address:
        for command in (line for line in commands() if line.startswith("curl ")):
            done = run(
                ["curl", "--fail", *shlex.split(command.replace("http://127.0.0.1:5000", address))[1:]], tmp_path
            )
            assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert (tmp_path / "mnist.onnx").read_bytes() == (tmp_path / "model.onnx").read_bytes()


def test_the_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (PROJECT / target).exists(), target
