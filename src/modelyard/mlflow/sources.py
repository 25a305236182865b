"""Where a version comes from, as an MLflow client says it, and which bytes of it are here.

    source                                    what becomes of it
    models:/NAME/3, models:/NAME@alias        a copy: the files of that version, shared by their digests, and what is
                                              recorded about it, but for what the client says itself
    an address below our own artifact proxy   the files that were put there
    anything else, with a tracking server     fetched from there and kept, so that the version can be verified
    anything else                             recorded as it was given; the version is unproven

Rules
1. The source is kept as it was given, whatever became of it.
2. Nothing is read from the server's own machine, and no source has a traversal. A prompt's source is a placeholder and
   is never read.
3. A tracking server that was named and cannot give the bytes makes the registration fail: somebody who asked for whole
   versions does not get an unproven one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row

from modelyard.domain.copying import fields_of
from modelyard.domain.manifest import Manifest
from modelyard.domain.mlflow import names
from modelyard.domain.mlflow.artifacts import OWN, artifact_path
from modelyard.domain.references import Reference
from modelyard.errors import InvalidArtifact, InvalidRequest, NotFound
from modelyard.metadata import versions
from modelyard.mlflow import looking
from modelyard.mlflow.desk import Desk, Refusal, invalid
from modelyard.mlflow.entities import known_of
from modelyard.operations import GET_VERSION
from modelyard.registry.context import Context
from modelyard.registry.lookup import content, document, find_reference, record
from modelyard.registry.proxied import manifest_of
from modelyard.registry.publish import NO_FILES

READ: Final = GET_VERSION.permission
PROXY: Final = "/api/2.0/mlflow-artifacts/artifacts/"
"""Where the artifact proxy answers, below this server's address."""


@dataclass(frozen=True)
class Origin:
    """What a source turned out to be: the files that are here, and the version that it is a copy of."""

    manifest: Manifest = NO_FILES
    copied: str = ""
    """The id of the version at the beginning of a chain of copies."""
    address: str = ""
    """The source at the beginning of a chain of copies of a version without files."""
    carried: Mapping[str, Any] = field(default_factory=dict)
    """The metadata that a copy takes along, as fields of a registration."""


def origin_of(desk: Desk, source: str, *, is_prompt: Callable[[], bool]) -> Origin:
    """Look what a source is, and fetch it where that is possible; a prompt's is neither looked at nor fetched.

    Raises:
        Refusal: no version may be registered from there, or the version that it names is not there.
        ModelyardError: the tracking server does not answer, or has nothing there.
    """
    if not names.is_safe_source(source) or names.is_local_source(source):
        if is_prompt():
            return Origin()
        raise invalid(
            f"Invalid model version source: '{source[:1000]}'. A source is an address that clients can reach, without"
            " `..`; upload local files to an artifact store, or register them with modelyard."
        )
    named = names.version_source(source)
    if named is not None:
        return Origin() if is_prompt() else _copy(desk, source, *named)
    below = path_in_proxy(desk, source)
    if below is not None:
        kept = _kept(desk, below)
        if kept.files:
            return Origin(kept)
    fetched = desk.fetch(source) if desk.fetch is not None and not is_prompt() else None
    return Origin(fetched) if fetched is not None else Origin()


def path_in_proxy(desk: Desk, source: str) -> str | None:
    """The path in our artifact proxy that a source names; None for what lies elsewhere."""
    for start in (f"{desk.address}{PROXY}", "mlflow-artifacts:"):
        if desk.address and source.startswith(start):
            path = source.removeprefix(start)
            # mlflow-artifacts://host/path names a tracking server of its own.
            return None if path.startswith("//") and not path.startswith("///") else path.strip("/")
    return None


def download_address(desk: Desk, context: Context, row: Row[Any]) -> str:
    """Where clients read the files of a version: from us where they are here, else from its source."""
    metadata = document(row)
    known = known_of(metadata)
    if row.digest:
        first = versions.by_id(context.tx, known.copied) if known.copied else None
        # The original may be another model's, which whoever may read the copy need not be allowed to read.
        is_open = first is not None and first.digest == row.digest and context.sees(first.name)
        return f"{desk.address}{PROXY}{OWN}/{known.copied if is_open else row.id}"
    return str(known.address or metadata.get("source") or f"models:/{row.name}/{row.number}")


def _copy(desk: Desk, source: str, name: str, selector: str) -> Origin:
    with desk.reading(READ) as context:
        try:
            row = find_reference(context, Reference.within(name, selector))
        except (NotFound, InvalidRequest):
            raise looking.no_version(name, selector) from None
        metadata = document(row)
        known = known_of(metadata)
        files = content(context, row)
        carried = fields_of(record(context, row))
        if files.files:
            return Origin(files, copied=known.copied or row.id, carried=carried)
        if metadata.get("provider"):
            raise Refusal("INVALID_PARAMETER_VALUE", f"{source} has no files to copy: it runs elsewhere")
        return Origin(address=known.address or str(metadata.get("source", "")), carried=carried)


def _kept(desk: Desk, path: str) -> Manifest:
    """The files below a path of the artifact proxy; none where nothing is there, or could be.

    Raises:
        InvalidArtifact: what lies there cannot be a version's files together.
    """
    try:
        artifact_path(path)
    except InvalidArtifact:
        return NO_FILES
    try:
        with desk.reading(READ) as context:
            return manifest_of(context, path)
    except NotFound:
        return NO_FILES
