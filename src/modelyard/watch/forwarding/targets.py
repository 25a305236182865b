"""The targets: MLflow by REST or by its package, and Weights & Biases by its SDK.

Rules
1. Nothing is sent anywhere unless the configuration says so: `mlflow.enabled`, `wandb.enabled`.
2. A server of MLflow is spoken to by REST, in this process. Every other tracking store, and W&B, takes the SDK, which
   works in a process of its own.
3. Files are taken out of the store one after the other, verified, into a temporary folder; where they are sent by REST,
   only one lies there at a time. What is over the limit, or not wanted, is left out, and the note says so.
4. Credentials are what the SDKs themselves look for in the environment; none is written down or logged.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

import msgspec

from modelyard.artifacts.store import ArtifactStore
from modelyard.artifacts.tree import restore
from modelyard.config import Settings
from modelyard.domain import forwards as rules
from modelyard.domain.forwards import Landing
from modelyard.domain.manifest import Manifest
from modelyard.outside import sdk
from modelyard.outside.mlflow import package
from modelyard.outside.mlflow.client import Server
from modelyard.outside.mlflow.runs import log_version
from modelyard.outside.mlflow.tracking import RestTracking
from modelyard.outside.wandb import runs as wandb
from modelyard.watch.forwarding.claims import Claim, Parcel

USUAL_STORE: Final = "sqlite:///mlflow.db"
USUAL_PROJECT: Final = "model_registry"
SERVERS: Final = ("http://", "https://")


class Target(Protocol):
    """Somewhere that versions are sent on to."""

    def send(self, store: ArtifactStore, parcel: Parcel, claim: Claim) -> Landing:
        """Send a version once, and return where it is now.

        Raises:
            ModelyardError: why it could not be sent.
        """


@dataclass(frozen=True, kw_only=True)
class Cargo:
    """The files of a version on their way out.

    Attributes:
        store: where they come from.
        manifest: which they are; None where none go.
        note: why they are left out; empty where they are not.
    """

    store: ArtifactStore
    manifest: Manifest | None
    note: str = ""

    def one_by_one(self, claim: Claim) -> Iterator[tuple[str, Path]]:
        """Yield the path of each file and where it lies until the next one is asked for."""
        for entry in self.manifest.files if self.manifest else ():
            with TemporaryDirectory(prefix="modelyard-forward-") as folder:
                yield entry.path, restore(self.store, [entry], folder)[0]
            if claim.is_gone:
                return

    @contextmanager
    def all_at_once(self) -> Iterator[list[tuple[str, str]] | None]:
        """All files, with where they lie for as long as the block lasts; None where none go."""
        if self.manifest is None:
            yield None
            return
        with TemporaryDirectory(prefix="modelyard-forward-") as folder:
            files = restore(self.store, self.manifest.files, folder)
            yield [(entry.path, str(file)) for entry, file in zip(self.manifest.files, files, strict=True)]


def cargo_of(store: ArtifactStore, parcel: Parcel, settings: Settings, group: str) -> Cargo:
    """Return which files are sent, as the settings of a target say; none where they are there already."""
    if parcel.landing.has_files:
        return Cargo(store=store, manifest=None, note=parcel.landing.note)
    size, most = parcel.manifest.total_size, settings[f"{group}.max_bytes"]
    if not settings[f"{group}.log_files"]:
        return Cargo(store=store, manifest=None, note=f"the files were left out: {group}.log_files is off")
    if size > most:
        note = f"the files were left out: {size} bytes are more than {group}.max_bytes, {most}"
        return Cargo(store=store, manifest=None, note=note)
    return Cargo(store=store, manifest=parcel.manifest)


class Mlflow:
    """An MLflow tracking server, or another tracking store.

    Args:
        settings: the `mlflow.*` settings.
        environ: where MLflow's own variables are looked up.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings, self._environ = settings, environ
        self._uri = tracking_uri(settings, environ)
        self._experiment = str(settings["mlflow.experiment_name"])

    def send(self, store: ArtifactStore, parcel: Parcel, claim: Claim) -> Landing:
        """Make the version a run; see `Target`."""
        cargo = cargo_of(store, parcel, self._settings, "mlflow")
        told = rules.mlflow_run(parcel.told)
        if not self._uri.lower().startswith(SERVERS):
            return _noted(self._by_package(cargo, told, parcel, claim), cargo)
        with Server(self._uri, environ=self._environ) as server:
            claim.on_gone(server.close)
            files = cargo.one_by_one(claim)
            return _noted(log_version(RestTracking(server), self._experiment, told, parcel.landing, files), cargo)

    def _by_package(self, cargo: Cargo, told: rules.MlflowRun, parcel: Parcel, claim: Claim) -> Landing:
        with cargo.all_at_once() as files:
            job = package.Job(
                uri=self._uri, experiment=self._experiment, told=told, landing=parcel.landing, files=files
            )
            return _run(
                package.MODULE, job, folder=self._settings.working_folder, environ=self._environ,
                timeout=self._settings["forwards.timeout_s"], unwanted=lambda: claim.is_gone,
            )  # fmt: skip


