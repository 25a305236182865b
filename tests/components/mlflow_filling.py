"""Fills a real MLflow server with models, over its REST API and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from modelyard.outside.mlflow.client import Server

AT_ONCE = 8
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What was put into a server: versions by model, and the number of files."""

    versions: dict[str, int]
    files: int


@dataclass(frozen=True, kw_only=True)
class Filler:
    """Makes models in one server."""

    server: Server

    def run(self, **data: Any) -> dict[str, Any]:
        """Make a run with metrics, params, tags and datasets, and end it; return its `info`."""
        info = self.server.call("POST", "runs/create", {"experiment_id": "0", "start_time": 1_700_000_000_000})
        run_id = info["run"]["info"]["run_id"]
        metrics = [{"key": k, "value": v, "timestamp": 1, "step": 0} for k, v in data.get("metrics", {}).items()]
        lists = {name: _pairs(data.get(name, {})) for name in ("params", "tags")}
        self.server.call("POST", "runs/log-batch", {"run_id": run_id, "metrics": metrics, **lists})
        if datasets := data.get("datasets"):
            self.server.call("POST", "runs/log-inputs", {"run_id": run_id, "datasets": datasets})
        ended = {"run_id": run_id, "status": "FINISHED", "end_time": 1_700_000_060_000}
        self.server.call("POST", "runs/update", ended)
        return dict(info["run"]["info"])

    def files(self, uri: str, contents: dict[str, bytes]) -> str:
        """Upload files below an artifact address, and return the address."""
        with TemporaryDirectory() as folder:
            for path, content in contents.items():
                file = Path(folder) / "file"
                file.write_bytes(content)
                self.server.upload(uri, path, file)
        return uri

    def model(self, name: str, **fields: Any) -> None:
        """Make a registered model."""
        self.server.call("POST", "registered-models/create", {"name": name, **_tagged(fields)})

    def version(self, name: str, source: str, **fields: Any) -> int:
        """Make a version, and return its number."""
        asked = {"name": name, "source": source, **_tagged(fields)}
        return int(self.server.call("POST", "model-versions/create", asked)["model_version"]["version"])

    def stage(self, name: str, version: int, stage: str) -> None:
        """Move a version."""
        asked = {"name": name, "version": str(version), "stage": stage, "archive_existing_versions": False}
        self.server.call("POST", "model-versions/transition-stage", asked)

    def alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias to a version."""
        self.server.call("POST", "registered-models/alias", {"name": name, "alias": alias, "version": str(version)})

    def delete(self, name: str, version: int) -> None:
        """Delete a version."""
        self.server.call("DELETE", "model-versions/delete", {"name": name, "version": str(version)})

    def logged_model(self, name: str, run_id: str, contents: dict[str, bytes], **fields: Any) -> str:
        """Log a model as MLflow 3 does, outside its run's artifacts; return its id."""
        asked = {"experiment_id": "0", "name": name, "source_run_id": run_id}
        lists = {key: _pairs(value) for key, value in fields.items()}
        info = self.server.call("POST", "logged-models", {**asked, **lists})["model"]["info"]
        self.files(info["artifact_uri"], contents)
        ready = {"model_id": info["model_id"], "status": "LOGGED_MODEL_READY"}
        self.server.call("PATCH", f"logged-models/{info['model_id']}", ready)
        return str(info["model_id"])


def many(server: Server, models: int, versions: int) -> Filled:
    """Put `models` models with `versions` versions each into a server; each version has two small files of its own."""
    filler = Filler(server=server)
    run = filler.run(metrics={"accuracy": 0.9}, params={"depth": "3"})

    def make(name: str) -> None:
        filler.model(name, description=f"made as {name}", tags={"made": "in bulk"})
        for number in range(1, versions + 1):
            uri = f"{run['artifact_uri']}/{name}/{number}"
            filler.files(uri, {"model.bin": f"{name} {number}".encode() * 50, "MLmodel": b"flavors: {}\n"})
            filler.version(name, uri, run_id=run["run_id"], tags={"n": str(number)})

    names = [f"bulk-{place:02}" for place in range(models)]
    each(make, names)
    return Filled(versions=dict.fromkeys(names, versions), files=2 * models * versions)


def each(act: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Do something for all items, several at once; the first failure is raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(act, items))


def _pairs(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _tagged(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, **({"tags": _pairs(fields["tags"])} if "tags" in fields else {})}
