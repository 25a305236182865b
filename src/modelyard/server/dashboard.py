"""The dashboard: the files that `make dashboard` built from `web/`, ready to be sent, without any framework.

Rules
- What is sent are files that were there when the server started, found by their whole name. No request names a path of
  the disk.
- Every page of the application is the same document: which page it is, the application reads off its address
  (`web/src/paths.ts`; a test compares). Names in an address are never looked at here.
- So is an address where nothing is, for somebody who looks at it: with status 404, and the application says so.
- What is below `/assets/` has a digest of its content in its name, so that browsers keep it for good. Everything else
  is asked for again each time, and answered with 304 where it has not changed.
- The pages are public, and hold nothing of the registry: what they show they ask of `/api`, with the user's token.
- Scripts and styles are this server's files and nothing else: the policy knows no `unsafe-inline` and no other origin.
- Where nothing was built, each page says how to build it, in plain HTML.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from modelyard.domain.permissions import PUBLIC
from modelyard.server.answers import Answer
from modelyard.server.auth import header
from modelyard.server.messages import Scope
from modelyard.server.ranges import names_tag

FOLDER = Path(__file__).resolve().parent.parent / "dashboard"
"""Where the build puts the files, in the package."""

METHODS: Final = ("GET", "HEAD")
ASSETS: Final = "/assets"
PAGES: Final = (
    "/",
    "/models/{name}",
    "/models/{name}/versions/{version}",
    "/compare",
    "/promotions",
    "/promotions/{id}",
    "/deployments",
    "/deployments/{id}",
    "/endpoints",
    "/endpoints/{name}",
    "/alerts",
    "/events",
    "/agents",
    "/people",
    "/storage",
    "/settings",
)
"""The addresses of pages, as the application knows them."""

# Preact sets styles through the CSSOM, which a policy does not concern.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types modelyard"
)
_SAFETY: Final = (
    (b"content-security-policy", _POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"vary", b"accept-encoding"),
)
_FOR_GOOD: Final = b"public, max-age=31536000, immutable"
_ASK_AGAIN: Final = b"no-cache"
_DOCUMENT: Final = "index.html"
_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Only files of these kinds are served. The machine's own table of types is not asked: they differ."""

_PACKED_ALREADY: Final = frozenset({".ico", ".png", ".woff2"})

NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>modelyard</title>
</head>
<body>
<h1>modelyard</h1>
<p>The registry is being served. Its dashboard was not built here: run <code>make dashboard</code> in the source tree,
and start the server again. The packages that are released have it built in.</p>
<p><a href="/docs">The REST API</a> describes itself; on the command line, <code>modelyard --help</code> tells what
there is.</p>
</body>
</html>
"""


@dataclass(frozen=True)
class File:
    """A file of the dashboard, in memory.

    Attributes:
        suffix: the end of its name, one of `_KINDS`.
        body: its bytes.
        is_for_good: whether its name changes with its content.
    """

    suffix: str
    body: bytes
    is_for_good: bool = False

    @cached_property
    def tag(self) -> str:
        """Its ETag. It is a weak one: the packed bytes are others, and mean the same."""
        return f'W/"{sha256(self.body).hexdigest()[:32]}"'

    @cached_property
    def packed(self) -> bytes:
        """Its bytes compressed; made when a browser first asks, and kept."""
        return self.body if self.suffix in _PACKED_ALREADY else gzip.compress(self.body, 9, mtime=0)

    def answer(self, scope: Scope, *, is_lost: bool = False) -> Answer:
        """The answer to a request for it, by GET or HEAD; with 404 where it only says that nothing is there."""
        caching = _FOR_GOOD if self.is_for_good else _ASK_AGAIN
        headers = [*_SAFETY, (b"etag", self.tag.encode("ascii")), (b"cache-control", caching)]
        known = header(scope, b"if-none-match")
        if not is_lost and known and names_tag(known, self.tag.removeprefix("W/").strip('"')):
            return _answer(304, headers, b"")
        is_packed = _takes_gzip(header(scope, b"accept-encoding")) and len(self.packed) < len(self.body)
        body = self.packed if is_packed else self.body
        headers += [(b"content-type", _KINDS[self.suffix].encode("ascii")), (b"content-length", b"%d" % len(body))]
        if is_packed:
            headers.append((b"content-encoding", b"gzip"))
        return _answer(404 if is_lost else 200, headers, b"" if scope["method"] == "HEAD" else body)


class Dashboard:
    """The files of a build.

    Args:
        folder: where they lie, where it is not `FOLDER`.

    Attributes:
        document: what every page's address answers.
        assets: the files below `/assets/`, by their names.
        others: the files beside the document, by their names.
    """

    def __init__(self, folder: Path | None = None) -> None:
        built = folder or FOLDER
        found = _files(built)
        self.document = found.get(_DOCUMENT, File(".html", NOT_BUILT.encode()))
        # Of a build that was broken off, nothing is served.
        is_built = _DOCUMENT in found
        self.assets = _files(built / ASSETS[1:], is_for_good=True) if is_built else {}
        self.others = {name: file for name, file in found.items() if is_built and name != _DOCUMENT}


def is_looked_at(scope: Scope) -> bool:
    """Whether somebody typed an address, or followed a link, and no program asks: browsers say that they want HTML."""
    is_page = scope["method"] in METHODS and not scope["path"].startswith(("/api/", f"{ASSETS}/"))
    return is_page and "text/html" in header(scope, b"accept")


def _files(folder: Path, *, is_for_good: bool = False) -> dict[str, File]:
    if not folder.is_dir():
        return {}
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in _KINDS and not path.name.startswith(".")]
    return {path.name: File(path.suffix, path.read_bytes(), is_for_good) for path in paths if path.is_file()}


def _takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` header takes gzip."""
    for one in accepted.lower().split(","):
        coding, _, quality = one.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False


def _answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
    return Answer(
        permission=PUBLIC,
        start={"type": "http.response.start", "status": status, "headers": headers},
        body={"type": "http.response.body", "body": body},
        size=len(body),
    )
