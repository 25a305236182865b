"""Forwards in tests: registries that are logged somewhere, senders that do not wait long, and what MLflow then has."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.templates import prepared
from components.yards import open_caller
from modelyard.artifacts.store import ArtifactStore
from modelyard.bootstrap import EmbeddedCaller
from modelyard.config import Settings, load
from modelyard.domain.forwards import Landing
from modelyard.domain.wire import ForwardRecord
from modelyard.operations import LIST_FORWARDS, ListForwards
from modelyard.watch.forwarding.claims import Claim, Parcel
from modelyard.watch.forwarding.sender import Forwarder
from modelyard.watch.forwarding.targets import Target

QUICK: dict[str, Any] = {"forwards.first_retry_s": 0.02, "forwards.longest_retry_s": 0.05, "forwards.lease_s": 1.0}
TO_MLFLOW: dict[str, Any] = {"mlflow.enabled": True}
TO_WANDB: dict[str, Any] = {"wandb.enabled": True, "wandb.mode": "offline"}
PATIENCE = 30.0


def settings_for(folder: Path, given: Mapping[str, Any]) -> Settings:
    """Settings of the registry in a folder, for senders that do not wait long."""
    overrides = {"registry.path": str(folder), **QUICK, **given}
    return load(environ={}, working_folder=folder.parent, overrides=overrides)


def opened(folder: Path, given: Mapping[str, Any], database_url: str = "") -> EmbeddedCaller:
    """Open the registry in a folder, whose versions wait to be sent on; nothing is sent by itself."""
    return open_caller(prepared(folder, database_url), database_url, **given)


def send_once(
    caller: EmbeddedCaller,
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    targets: Mapping[str, Target] | None = None,
) -> Forwarder:
    """Try once what is due."""
    settings = settings_for(Path(caller.address), given)
    with Forwarder(caller.yard, settings, environ=environ, targets=targets) as forwarder:
        forwarder.drain()
    return forwarder


def listed(caller: EmbeddedCaller, **fields: Any) -> list[ForwardRecord]:
    """Return the forwards of a registry, the newest first."""
    return caller.call(LIST_FORWARDS, ListForwards(**fields)).forwards


class Playing:
    """A target that plays a part, where what matters is who sends when, and not where to.

    Args:
        play: called with the parcel and the claim of each attempt, in its thread.
    """

    def __init__(self, play: Callable[[Parcel, Claim], object] = lambda _parcel, _claim: None) -> None:
        self.parcels: list[Parcel] = []
        self._play, self._lock = play, threading.Lock()

    def send(self, store: ArtifactStore, parcel: Parcel, claim: Claim) -> Landing:
        """Take a parcel."""
        with self._lock:
            self.parcels.append(parcel)
        self._play(parcel, claim)
        return replace(parcel.landing, run_id=f"run-{parcel.told.version}", has_files=True)


class Tracking:
    """What an MLflow server has, asked over HTTP as a browser would.

    Args:
        url: where it listens.
        store: its database, as MLflow names it.
    """

    def __init__(self, url: str, store: str) -> None:
        self.url, self.store = url, store

    def ask(self, endpoint: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET an endpoint, or POST to it where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/api/2.0/mlflow/{endpoint}", data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def experiment(self, name: str) -> str:
        """The id of an experiment."""
        return str(self.ask(f"experiments/get-by-name?experiment_name={name}")["experiment"]["experiment_id"])

    def runs(self, experiment: str) -> list[dict[str, Any]]:
        """All runs of an experiment, deleted ones too."""
        body = {"experiment_ids": [self.experiment(experiment)], "run_view_type": "ALL", "max_results": 1000}
        return list(self.ask("runs/search", body).get("runs", []))

    def history(self, run_id: str, metric: str) -> list[float]:
        """All values that a metric of a run has had."""
        found = self.ask(f"metrics/get-history?run_id={run_id}&metric_key={metric}")["metrics"]
        return [one["value"] for one in found]

    def file(self, run: Mapping[str, Any], path: str) -> bytes:
        """The bytes of an artifact of a run."""
        root = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/").lstrip("/")
        url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{root}/{path}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return bytes(answer.read())


def values_of(run: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The params, metrics or tags of a run."""
    return {one["key"]: one["value"] for one in run["data"].get(kind, [])}
