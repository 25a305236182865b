"""Runs by the REST API of an MLflow server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from modelyard.domain.addresses import without_secrets
from modelyard.domain.mlflow.imported import pairs
from modelyard.domain.names import shown
from modelyard.errors import Conflict, InvalidRequest, NotFound
from modelyard.outside.mlflow.client import Server
from modelyard.outside.mlflow.runs import DELETED, FINISHED, Batch, Run

PROXIED: Final = frozenset({"mlflow-artifacts", "http", "https"})
"""The schemes of addresses that files are sent to through the server."""
OVER: Final = frozenset({FINISHED, "FAILED", "KILLED"})


class RestTracking:
    """The runs of an MLflow server.

    Args:
        server: the server; the caller closes it.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def experiment(self, name: str) -> str:
        """Return the id of an experiment; see `Tracking` for all of these."""
        try:
            found = self._by_name(name)
        except NotFound:
            try:
                return str(self._server.call("POST", "experiments/create", {"name": name})["experiment_id"])
            except Conflict:
                # Somebody else made it between the two questions.
                found = self._by_name(name)
        return living(name, str(found["experiment_id"]), str(found.get("lifecycle_stage", "")))

    def get(self, run_id: str) -> Run | None:
        """Return a run."""
        try:
            return _run(self._server.run(run_id))
        except NotFound:
            return None

    def find(self, experiment_id: str, tag: str, value: str) -> Run | None:
        """Return the run that has a tag."""
        asked = {
            "experiment_ids": [experiment_id],
            "filter": f"tags.`{tag}` = '{value}'",
            "run_view_type": "ALL",
            "max_results": 1,
        }
        runs = self._server.call("POST", "runs/search", asked, repeatable=True).get("runs", [])
        return _run(runs[0]) if runs else None

    def create(self, experiment_id: str, name: str, tags: dict[str, str], at_ms: int) -> Run:
        """Make a run."""
        asked = {"experiment_id": experiment_id, "run_name": name, "start_time": at_ms, "tags": _listed(tags)}
        return _run(self._server.call("POST", "runs/create", asked)["run"])

    def log(self, run: Run, batch: Batch, at_ms: int) -> None:
        """Add to a run."""
        metrics = [
            {"key": key, "value": value, "timestamp": at_ms, "step": 0} for key, value in batch.metrics.items()
        ]  # fmt: skip
        asked = {
            "run_id": run.run_id,
            "metrics": metrics,
            "params": _listed(batch.params),
            "tags": _listed(batch.tags),
        }
        self._server.call("POST", "runs/log-batch", asked, repeatable=True)

    def upload(self, run: Run, path: str, file: Path) -> None:
        """Put a file among the artifacts of a run.

        Raises:
            InvalidRequest: the server keeps them where only its own clients can write.
        """
        scheme = run.artifact_uri.partition(":")[0].lower()
        if scheme not in PROXIED:
            raise InvalidRequest(
                f"the server keeps the files of its runs at {shown(without_secrets(run.artifact_uri))}, and takes none",
                hint="start it with --serve-artifacts, which is its default",
            )
        self._server.upload(run.artifact_uri, path, file)

    def finish(self, run: Run, at_ms: int) -> None:
        """End a run."""
        asked = {"run_id": run.run_id, "status": FINISHED, "end_time": at_ms}
        self._server.call("POST", "runs/update", asked, repeatable=True)

    def address(self, run: Run) -> str:
        """Where people see a run."""
        return f"{self._server.url}/#/experiments/{run.experiment_id}/runs/{run.run_id}"

    def _by_name(self, name: str) -> dict[str, Any]:
        found = self._server.call("GET", "experiments/get-by-name", {"experiment_name": name})
        return dict(found["experiment"])


def living(name: str, experiment_id: str, lifecycle: str) -> str:
    """Return the id of an experiment that was not deleted.

    Raises:
        Conflict: it was; MLflow takes no run in it, and keeps its name.
    """
    if lifecycle == DELETED:
        raise Conflict(
            f"the experiment {shown(name)} was deleted in MLflow",
            hint="restore it there, or set mlflow.experiment_name to another name",
        )
    return experiment_id


def _run(document: dict[str, Any]) -> Run:
    info, data = document["info"], document.get("data", {})
    return Run(
        run_id=str(info["run_id"]),
        experiment_id=str(info["experiment_id"]),
        artifact_uri=str(info.get("artifact_uri", "")),
        is_over=info.get("status") in OVER,
        is_deleted=info.get("lifecycle_stage") == DELETED,
        params=pairs(data.get("params")),
    )


def _listed(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]
