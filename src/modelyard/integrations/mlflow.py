"""What an MLflow server has registered, as arrivals: models and prompts, with runs, logged models, metrics and files.

Rules
- Prompts come too: MLflow hides them from a search that does not ask for them.
- Versions come in the order in which they were made there, so that what a copy was made from is here before the copy.
- A run, a logged model or an experiment that is gone is no fault of the version: it comes without what they would tell.
- Versions come with their files, wherever `Reach` lets us read them; a server that does not answer is a fault, and not
  a version without files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, TypeVar

from modelyard.domain.mlflow import imported
from modelyard.domain.mlflow.imported import Tracked, pairs
from modelyard.domain.names import shown
from modelyard.errors import ModelyardError, NotFound, Overloaded, RemoteUnavailable, TimedOut
from modelyard.integrations.arrivals import Arrival, ForeignFile, ForeignModel, Identity, Progress, Ticket
from modelyard.outside.mlflow.artifacts import Reach, download, files_of
from modelyard.outside.mlflow.client import Server
from modelyard.outside.mlflow.connection import PAGE, understood

PASSING: Final = (RemoteUnavailable, TimedOut, Overloaded)
_PROMPTS: Final = "tag.`mlflow.prompt.is_prompt` = 'true'"
_IS_PROMPT: Final = "mlflow.prompt.is_prompt"
_TEXT: Final = "mlflow.prompt.text"
Found = TypeVar("Found")


class MlflowOrigin:
    """The models of an MLflow server.

    Args:
        uri: the server, as for `Server`.
        patterns: names of models, with `*` and `?`; all where there are none.
        reach: what may be read besides the server itself.
    """

    def __init__(self, uri: str, patterns: Iterable[str] = (), *, reach: Reach) -> None:
        self._server = Server(uri, reach=reach)
        self._patterns = tuple(patterns)
        self._models: list[Mapping[str, Any]] | None = None
        self._experiments: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """The server's URL."""
        return self._server.url

    def close(self) -> None:
        """End the connections."""
        self._server.close()

    def identity(self, imported_: object) -> Identity | None:
        """See `Origin`."""
        found = imported.identity(imported_)
        return None if found is None else tuple(map(str, found))

    def models(self) -> list[ForeignModel]:
        """See `Origin`."""
        with understood(self.address):
            return [
                ForeignModel(
                    name=str(model["name"]),
                    description=str(model.get("description") or ""),
                    tags=pairs(model.get("tags")),
                )
                for model in self._listed()
            ]

    def tickets(self) -> Iterator[Ticket]:
        """See `Origin`."""
        with understood(self.address):
            yield from self._tickets()

    def _tickets(self) -> Iterator[Ticket]:
        waiting = []
        for model in self._listed():
            versions = sorted(self._versions(model), key=_number)
            # A version is never made before the one with the lower number, whatever a clock that was set back says.
            times = accumulate((int(version.get("creation_timestamp", 0)) for version in versions), max)
            waiting += [
                (time, model["name"], _number(each), model, each) for time, each in zip(times, versions, strict=True)
            ]
        waiting.sort(key=lambda entry: entry[:3])
        born = {(name, number): self._told(version) for _, name, number, _, version in waiting}
        for _, name, number, model, version in waiting:
            of = imported.copied_from(version) or ("", 0)
            yield Ticket(
                model=name,
                label=f"{name if name.isprintable() else shown(name)}/{number}",
                identity=self._told(version),
                number=number,
                stage=imported.stage_of(version),
                aliases=tuple(a["alias"] for a in model.get("aliases", []) if str(a.get("version")) == str(number)),
                parent=(of[0], born[of]) if of in born else None,
                look=partial(self._looked, version),
            )

    def _told(self, version: Mapping[str, Any]) -> Identity:
        return self.identity(imported.origin(self.address, version)) or ()

    def _listed(self) -> list[Mapping[str, Any]]:
        if self._models is None:
            found: list[Mapping[str, Any]] = []
            for filter_ in (None, _PROMPTS):
                params = {"filter": filter_, "max_results": PAGE}
                found += self._server.pages("registered-models/search", "registered_models", params)
            # A server that knows no prompts may give the same models twice.
            unique = {model["name"]: model for model in found if self._is_wanted(model["name"])}
            self._models = [unique[name] for name in sorted(unique)]
        return self._models

    def _is_wanted(self, name: str) -> bool:
        return not self._patterns or any(fnmatchcase(name, pattern) for pattern in self._patterns)

    def _versions(self, model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        name = model["name"]
        mark = '"' if "'" in name else "'"
        wanted = f"name={mark}{name}{mark}"
        if _is_prompt(model.get("tags")):
            wanted += f" AND {_PROMPTS}"
        params = {"filter": wanted, "max_results": PAGE}
        return list(self._server.pages("model-versions/search", "model_versions", params))

    def _looked(self, version: Mapping[str, Any]) -> Arrival:
        with understood(self.address):
            return self._look(version)

    def _look(self, version: Mapping[str, Any]) -> Arrival:
        run_id, model_id = version.get("run_id", ""), version.get("model_id", "") or _logged(version)
        logged = _or_nothing(partial(self._server.logged_model, model_id)) if model_id else {}
        run_id = run_id or logged.get("info", {}).get("source_run_id", "")
        run = _or_nothing(partial(self._server.run, run_id)) if run_id else {}
        tracked = Tracked(
            run=run, logged=logged, experiment=self._experiment(run.get("info", {}).get("experiment_id", ""))
        )
        tags = pairs(version.get("tags"))
        given: dict[str, Any] = {
            "document": imported.document(self.address, version, tracked),
            "version": imported.semver_of(tags),
        }
        if _is_prompt(version.get("tags")) or _TEXT in tags:
            return Arrival(**given)
        try:
            place, files = files_of(self._server.place(self._source(version)))
        except PASSING:
            raise
        except ModelyardError as trouble:
            return Arrival(**given, trouble=trouble)

        def fetch(folder: Path, progress: Progress | None) -> dict[str, str]:
            with understood(self.address):
                return {file.path: file.digest for file in download(place, folder, progress, files)}

        listed = tuple(ForeignFile(path=file.path, size=file.size) for file in files)
        return Arrival(**given, files=listed, fetch=fetch)

    def _source(self, version: Mapping[str, Any]) -> str:
        params = {"name": version["name"], "version": version["version"]}
        return str(self._server.call("GET", "model-versions/get-download-uri", params).get("artifact_uri", ""))

    def _experiment(self, experiment_id: str) -> str:
        if not experiment_id:
            return ""
        with self._lock:
            if experiment_id not in self._experiments:
                found = _or_nothing(partial(self._server.experiment, experiment_id))
                self._experiments[experiment_id] = str(found.get("name", ""))
            return self._experiments[experiment_id]


def _or_nothing(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return ask()
    except NotFound:
        return {}


def _number(version: Mapping[str, Any]) -> int:
    return int(version["version"])


def _logged(version: Mapping[str, Any]) -> str:
    """The logged model that a source names."""
    source = str(version.get("source", ""))
    return source.removeprefix("models:/").partition("/")[0] if source.startswith("models:/m-") else ""


def _is_prompt(tags: object) -> bool:
    return pairs(tags).get(_IS_PROMPT, "").lower() == "true"
