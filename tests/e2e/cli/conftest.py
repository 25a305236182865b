"""The command line in this process, on a folder and on a server alike."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components.servers import ThreadedServer
from components.templates import prepared
from modelyard.cli.app import app


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output, which is one JSON value."""
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        """The problem document on standard error."""
        return json.loads(self.err)


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """Runs command lines on one registry; `kind` is "path" or "url"."""

    target: str
    folder: Path
    kind: str

    def run(self, line: str | list[str], *, stdin: str | None = None) -> Answer:
        """Run a command line without the program's name; return what it said."""
        arguments = shlex.split(line) if isinstance(line, str) else line
        result = CliRunner().invoke(app, ["--registry", self.target, *arguments], input=stdin)
        return Answer(code=result.exit_code, out=result.stdout, err=result.stderr)

    def ok(self, line: str | list[str]) -> Answer:
        """Run a command line that has to succeed."""
        answer = self.run(line)
        assert answer.code == 0, answer.err
        return answer

    def json(self, line: str) -> Any:
        """Run a command line that has to succeed, and return its JSON."""
        return self.ok(f"--output json {line}").json

    def file(self, name: str, content: str | bytes = "weights") -> Path:
        """Write a file beside the registry."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def register(self, name: str, version: str, content: str | bytes = "weights", more: str = "") -> str:
        """Register a version with one small file; return its id."""
        path = self.file(f"{name}-{version}.bin", content)
        line = f"--quiet register --model-path {path} --name {name} --version {version} {more}"
        return self.ok(line).out.strip()


@pytest.fixture(scope="session")
def threaded_server() -> Iterator[ThreadedServer]:
    server = ThreadedServer()
    yield server
    server.stop()


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A registry in a folder that does not exist yet; the working folder is beside it."""
    monkeypatch.chdir(tmp_path)
    return Terminal(target=str(tmp_path / "registry"), folder=tmp_path, kind="path")


@pytest.fixture(params=["path", "url"])
def terminal(request: pytest.FixtureRequest, local: Terminal, threaded_server: ThreadedServer) -> Iterator[Terminal]:
    """An empty registry in a folder, and one behind a server."""
    if request.param == "path":
        prepared(Path(local.target))
        yield local
        return
    with threaded_server.serving(local.folder / "served") as url:
        yield Terminal(target=url, folder=local.folder, kind="url")


@pytest.fixture
def fraud(terminal: Terminal) -> Terminal:
    """A registry with two versions of one model, the first in production."""
    return with_fraud(terminal)


@pytest.fixture(scope="module", params=["path", "url"])
def steady(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The same for all tests of a module, which must not change it."""
    folder = tmp_path_factory.mktemp("steady")
    made = with_fraud(Terminal(target=str(prepared(folder / "registry")), folder=folder, kind="path"))
    if request.param == "path":
        yield made
        return
    server = ThreadedServer()
    with server.serving(folder / "registry") as url:
        yield Terminal(target=url, folder=folder, kind="url")
    server.stop()


def with_fraud(terminal: Terminal) -> Terminal:
    """Register two versions of one model, the first in production; return the terminal."""
    terminal.register("fraud", "1.0.0", "one", more="--metrics '{\"accuracy\": 0.9}' --hyperparams '{\"lr\": 0.1}'")
    terminal.register("fraud", "1.1.0", "two", more="--metrics '{\"accuracy\": 0.95}' --hyperparams '{\"lr\": 0.2}'")
    for stage in ("staging", "production"):
        terminal.ok(f"promote fraud/1.0.0 --target-stage {stage}")
    return terminal
