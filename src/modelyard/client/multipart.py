"""A multipart body that is made while it is sent: one field with the request, then the files, in constant memory.

    request      the JSON of a `RegisterVersion`
    file         one part for each file; its filename is the file's path in the version

The length is known before the first byte is sent, and a file that does not have the length that it had then ends the
upload with an error instead of a wrong body. Names are UTF-8; a quote in them is escaped by a backslash.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

from modelyard.artifacts.faults import source_faults
from modelyard.artifacts.tree import SourceFile
from modelyard.errors import InvalidArtifact

CHUNK = 64 << 10
"""Bytes that are sent at once; larger pieces made uploads slower, for the server reads in smaller ones."""

_END_OF_LINE = b"\r\n"


class MultipartBody:
    """The body of one upload; iterating it again sends it again from the beginning.

    Args:
        request: the JSON of the request.
        files: what is sent, in this order.
        progress: called with the number of bytes of files sent since the last call; a repetition takes them back first.
    """

    def __init__(
        self, request: bytes, files: Sequence[SourceFile], progress: Callable[[int], None] | None = None
    ) -> None:
        self._boundary = f"modelyard-{secrets.token_hex(16)}"
        self._request = self._head('name="request"', "application/json") + request + _END_OF_LINE
        self._files = [(self._head(_disposition(file.path), "application/octet-stream"), file) for file in files]
        self._tail = f"--{self._boundary}--\r\n".encode()
        self._progress = progress
        self._told = 0

    @property
    def headers(self) -> dict[str, str]:
        """The headers that describe the body."""
        heads = sum(len(head) + file.size + len(_END_OF_LINE) for head, file in self._files)
        return {
            "Content-Type": f"multipart/form-data; boundary={self._boundary}",
            "Content-Length": str(len(self._request) + heads + len(self._tail)),
        }

    def __iter__(self) -> Iterator[bytes]:
        self._tell(-self._told)
        yield self._request
        for head, file in self._files:
            yield head
            yield from self._content(file)
            yield _END_OF_LINE
        yield self._tail

    def _head(self, disposition: str, media_type: str) -> bytes:
        lines = (f"--{self._boundary}", f"Content-Disposition: form-data; {disposition}", f"Content-Type: {media_type}")
        return "\r\n".join((*lines, "", "")).encode()

    def _content(self, file: SourceFile) -> Iterator[bytes]:
        left = file.size
        with source_faults(file.location), file.location.open("rb", buffering=0) as stream:
            while left > 0:
                chunk = stream.read(min(CHUNK, left))
                if not chunk:
                    break
                left -= len(chunk)
                yield chunk
                self._tell(len(chunk))
            if left or stream.read(1):
                raise InvalidArtifact(
                    f"{file.location} changed while it was read", hint="wait until nobody writes to it, then repeat"
                )

    def _tell(self, count: int) -> None:
        self._told += count
        if self._progress and count:
            self._progress(count)


def _disposition(path: str) -> str:
    # No path of a version has a backslash, so that a quote is all there is to escape.
    quoted = path.replace('"', '\\"')
    return f'name="file"; filename="{quoted}"'
