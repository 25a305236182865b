"""Where everything lies in a store; the only place that makes keys.

A local store is a folder; in an object store the same keys stand behind the URL's prefix::

    <root>/
      blobs/ab/cdef…        one object a file, named by the BLAKE3 of its plain bytes (2 + 62 hex digits), mode 0444
      blobs/ab/cdef….zst    the same, held zstd-compressed; the name is still the digest of the plain bytes
      known/<part>/<blob>   what is known of a file of several parts, by the digest of its first part: size, SHA-256 and
                            parts, so that the same file is recognised without writing it again (a hint, never trusted
                            without its checksum; may be lost at any time)
      touched/ab/cdef…      object stores only: an empty mark that the blob was needed again at that time
      tmp/<random>          files being written; what a killed process leaves here is removed by the collector
      view/<model>/<version>/…
                            local stores only: a readable tree of relative links, with metadata.json and metrics.json

Nothing else is ever written, and nothing but `blobs/` has to be backed up.
"""

from __future__ import annotations

import re
import secrets

from modelyard.errors import InvalidArtifact

BLOBS = "blobs/"
KNOWN = "known/"
TOUCHED = "touched/"
TEMPORARY = "tmp/"
VIEW = "view/"
COMPRESSED_SUFFIX = ".zst"

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BLOB_KEY = re.compile(r"blobs/([0-9a-f]{2})/([0-9a-f]{62})(?:\.zst)?", re.ASCII)


def check_digest(digest: str) -> str:
    """Give `digest` back if it is 64 lower-case hex digits; anything else could name a file outside the store.

    Raises:
        InvalidArtifact: it is not.
    """
    if not _DIGEST.fullmatch(digest):
        raise InvalidArtifact(f"{digest!r} is not a BLAKE3 digest", hint="a digest is 64 lower-case hex digits")
    return digest


def blob_key(digest: str, *, compressed: bool = False) -> str:
    """The key of the object that holds the bytes with this digest."""
    check_digest(digest)
    return f"{BLOBS}{digest[:2]}/{digest[2:]}{COMPRESSED_SUFFIX if compressed else ''}"


def digest_of_key(key: str) -> str | None:
    """The digest that a key below `blobs/` stands for, or None if it is not such a key."""
    found = _BLOB_KEY.fullmatch(key)
    return found[1] + found[2] if found else None


def known_prefix(first_part: str) -> str:
    """The prefix of all notes on files whose first part has this digest."""
    return f"{KNOWN}{check_digest(first_part)}/"


def known_key(first_part: str, digest: str) -> str:
    """The key of the note on the file `digest` whose first part has the digest `first_part`."""
    return known_prefix(first_part) + check_digest(digest)


def touched_key(key: str) -> str:
    """The key of the mark which says that the object `key` was needed again."""
    return TOUCHED + key.removeprefix(BLOBS)


def temporary_key() -> str:
    """A key for a file being written that nobody else uses."""
    return TEMPORARY + secrets.token_hex(16)
