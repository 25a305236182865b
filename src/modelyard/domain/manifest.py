r"""The files of a version, and the digest that is their identity.

Rules
1. A manifest lists files by path, in the order of the paths' code points. It never changes after the version is READY.
2. A path is relative and in POSIX form, printable, leads nowhere but into the version's folder, and is at most 1,024
   bytes long, 255 for each name in it.
3. No two paths meet on any file system: not by case, not by Unicode form, and none is a folder of another.
4. The digest is BLAKE3 over the canonical JSON `{"files":[{"blake3":…,"media_type":…,"parts":[…],"path":…,"sha256":…,
   "size":…}],"v":1}`: keys sorted, no blanks, UTF-8 and not escaped beyond what JSON demands.
5. `model_hash` is the SHA-256 that others can check with their own tools: that of the file where there is one file,
   else that of the lines `<sha256>  <path>\n` in the manifest's order, which is what `sha256sum` prints for the files.
6. What executes code when it is loaded is known by its name here. That is a hint for choosing a loader; only a scan of
   the content proves anything.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from blake3 import blake3

from modelyard.domain.names import printable, shown
from modelyard.errors import InvalidArtifact, InvalidName

FORMAT = 1
LONGEST_PATH = 1_024
LONGEST_SEGMENT = 255

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[\x20-\x7e]{1,255}")
_DRIVE = re.compile(r"[A-Za-z]:")
_KEYS = frozenset({"path", "size", "blake3", "sha256", "media_type", "parts"})
_PATH_HINT = "paths are relative, with / between names, such as weights/model.onnx"

_PICKLE = "application/x-pickle"
_TORCH = "application/x-pytorch"
MEDIA_TYPES = {
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".joblib": _PICKLE,
    ".dill": _PICKLE,
    ".cloudpickle": _PICKLE,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _TORCH,
    ".skops": "application/x-skops",
    ".onnx": "application/x-onnx",
    ".safetensors": "application/x-safetensors",
    ".h5": "application/x-hdf5",
    ".hdf5": "application/x-hdf5",
    ".keras": "application/x-keras",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".pb": "application/x-protobuf",
    ".tflite": "application/x-tflite",
    ".gguf": "application/x-gguf",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".ubj": "application/ubjson",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".html": "text/html",
    ".py": "text/x-python",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".tar": "application/x-tar",
    ".gz": "application/gzip",
    ".zst": "application/zstd",
}
"""Media type by the last suffix, in lower case; what is not listed is `application/octet-stream`."""

CODE_BEARING = frozenset(
    {
        ".pkl",
        ".pickle",
        ".joblib",
        ".dill",
        ".cloudpickle",
        ".pt",
        ".pth",
        ".ckpt",
        ".bin",
        ".mar",
        ".nemo",
        ".h5",
        ".hdf5",
        ".keras",
        ".py",
    }
)
"""Suffixes of formats that can execute code on load: pickles and what wraps them (PyTorch files, `.bin` among them),
and Keras files, whose lambda layers hold bytecode."""
_PACKED = frozenset({".gz", ".bz2", ".xz", ".lzma", ".lz4", ".z", ".zst"})


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file: its path in the version, its size in bytes, and its digests in lower-case hexadecimal.

    Attributes:
        parts: BLAKE3 digests of the pieces that the store holds it in; empty where it is held whole.

    Raises:
        InvalidArtifact: a value breaks these rules or those for paths.
    """

    path: str
    size: int
    blake3: str
    sha256: str
    media_type: str = "application/octet-stream"
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        path = shown(safe_path(self.path))
        if not _is_size(self.size):
            raise InvalidArtifact(f"{path} has the size {shown(self.size)}", hint="sizes are bytes, 0 or more")
        for digest in (self.blake3, self.sha256, *self.parts):
            if not _is_like(_DIGEST, digest):
                hint = "digests have 64 characters of 0-9 and a-f"
                raise InvalidArtifact(f"{path} has the digest {shown(digest)}", hint=hint)
        if not _is_like(_MEDIA_TYPE, self.media_type):
            raise InvalidArtifact(
                f"{path} has the media type {shown(self.media_type)}", hint="write text/csv, for example"
            )

    def to_json(self) -> dict[str, Any]:
        """The entry as the canonical JSON has it."""
        return {
            "path": self.path,
            "size": self.size,
            "blake3": self.blake3,
            "sha256": self.sha256,
            "media_type": self.media_type,
            "parts": list(self.parts),
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of a version, sorted by path. A version without files has an empty one.

    Raises:
        InvalidArtifact: two paths meet; see rule 3.
    """

    files: tuple[FileEntry, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(sorted(self.files, key=lambda entry: entry.path)))
        _check_collisions(self.files)

    @classmethod
    def from_json(cls, document: object) -> Manifest:
        """Read what `to_json` wrote.

        Raises:
            InvalidArtifact: it is not that, or of another format.
        """
        if (
            not isinstance(document, Mapping)
            or set(document) != {"v", "files"}
            or not isinstance(document["files"], list)
        ):
            raise InvalidArtifact(f"{shown(document)} is no manifest", hint="a manifest is {'v': 1, 'files': [...]}")
        if document["v"] != FORMAT:
            raise InvalidArtifact(
                f"the manifest has the format {shown(document['v'])}", hint=f"this version reads {FORMAT}"
            )
        return cls(tuple(_entry(item) for item in document["files"]))

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON values."""
        return {"v": FORMAT, "files": [entry.to_json() for entry in self.files]}

    @property
    def digest(self) -> str:
        """The identity of the content, in lower-case hexadecimal; computed at each call."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return blake3(text.encode()).hexdigest()

    @property
    def total_size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)

    @property
    def model_hash(self) -> str:
        """The SHA-256 of rule 5, in lower-case hexadecimal."""
        if len(self.files) == 1:
            return self.files[0].sha256
        lines = "".join(f"{entry.sha256}  {entry.path}\n" for entry in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()


def safe_path(text: object) -> str:
    """The path, unchanged, if rule 2 holds for it.

    Raises:
        InvalidArtifact: it does not; the message says why.
    """
    try:
        path = printable(text, "a path")
    except InvalidName as error:
        raise InvalidArtifact(error.message, hint=_PATH_HINT) from None
    if problem := _problem(path):
        raise InvalidArtifact(f"the path {shown(path)} {problem}", hint=_PATH_HINT, details={"path": shown(path)})
    return path


def media_type_of(path: str) -> str:
    """The media type of a file by its name."""
    return MEDIA_TYPES.get(PurePosixPath(path).suffix.lower(), "application/octet-stream")


def is_code_bearing(path: str) -> bool:
    """Whether loading a file of this name may execute code that is in it; a suffix of compression is looked through."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while len(suffixes) > 1 and suffixes[-1] in _PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in CODE_BEARING


def _problem(path: str) -> str | None:
    """What is wrong with a path, as the end of a sentence."""
    names = path.split("/")
    problems = {
        "is empty": not path,
        "has a backslash": "\\" in path,
        "is absolute": path.startswith("/") or _DRIVE.match(path),
        "has an empty name, '.' or '..' between its slashes": any(name in ("", ".", "..") for name in names),
        f"is longer than {LONGEST_PATH:,} bytes": len(path.encode()) > LONGEST_PATH,
        f"has a name of more than {LONGEST_SEGMENT} bytes": any(len(n.encode()) > LONGEST_SEGMENT for n in names),
    }
    return next((problem for problem, found in problems.items() if found), None)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _is_like(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _entry(item: object) -> FileEntry:
    if not isinstance(item, Mapping) or set(item) != _KEYS or not isinstance(item["parts"], list):
        raise InvalidArtifact(f"the manifest has the file {shown(item)}", hint=f"a file has {', '.join(sorted(_KEYS))}")
    return FileEntry(**{**item, "parts": tuple(item["parts"])})


def _check_collisions(files: tuple[FileEntry, ...]) -> None:
    places: dict[str, str] = {}
    for entry in files:
        place = _place(entry.path)
        if place in places:
            raise InvalidArtifact(
                f"the paths {shown(places[place])} and {shown(entry.path)} are one file where case does not matter"
                if places[place] != entry.path
                else f"the path {shown(entry.path)} is listed twice",
                hint="give every file a name of its own",
            )
        places[place] = entry.path
    for entry in files:
        for folder in PurePosixPath(_place(entry.path)).parents:
            if str(folder) in places:
                raise InvalidArtifact(
                    f"{shown(places[str(folder)])} is a file, and a folder of {shown(entry.path)}",
                    hint="rename the file or the folder",
                )


def _place(path: str) -> str:
    """What two paths share when some file system takes them for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
