"""The models among the artifacts of a Weights & Biases project, as arrivals.

Rules
- The SDK of W&B asks and fetches, with the credentials that it knows; its own chatter and its reports of errors are
  switched off.
- Artifacts of the type `model` come, each collection as a model. W&B counts from v0, and numbers here from 1.
- Aliases come, except those that mean something else here: `latest`, and `v` with digits.
- An artifact's tags become tags; its metadata stands in `extra["imported"]`, and its `metrics` among the metrics.
- Every file is compared with the MD5 that the artifact's manifest states. An artifact that only refers to files
  elsewhere comes without them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from modelyard.domain.checks import check_metrics
from modelyard.domain.names import shown
from modelyard.errors import (
    IntegrityError,
    InvalidArtifact,
    InvalidRequest,
    MissingExtra,
    ModelyardError,
    NotFound,
    RemoteUnavailable,
    Unauthenticated,
)
from modelyard.integrations.arrivals import (
    Arrival,
    ForeignFile,
    ForeignModel,
    Identity,
    Progress,
    Ticket,
    trouble_of,
)

KIND: Final = "wandb"
PIECE: Final = 1 << 20
TIMEOUT_S: Final = 60
_HINT: Final = "write wandb://entity/project, or wandb://entity/project/collection"
_FIXED: Final = re.compile(r"latest|v[0-9]+", re.IGNORECASE)
_MISSING: Final = re.compile(r"not found|could not find|unable to find|does not exist|no such", re.IGNORECASE)


class WandbOrigin:
    """The models of a W&B project, or one of them.

    Args:
        uri: `wandb://entity/project` or `wandb://entity/project/collection`.
        patterns: names of collections, with `*` and `?`; all where there are none.

    Raises:
        InvalidRequest: the address is no such thing.
        MissingExtra: wandb is not installed.
        Unauthenticated: W&B does not know who asks.
    """

    def __init__(self, uri: str, patterns: tuple[str, ...] = ()) -> None:
        parts = uri.partition("://")[2].strip("/").split("/")
        if not 2 <= len(parts) <= 3 or not all(parts):  # noqa: PLR2004 - entity, project, collection
            raise InvalidRequest(f"{shown(uri)} is no address of a project", hint=_HINT)
        self._project = "/".join(parts[:2])
        self._patterns = tuple(parts[2:]) or patterns
        self._library = _library()
        with self._faults():
            self._api: Any = self._library.Api(timeout=TIMEOUT_S)
        self._found: list[Any] | None = None

    @property
    def address(self) -> str:
        """The project."""
        return f"wandb://{self._project}"

    def close(self) -> None:
        """The SDK ends its service by itself."""

    def models(self) -> list[ForeignModel]:
        """See `Origin`."""
        return [ForeignModel(name=each.name, description=each.description or "") for each in self._collections()]

    def tickets(self) -> Iterator[Ticket]:
        """See `Origin`."""
        for collection in self._collections():
            with self._faults():
                artifacts = list(self._api.artifacts("model", f"{self._project}/{collection.name}"))
            for artifact in sorted(artifacts, key=_number):
                yield Ticket(
                    model=collection.name,
                    label=f"{collection.name}:{artifact.version}",
                    identity=self.identity(self._imported(collection.name, artifact)) or (),
                    number=_number(artifact) + 1,
                    aliases=tuple(alias for alias in artifact.aliases if not _FIXED.fullmatch(alias)),
                    look=partial(self._look, collection.name, artifact),
                )

    def identity(self, imported: object) -> Identity | None:
        """See `Origin`."""
        if not isinstance(imported, Mapping) or imported.get("from") != KIND:
            return None
        return KIND, *(str(imported.get(key, "")) for key in ("name", "version", "digest"))

    def _collections(self) -> list[Any]:
        if self._found is None:
            with self._faults():
                listed = list(self._api.artifact_type("model", project=self._project).collections())
            wanted = [c for c in listed if not self._patterns or any(fnmatchcase(c.name, p) for p in self._patterns)]
            self._found = sorted(wanted, key=lambda collection: str(collection.name))
        return self._found

    def _imported(self, name: str, artifact: Any) -> dict[str, Any]:
        facts = {
            "from": KIND,
            "name": f"{self._project}/{name}",
            "version": artifact.version,
            "number": _number(artifact) + 1,
            "digest": artifact.digest,
            "created_at": artifact.created_at or "",
            "metadata": dict(artifact.metadata or {}),
        }
        return {key: value for key, value in facts.items() if value not in ("", {})}

    def _look(self, name: str, artifact: Any) -> Arrival:
        metadata = artifact.metadata or {}
        metrics: dict[str, float] = {}
        with suppress(ModelyardError):
            metrics = check_metrics(metadata.get("metrics") or {})
        document = {
            "description": artifact.description or "",
            "tags": dict.fromkeys(artifact.tags or (), "true"),
            "metrics": metrics,
            "source": f"{self.address}/{name}:{artifact.version}",
            "extra": {"imported": self._imported(name, artifact)},
        }
        document = {key: value for key, value in document.items() if value}
        with self._faults():
            entries = dict(artifact.manifest.entries)
        elsewhere = [path for path, entry in entries.items() if entry.ref is not None]
        if elsewhere or not entries:
            what = f"refers to files elsewhere, such as {elsewhere[0]}" if elsewhere else "has no files"
            return Arrival(document=document, trouble=InvalidArtifact(f"{name}:{artifact.version} {what}"))
        files = tuple(ForeignFile(path=path, size=entry.size) for path, entry in sorted(entries.items()))
        if trouble := trouble_of(files):
            return Arrival(document=document, files=files, trouble=trouble)
        return Arrival(document=document, files=files, fetch=partial(self._fetch, artifact, entries))

    def _fetch(
        self, artifact: Any, entries: Mapping[str, Any], folder: Path, progress: Progress | None
    ) -> dict[str, str]:
        with self._faults():
            artifact.download(root=str(folder), skip_cache=True)
        digests = {}
        for path, entry in entries.items():
            digests[path] = _proven(folder / path, path, entry.digest)
            if progress:
                progress((folder / path).stat().st_size)
        return digests

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn the SDK's exceptions into ours."""
        errors = self._library.errors
        try:
            yield
        except (errors.AuthenticationError, errors.UsageError) as error:
            hint = "run `wandb login`, or set WANDB_API_KEY"
            raise Unauthenticated(
                f"W&B does not know who asks for {self.address}: {_line(error)}", hint=hint
            ) from error
        except (errors.Error, ValueError, OSError) as error:
            if _MISSING.search(str(error)):
                raise NotFound(f"W&B shows no such thing in {self.address}: {_line(error)}", hint=_HINT) from error
            raise RemoteUnavailable(
                f"{self.address} cannot be fetched: {_line(error)}", hint="repeat it later"
            ) from error
        except (LookupError, TypeError, AttributeError) as error:
            # How the SDK meets an answer that it does not expect.
            raise RemoteUnavailable(
                f"what W&B answers for {self.address} makes no sense to its SDK: {_line(error)}", hint=""
            ) from error


def _library() -> Any:
    """W&B's SDK, silent."""
    for name, value in (("WANDB_SILENT", "true"), ("WANDB_ERROR_REPORTING", "false")):
        os.environ.setdefault(name, value)
    try:
        return import_module("wandb")
    except ImportError as error:
        raise MissingExtra(
            "importing from Weights & Biases needs the package wandb", hint="pip install 'modelyard[wandb]'"
        ) from error


def _number(artifact: Any) -> int:
    return int(str(artifact.version).removeprefix("v"))


def _proven(file: Path, path: str, wanted: str) -> str:
    """Return a file's BLAKE3, if its MD5 is the one of the manifest.

    Raises:
        IntegrityError: it is not.
    """
    ours, theirs = blake3(), hashlib.md5(usedforsecurity=False)
    with file.open("rb") as source:
        while piece := source.read(PIECE):
            ours.update(piece)
            theirs.update(piece)
    if base64.b64encode(theirs.digest()).decode() != wanted:
        raise IntegrityError(f"{path} has other bytes than the artifact's manifest states", hint="repeat the import")
    return ours.hexdigest()


def _line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
