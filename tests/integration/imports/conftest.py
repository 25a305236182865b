"""One real MLflow server for the tests of this folder, and the command line on a registry of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components.mlflow_filling import Filler
from components.mlflow_server import mlflow_server
from components.servers import ThreadedServer
from components.templates import prepared
from modelyard import ModelRegistry
from modelyard.cli.app import app
from modelyard.outside.mlflow.artifacts import Reach
from modelyard.outside.mlflow.client import Server


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an import said: its exit code, its report, and what it told people."""

    code: int
    report: Any
    told: str

    def outcome(self, label: str) -> tuple[str, str]:
        """The outcome of a version, and its detail."""
        (row,) = [row for row in self.rows if row["version"] == label]
        return row["outcome"], row["detail"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The outcomes; of a dry run, they are the whole report."""
        rows: list[dict[str, Any]] = self.report if isinstance(self.report, list) else self.report["versions"]
        return rows


@dataclass(frozen=True, kw_only=True)
class Yard:
    """A registry that things are imported into, and its address."""

    address: str
    registry: ModelRegistry

    def take(self, *words: str) -> Said:
        """Run `modelyard import` with these words; return what it said."""
        done = CliRunner().invoke(app, ["--registry", self.address, "--output", "json", "import", *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Said(code=done.exit_code, report=json.loads(done.stdout or "null"), told=done.stderr)


@pytest.fixture(scope="module")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server, empty at the beginning of a module."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="module")
def filler(mlflow_url: str) -> Iterator[Filler]:
    """What puts models into the MLflow server."""
    with Server(mlflow_url, environ={}, reach=Reach()) as server:
        yield Filler(server=server)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Yard]:
    """A registry in a folder."""
    folder = prepared(tmp_path / "registry")
    with ModelRegistry(folder) as registry:
        yield Yard(address=str(folder), registry=registry)


@pytest.fixture(scope="module")
def http_server() -> Iterator[ThreadedServer]:
    """A real server of ours."""
    server = ThreadedServer()
    yield server
    server.stop()


@pytest.fixture(params=["path", "url"])
def yard(request: pytest.FixtureRequest, local: Yard, tmp_path: Path) -> Iterator[Yard]:
    """A registry in a folder, and one on a server."""
    if request.param == "path":
        yield local
        return
    server: ThreadedServer = request.getfixturevalue("http_server")
    with server.serving(tmp_path / "served") as url, ModelRegistry(url) as registry:
        yield Yard(address=url, registry=registry)