class Wandb:
    """Weights & Biases.

    Args:
        settings: the `wandb.*` settings.
        environ: where the SDK's own variables are looked up.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings, self._environ = settings, environ
        self._mode = str(settings["wandb.mode"])
        self._folder = settings.working_folder / str(settings["wandb.folder"] or settings.registry_folder / "wandb")

    def send(self, store: ArtifactStore, parcel: Parcel, claim: Claim) -> Landing:
        """Make the version a run with an artifact; see `Target`."""
        cargo = cargo_of(store, parcel, self._settings, "wandb")
        with ExitStack() as stack:
            files = stack.enter_context(cargo.all_at_once())
            folder = self._folder
            if self._mode == wandb.ONLINE:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="modelyard-wandb-")))
            job = wandb.Job(
                told=rules.wandb_run(parcel.told),
                project=str(self._settings["wandb.project"] or self._environ.get("WANDB_PROJECT") or USUAL_PROJECT),
                entity=str(self._settings["wandb.entity"] or ""),
                mode=self._mode,
                link_to=str(self._settings["wandb.link_to"] or ""),
                folder=str(folder),
                files=files,
            )
            folder.mkdir(parents=True, exist_ok=True)
            landing = _run(
                wandb.MODULE, job, folder=folder, environ=wandb.environment(dict(self._environ), folder, self._mode),
                timeout=self._settings["forwards.timeout_s"], unwanted=lambda: claim.is_gone,
            )  # fmt: skip
            shutil.rmtree(folder / "cache", ignore_errors=True)
            return _noted(landing, cargo)


MAKERS: Final[Mapping[str, Callable[[Settings, Mapping[str, str]], Target]]] = {
    rules.MLFLOW: Mlflow,
    rules.WANDB: Wandb,
}


def tracking_uri(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the MLflow server or store that versions are logged to."""
    return str(settings["mlflow.tracking_uri"] or environ.get("MLFLOW_TRACKING_URI") or USUAL_STORE)


def targets_of(settings: Settings) -> tuple[str, ...]:
    """Return the targets that are switched on."""
    is_on = {
        rules.MLFLOW: settings["mlflow.enabled"],
        rules.WANDB: settings["wandb.enabled"] and settings["wandb.mode"] != "disabled",
    }
    return tuple(target for target in rules.TARGETS if is_on[target])


def _run(module: str, job: msgspec.Struct, **how: Any) -> Landing:
    return msgspec.convert(sdk.run(module, msgspec.to_builtins(job), **how), Landing)


def _noted(landing: Landing, cargo: Cargo) -> Landing:
    notes = dict.fromkeys(note for note in (cargo.note, landing.note) if note)
    return replace(landing, note="; ".join(notes))
