"""Opens a store from what a user writes: a folder, `file://…`, `s3://bucket/prefix`, `gs://…` or `az://…`."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelyard.artifacts.backend import Backend
from modelyard.artifacts.cloud import open_cloud
from modelyard.artifacts.local import LocalBackend
from modelyard.artifacts.store import ArtifactStore
from modelyard.errors import InvalidConfig

_CLOUD = {"s3", "s3a", "gs", "az", "azure", "abfs", "abfss"}


def open_store(url_or_path: str | os.PathLike[str], *, compression: bool = False) -> ArtifactStore:
    """Open a store. A local folder need not exist yet: it is made at the first write.

    Raises:
        InvalidConfig: the text is no address of a store.
        MissingExtra: the address is a bucket's, and obstore is not installed.
    """
    return ArtifactStore(_backend(os.fspath(url_or_path)), compression=compression)


def _backend(address: str) -> Backend:
    scheme, separator, _ = address.partition("://")
    if not separator:
        return _local(address, address)
    if scheme.lower() in _CLOUD:
        return open_cloud(address)
    if scheme.lower() != "file":
        hint = "use a folder, file://, s3://, gs:// or az://"
        raise InvalidConfig(f"{address!r}: stores of the kind {scheme!r} are not known", hint=hint)
    url = urlsplit(address)
    if url.netloc not in {"", "localhost"}:
        raise InvalidConfig(f"{address!r} names another machine", hint="write file:///folder with three slashes")
    return _local(unquote(url.path), address)


def _local(path: str, address: str) -> LocalBackend:
    if not path or "\0" in path:
        raise InvalidConfig(f"{address!r} is not a path", hint="name a folder for the artifact store")
    folder = Path(path).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise InvalidConfig(f"{folder} is not a folder", hint="choose a folder for the artifact store")
    return LocalBackend(folder)
