"""A store in a bucket: S3, Google Cloud Storage or Azure, through obstore.

Nothing is ever written under a temporary key: the bytes are spooled to an unnamed local file while they are hashed
(their key is their digest, known only at the end) and then uploaded in several parts of bounded memory. A plain put is
enough, since two writers of one key write the same bytes. Uploads in parts that a kill cut short are invisible as
objects; give the bucket a rule that aborts incomplete multipart uploads after a day.

Credentials, region and endpoint come from the environment variables that the provider's own tools read (`AWS_*`,
`GOOGLE_*`, `AZURE_*`); for S3 look-alikes set `AWS_ENDPOINT_URL`, or write `s3://bucket/prefix?endpoint=http://…`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from modelyard.artifacts.backend import Buffer, Closing, Stat
from modelyard.artifacts.faults import store_faults
from modelyard.artifacts.hashing import PART_SIZE
from modelyard.artifacts.layout import BLOBS, touched_key
from modelyard.errors import InvalidConfig, MissingExtra, RegistryReadOnly, RegistryUnusable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# S3 takes at most 10,000 parts in one upload, so that parts must grow with files of more than about 70 GiB.
_MOST_PARTS = 9_000
_UPLOADS_AT_ONCE = 3
_RETRIES = 5
_OPTIONS = frozenset({"endpoint", "region"})


def _library() -> Any:
    """The obstore package, which is an extra and heavy to import."""
    try:
        return import_module("obstore")
    except ImportError as error:
        raise MissingExtra("object stores need the package obstore", hint="pip install 'modelyard[cloud]'") from error


class CloudWriter(Closing):
    """One object being spooled to an unnamed local file, which vanishes with the process."""

    def __init__(self, backend: CloudBackend) -> None:
        self._backend = backend
        self._size = 0
        with store_faults(gettempdir()):
            self._spool = TemporaryFile(buffering=0)  # noqa: SIM115  (closed by abort)

    def write(self, data: Buffer) -> None:
        """Append bytes to the spool."""
        view = memoryview(data)
        self._size += len(view)
        with store_faults(gettempdir()):
            while view:
                view = view[self._spool.write(view) :]

    def commit(self, key: str) -> None:
        """Upload the spool as the object `key`."""
        try:
            self._spool.seek(0)
            self._backend.upload(key, self._spool, self._size)
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the spool."""
        self._spool.close()

    close = abort


class CloudReader(Closing):
    """One object, read by ranges."""

    def __init__(self, backend: CloudBackend, key: str, size: int) -> None:
        self._backend = backend
        self._key = key
        self.size = size

    def readinto(self, offset: int, buffer: memoryview) -> int:
        """Fill the buffer from `offset` on, with one request."""
        count = min(len(buffer), self.size - offset)
        if count <= 0:
            return 0
        data = self._backend.range(self._key, offset, offset + count)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Nothing is held open."""


class CloudBackend:
    """Objects below a prefix of a bucket."""

    def __init__(self, store: ObjectStore, where: str) -> None:
        self.root: Path | None = None
        self.where = where
        self._store = store
        self._library = _library()

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            hint = "create the bucket first"
            raise RegistryUnusable(f"{self.where} does not exist: {_first_line(error)}", hint=hint) from error
        except (self._library.exceptions.PermissionDeniedError, self._library.exceptions.UnauthenticatedError) as error:
            hint = "check the credentials and the bucket's policy"
            raise RegistryReadOnly(f"{self.where} refuses access to {key}: {_first_line(error)}", hint=hint) from error
        except (self._library.exceptions.BaseError, OSError) as error:
            hint = "check the address, the bucket and the network, then repeat"
            raise RegistryUnusable(f"{self.where} failed at {key}: {_first_line(error)}", hint=hint) from error

    def new_writer(self) -> CloudWriter:
        """Begin a new object."""
        return CloudWriter(self)

    def upload(self, key: str, spool: Any, size: int) -> None:
        """Put `size` bytes of an open file under a key, in parallel parts of bounded size."""
        part = max(PART_SIZE, -(-size // _MOST_PARTS))
        with self._faults(key):
            self._library.put(self._store, key, spool, chunk_size=part, max_concurrency=_UPLOADS_AT_ONCE)

    def range(self, key: str, start: int, end: int) -> memoryview:
        """The stored bytes from `start` up to `end`; none at all if the object has vanished meanwhile."""
        with self._faults(key):
            try:
                return memoryview(self._library.get_range(self._store, key, start=start, end=end))
            except FileNotFoundError:
                return memoryview(b"")

    def open(self, key: str) -> CloudReader | None:
        """Open an object for reading."""
        found = self.stat(key)
        return CloudReader(self, key, found.size) if found else None

    def stat(self, key: str) -> Stat | None:
        """Facts of one object."""
        with self._faults(key):
            try:
                return _stat(self._library.head(self._store, key))
            except FileNotFoundError:
                return None

    def touch(self, key: str) -> None:
        """Write an empty mark: an object's own time can only be changed by writing it again."""
        with self._faults(key):
            self._library.put(self._store, touched_key(key), b"")

    def last_needed(self, key: str) -> float | None:
        """The later of the object's own time and its mark's."""
        found, mark = self.stat(key), self.stat(touched_key(key))
        if found is None:
            return None
        return max(found.modified, mark.modified) if mark else found.modified

    def delete(self, key: str) -> bool:
        """Remove an object and its mark."""
        there = self.stat(key) is not None
        keys = [key, touched_key(key)] if key.startswith(BLOBS) else [key]
        with self._faults(key):
            self._library.delete(self._store, keys)
        return there

    def list(self, prefix: str) -> Iterator[Stat]:
        """All objects below a prefix, asked for page by page."""
        with self._faults(prefix):
            for page in self._library.list(self._store, prefix):
                yield from map(_stat, page)


def _stat(meta: Any) -> Stat:
    modified: datetime = meta["last_modified"]
    return Stat(key=meta["path"], size=meta["size"], modified=modified.timestamp())


def _first_line(error: BaseException) -> str:
    """What happened, without the many lines of internals that the library appends."""
    return str(error).partition("\n")[0]


def open_cloud(url: str) -> CloudBackend:
    """The backend for an `s3://`, `gs://` or `az://` URL; a path in it is the prefix of all keys.

    `?region=…&endpoint=…` names another place than the provider's own. Credentials, and these too where they are left
    out, come from the environment (`AWS_*` and the like).

    Raises:
        InvalidConfig: the URL is not understood.
        MissingExtra: obstore is not installed.
    """
    library = _library()
    stores = import_module("obstore.store")
    place, _, query = url.partition("?")
    options = dict(parse_qsl(query))
    if unknown := sorted(options.keys() - _OPTIONS):
        hint = f"the options are {', '.join(sorted(_OPTIONS))}"
        raise InvalidConfig(f"{url!r} has the option {unknown[0]!r}", hint=hint)
    # Who writes http:// for an endpoint means it; only an endpoint that is not named must be reached by TLS.
    endpoint = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT", "")
    client: dict[str, Any] = {"allow_http": True} if endpoint.startswith("http://") else {}
    try:
        store = stores.from_url(
            place.rstrip("/"), retry_config={"max_retries": _RETRIES}, client_options=client or None, **options
        )
    except (library.exceptions.BaseError, ValueError, TypeError) as error:
        hint = "write it like s3://bucket/prefix"
        raise InvalidConfig(f"{url!r} is not a usable store: {_first_line(error)}", hint=hint) from error
    return CloudBackend(store, place)
