"""Files from a server to a folder: several at once, each verified while it streams and named only when it is right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from blake3 import blake3

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.client.binding import quoted
from modelyard.client.transport import Call, Transport
from modelyard.domain.manifest import safe_path
from modelyard.domain.wire import FileRecord
from modelyard.errors import IntegrityError, RemoteUnavailable

if TYPE_CHECKING:
    import httpx2

Progress = Callable[[int], None]

AT_ONCE = 4


def fetch_files(
    transport: Transport, version_id: str, files: Sequence[FileRecord], folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Write files of a version below a folder; gives where they are, in the order of `files`.

    Raises:
        IntegrityError: what arrived does not match its digest; its target stays as it was.
        RemoteUnavailable: the connection broke, also after it was repeated.
        InvalidRequest, StorageFull: the folder cannot be written.
    """

    def one(file: FileRecord) -> Path:
        target = folder / safe_path(file.path)
        _fetch(transport, version_id, file, target, progress)
        return target

    if len(files) == 1:
        return [one(files[0])]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="modelyard-download") as pool:
        waiting = [pool.submit(one, file) for file in files]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch(transport: Transport, version_id: str, file: FileRecord, target: Path, progress: Progress | None) -> None:
    call = Call(
        method="GET",
        target=f"/api/models/{quoted(version_id)}/download?{urlencode({'path': file.path})}",
        headers={"Accept-Encoding": "identity"},
    )
    with replacing(target) as descriptor:
        told = 0

        def tell(count: int) -> None:
            nonlocal told
            told += count
            if progress and count:
                progress(count)

        def read(answer: httpx2.Response) -> None:
            # A repetition starts from the beginning, in the file as in what was told.
            tell(-told)
            os.lseek(descriptor, 0, os.SEEK_SET)
            # In the pieces that come from the socket: larger ones are copied twice, and cost twice the time.
            _copy(answer.iter_raw(), descriptor, file, tell)

        transport.perform(call, read)


def _copy(chunks: Iterator[bytes], descriptor: int, file: FileRecord, tell: Progress) -> None:
    """Write and hash as it comes; the file has no name yet, so that nobody sees what is not verified."""
    digest = blake3()
    done = 0
    for chunk in chunks:
        done += len(chunk)
        if done > file.size:
            break
        digest.update(chunk)
        write_all(descriptor, memoryview(chunk))
        tell(len(chunk))
    _check(file, done, digest.hexdigest())


def _check(file: FileRecord, size: int, digest: str) -> None:
    facts = {"file": file.path, "digest": file.blake3, "found": digest, "size": size}
    if size < file.size:
        raise RemoteUnavailable(f"only {size} of the {file.size} bytes of {file.path} arrived", details=facts)
    if size > file.size or digest != file.blake3:
        raise IntegrityError(
            f"{file.path} arrived damaged: its bytes do not match their digest",
            hint="repeat the download; if it fails again, run `modelyard verify` on the server",
            details=facts,
        )
