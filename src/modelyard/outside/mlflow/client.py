"""`Server`: an MLflow server as the rest of modelyard uses it: asked, listed, downloaded from and uploaded to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from modelyard.artifacts.faults import source_faults
from modelyard.domain.addresses import without_secrets
from modelyard.domain.manifest import safe_path
from modelyard.errors import InvalidRequest
from modelyard.outside.http import Ask
from modelyard.outside.mlflow.artifacts import Progress, Reach, Received, download, resolve
from modelyard.outside.mlflow.connection import Connection, understood
from modelyard.outside.mlflow.places import PIECE, Artifact, Place, Proxy

if TYPE_CHECKING:
    import httpx2

NOWHERE_ELSE: Final = Reach()


class Server(Connection):
    """One MLflow server, and its artifacts.

    Args:
        uri: as for `Connection`.
        transport: as for `Connection`.
        environ: as for `Connection`.
        reach: what may be read besides the server itself; nothing, unless it is said.
    """

    def __init__(
        self,
        uri: str,
        transport: httpx2.BaseTransport | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        reach: Reach = NOWHERE_ELSE,
    ) -> None:
        super().__init__(uri, transport, environ=environ)
        self._reach = reach

    def place(self, uri: str) -> Place:
        """Return where the files of a source lie; see `artifacts.resolve` for its errors."""
        with understood(self.url):
            return resolve(self, uri, self._reach)

    def list_artifacts(self, uri: str, path: str = "") -> list[Artifact]:
        """Return what lies directly in a folder of a source; nothing where there is none."""
        place = self.place(uri)
        with understood(self.url):
            return place.list(path)

    def download(self, uri: str, folder: Path, progress: Progress | None = None) -> list[Received]:
        """Write all files of a source below a folder, and return them by path with sizes and digests.

        Raises:
            NotFound: there are no files.
            PermissionDenied: the source lies where nothing may be read.
            ModelyardError: as in `artifacts.download`.
        """
        place = self.place(uri)
        with understood(self.url):
            return download(place, folder, progress)

    def upload(self, uri: str, path: str, file: Path) -> None:
        """Send a file to `path` below an artifact address of this server (`mlflow-artifacts:/…`); it is streamed.

        Repeating it writes the same file again.

        Raises:
            InvalidRequest: the address is not served by this server's artifact proxy.
            InvalidArtifact: the file cannot be read, or the path is none.
        """
        place = resolve(self, uri, NOWHERE_ELSE)
        if not isinstance(place, Proxy):
            raise InvalidRequest(
                f"the server keeps {without_secrets(uri)} where only its own clients can write",
                hint="start it with --serve-artifacts, which is its default",
            )
        with source_faults(file):
            size = file.stat().st_size
        target = f"{place.base}/{quote('/'.join(part for part in (place.root, safe_path(path)) if part))}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self.http.whole(Ask(method="PUT", target=target, headers=headers, body=lambda: _pieces(file)))


def _pieces(file: Path) -> Iterator[bytes]:
    with source_faults(file), file.open("rb") as source:
        while piece := source.read(PIECE):
            yield piece
