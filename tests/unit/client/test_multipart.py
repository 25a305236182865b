"""The body of an upload: as long as it says, and read by the server's own reader as it was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.artifacts.tree import SourceFile
from modelyard.client.multipart import MultipartBody
from modelyard.domain.manifest import safe_path
from modelyard.errors import InvalidArtifact
from modelyard.server.multipart import FormReader, boundary_of


class Files:
    """Keeps the files of a form."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._path = ""

    def begin(self, path: str) -> None:
        self._path = path
        self.files[path] = b""

    def write(self, data: memoryview) -> None:
        self.files[self._path] += bytes(data)

    def end(self) -> None:
        pass


def sent(folder: Path, contents: dict[str, bytes]) -> list[SourceFile]:
    """Write files under plain names; give them with the paths that they are to have."""
    files = []
    for number, (path, content) in enumerate(contents.items()):
        location = folder / str(number)
        location.write_bytes(content)
        files.append(SourceFile(path=path, location=location, size=len(content)))
    return files


def is_safe(path: str) -> bool:
    """Whether a file may have this path."""
    try:
        return safe_path(path) == path
    except InvalidArtifact:
        return False


PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(is_safe)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.dictionaries(PATHS, st.binary(max_size=50), min_size=1, max_size=4), st.binary(max_size=50))
def test_the_server_reads_what_was_sent(tmp_path, contents, request):
    steps: list[int] = []
    body = MultipartBody(request, sent(tmp_path, contents), steps.append)
    data = b"".join(body)
    assert body.headers["Content-Length"] == str(len(data))
    boundary = boundary_of(body.headers["Content-Type"])
    assert boundary is not None
    files = Files()
    reader = FormReader(boundary, files, most_field_bytes=1000)
    reader.feed(data)
    reader.finish()
    assert files.files == contents
    assert reader.fields == {"request": request}
    assert sum(steps) == sum(map(len, contents.values()))
    assert b"".join(body) == data
    assert sum(steps) == sum(map(len, contents.values()))


@pytest.mark.parametrize("now", [b"short", b"longer than before"])
def test_a_file_that_changed_ends_the_upload(tmp_path, now):
    files = sent(tmp_path, {"w.bin": b"weights"})
    (tmp_path / "0").write_bytes(now)
    with pytest.raises(InvalidArtifact, match="changed"):
        b"".join(MultipartBody(b"{}", files))


def test_a_file_that_went_ends_the_upload(tmp_path):
    files = sent(tmp_path, {"w.bin": b"weights"})
    (tmp_path / "0").unlink()
    with pytest.raises(InvalidArtifact):
        b"".join(MultipartBody(b"{}", files))
