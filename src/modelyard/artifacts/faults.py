"""Turns what the operating system reports into modelyard's errors.

Which fault becomes which error::

    no room, over quota, file too large for its file system   StorageFull
    read-only file system, no permission                      RegistryReadOnly
    anything else while working in the store                  RegistryUnusable
    a fault with the caller's own file                        InvalidArtifact
    a fault where the caller wants the bytes to go            InvalidRequest, or StorageFull
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from modelyard.errors import (
    InvalidArtifact,
    InvalidRequest,
    ModelyardError,
    RegistryReadOnly,
    RegistryUnusable,
    StorageFull,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


@contextmanager
def store_faults(where: object) -> Iterator[None]:
    """Report faults of the store at `where` (its folder or URL) as errors of the registry's storage."""
    try:
        yield
    except OSError as error:
        raise _store_error(error, where) from error


def _store_error(error: OSError, where: object) -> ModelyardError:
    details = {"where": str(where), "errno": error.errno}
    if error.errno in _FULL:
        return StorageFull(f"no room left to write in {where}: {_reason(error)}", details=details)
    if error.errno in _DENIED:
        return RegistryReadOnly(f"{where} cannot be written: {_reason(error)}", details=details)
    return RegistryUnusable(
        f"the artifact store at {where} failed: {_reason(error)}", hint="check the disk, then repeat", details=details
    )


@contextmanager
def source_faults(path: object) -> Iterator[None]:
    """Report faults while reading the caller's own file `path` as a file that cannot become an artifact."""
    try:
        yield
    except OSError as error:
        raise InvalidArtifact(
            f"{path} cannot be read: {_reason(error)}", hint="check that the file exists and that you may read it"
        ) from error


@contextmanager
def target_faults(path: object) -> Iterator[None]:
    """Report faults while writing to `path`, which the caller chose as the target."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            hint = "free some space there, or choose another target"
            raise StorageFull(f"no room left to write {path}: {_reason(error)}", hint=hint) from error
        raise InvalidRequest(
            f"{path} cannot be written: {_reason(error)}", hint="choose a target that you may write"
        ) from error
