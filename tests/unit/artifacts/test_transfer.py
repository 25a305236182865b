"""Archives: ours are the same every time, those of strangers are not trusted."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.files import names
from modelyard.artifacts.layout import blob_key
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.transfer import tar_size, tar_stream
from modelyard.artifacts.tree import ingest
from modelyard.artifacts.unpack import Limits, unpack
from modelyard.errors import IntegrityError, InvalidArtifact, InvalidRequest

FILES = {"model.bin": os.urandom(3000), "code/run.py": b"pass\n", "a" * 120 + "/" + "é" * 60: b"long name"}


def tar_of(members):
    """A tar archive of (name or TarInfo, content) pairs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if content is not None:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content or b""))
    return buffer.getvalue()


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


PACKERS = {
    "tar": tar_of,
    "tar.gz": lambda members: gzip.compress(tar_of(members)),
    "tar.bz2": lambda members: bz2.compress(tar_of(members)),
    "tar.xz": lambda members: lzma.compress(tar_of(members)),
    "tar.zst": lambda members: zstandard.compress(tar_of(members)),
    "zip": zip_of,
}


def refuse(tmp_path, data, match, **limits):
    (tmp_path / "archive").write_bytes(data)
    with pytest.raises(InvalidArtifact, match=match):
        unpack(tmp_path / "archive", tmp_path / "out", limits=Limits(**limits))
    assert names(tmp_path) == ["archive"]


def ingested(tmp_path):
    for path, content in FILES.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(content)
    store = open_store(tmp_path / "store")
    return store, ingest(store, tmp_path / "in").files


def test_an_archive_of_a_version_is_always_the_same(tmp_path):
    store, files = ingested(tmp_path)
    first, again = b"".join(tar_stream(store, files)), b"".join(tar_stream(store, files))
    assert first == again
    assert len(first) == tar_size(files)
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        members = archive.getmembers()
        assert {member.name: (archive.extractfile(member) or io.BytesIO()).read() for member in members} == FILES
        assert {(member.mtime, member.uid, member.uname, member.mode) for member in members} == {(0, 0, "", 0o644)}


def test_an_archive_stops_at_a_damaged_file(tmp_path):
    store, files = ingested(tmp_path)
    store.backend.delete(blob_key(files[-1].blake3))
    stream = tar_stream(store, files)
    with pytest.raises(IntegrityError, match=r"model\.bin is missing"):
        list(stream)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_archives_of_every_kind_are_unpacked(tmp_path, pack):
    (tmp_path / "archive").write_bytes(pack(FILES.items()))
    assert unpack(tmp_path / "archive", tmp_path / "out") == sorted(FILES)
    for path, content in FILES.items():
        assert (tmp_path / "out" / path).read_bytes() == content
    assert names(tmp_path) == ["archive", "out"]


def test_what_we_pack_can_be_unpacked(tmp_path):
    store, files = ingested(tmp_path)
    (tmp_path / "archive").write_bytes(b"".join(tar_stream(store, files)))
    assert unpack(tmp_path / "archive", tmp_path / "out") == sorted(FILES)


BAD_PATHS = ["../escape", "a/../../escape", "/absolute", "a//b", "./../x", "a\\..\\b", "C:/x", "a\nb", "x" * 300]


@pytest.mark.parametrize("path", BAD_PATHS)
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_paths_that_lead_out_are_refused(tmp_path, kind, path):
    refuse(tmp_path, PACKERS[kind]([("good", b"1"), (path, b"2")]), ".")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_members_that_are_no_files_are_refused(tmp_path, kind):
    member = tarfile.TarInfo("x")
    member.type, member.linkname = kind, "good"
    refuse(tmp_path, tar_of([("good", b"1"), (member, None)]), "x in .* is not a regular file|cannot be unpacked")


def test_links_and_encrypted_members_of_zips_are_refused(tmp_path):
    link = zipfile.ZipInfo("x")
    link.external_attr = 0o120777 << 16
    refuse(tmp_path, zip_of([("good", b"1"), (link, b"/etc/passwd")]), "x in .* is not a regular file")
    data = bytearray(zip_of([("x", b"secret")]))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    refuse(tmp_path, bytes(data), "x in .* is encrypted")
    refuse(tmp_path, zip_of([("x", b"1")], zipfile.ZIP_LZMA), "compressed in an unusual way")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize(
    "members", [[("a", b"1"), ("a", b"2")], [("a", b"1"), ("a/b", b"2")], [("a/b", b"1"), ("a", b"2")]]
)
def test_members_that_meet_are_refused(tmp_path, kind, members):
    refuse(tmp_path, PACKERS[kind](members), "twice")


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst", "zip"])
def test_bombs_are_refused(tmp_path, kind):
    refuse(tmp_path, PACKERS[kind]([("zeros", bytes(4 << 20))]), "unpacks to more than", free=1 << 20)


def test_sizes_and_counts_are_limited(tmp_path):
    many = [(f"f{number}", b"x") for number in range(5)]
    refuse(tmp_path, tar_of(many), "more than 4 members", files=4)
    refuse(tmp_path, zip_of(many), "more than 4 members", files=4)
    refuse(tmp_path, tar_of([("a", bytes(100)), ("b", bytes(100))]), "unpacks to more than 150 bytes", size=150)


def test_a_header_that_claims_to_be_huge_is_refused(tmp_path):
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 4 << 30
    refuse(tmp_path, header.tobuf(tarfile.USTAR_FORMAT) + bytes(1024), "header is too long")


@pytest.mark.parametrize("kind", PACKERS)
def test_broken_archives_are_refused(tmp_path, kind):
    whole = PACKERS[kind]([("x", os.urandom(20_000))])
    refuse(tmp_path, whole[: len(whole) // 2], ".")
    refuse(tmp_path, whole[:100] + bytes(100) + whole[200:8_000], ".")


@pytest.mark.parametrize("kind", PACKERS)
@settings(max_examples=40)
@example(changes=[(0.984375, 1)])
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_archives_give_files_or_an_error_of_ours(tmp_path_factory, kind, changes):
    folder = tmp_path_factory.mktemp("damaged")
    data = bytearray(PACKERS[kind]([("some/file", b"abc" * 50), ("x", b"y")]))
    for place, value in changes:
        data[int(place * len(data))] = value
    (folder / "archive").write_bytes(data)
    try:
        paths = unpack(folder / "archive", folder / "out")
    except InvalidArtifact:
        assert names(folder) == ["archive"]
    else:
        assert names(folder) == ["archive", "out"]
        assert all((folder / "out" / path).is_file() for path in paths)


def test_what_is_no_archive_is_refused(tmp_path):
    refuse(tmp_path, b"just text", "cannot be unpacked")
    refuse(tmp_path, b"", "cannot be unpacked")
    refuse(tmp_path, tar_of([]), "has no files")
    (tmp_path / "archive").unlink()
    with pytest.raises(InvalidArtifact, match="No such file"):
        unpack(tmp_path / "archive", tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidRequest, match="exists"):
        unpack(tmp_path / "archive", tmp_path / "out")


def test_a_zip_with_a_member_without_a_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr("x", b"weights")
    content = (tmp_path / "archive").read_bytes()
    # The name stands in the local header and in the directory at the end; there, its first character becomes a zero.
    place = content.rindex(b"x")
    (tmp_path / "archive").write_bytes(content[:place] + b"\0" + content[place + 1 :])
    with pytest.raises(InvalidArtifact, match="without a name"):
        unpack(tmp_path / "archive", tmp_path / "out")
