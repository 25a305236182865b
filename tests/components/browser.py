"""A real Chromium for the tests of the dashboard, driven by Playwright; the machine's own, nothing is downloaded.

    with chromium() as browser, visit(browser, "http://127.0.0.1:5000", color_scheme="dark") as visitor:
        page = visitor.go("/models/fraud")
        assert visitor.barriers() == []

- Each visit is a fresh profile: no storage, no cookies, English, Berlin's time, 1280 x 900 pixels; what is given
  besides goes to Playwright's `new_context`. Two visits at once are two people.
- `visitor.shot("02-model")` keeps a screenshot in the folder that MODELYARD_SCREENSHOTS names; where none is named it
  does nothing. Names with slashes make folders.
- Playwright keeps an event loop running in the thread as long as a browser is open, and `asyncio.run` cannot be called
  beside it. So a fixture that opens one is of a module, never of the whole run, whose other tests it would break.

When a visit ends, it fails for what any of its pages has done meanwhile: an error in the console, a breach of the
content security policy, an exception that nobody caught, a request to another origin than the server's. What a test
expects, it says: `visitor.allow(r"status of 401")`. Chromium writes such a line for each answer of 400 and above, also
where the page asks on purpose.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from components.needs import PROGRAMS_OF_CHROMIUM, need, without

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
"""What looks for barriers; it comes with the tools of the dashboard."""

GRAVE = frozenset({"serious", "critical"})
FLAGS = (
    # Containers have neither the rights for the sandbox, nor a large /dev/shm, nor a graphics card.
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
    # What the browser would ask of its maker by itself.
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--no-default-browser-check",
)  # fmt: skip
SIZE = {"width": 1280, "height": 900}
PATIENCE_MS = 15_000
"""How long Playwright waits for what a test expects of a page."""

SCREENSHOTS = "MODELYARD_SCREENSHOTS"
"""The variable that names a folder for screenshots; tests/conftest.py leaves it where it is."""

_INLINE = frozenset({"about", "blob", "data"})


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped, or fails, where there is none."""
    need("chromium")
    program = next(found for name in PROGRAMS_OF_CHROMIUM if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        except Exception as error:  # noqa: BLE001 - Playwright's, whatever it is
            without("chromium", f"{program} does not start: {error}")
        yield running
        running.close()


class Visitor:
    """Somebody who looks at a server, in a profile of their own.

    Attributes:
        page: the tab that they look at.
        context: the profile; more tabs are made by its `new_page`.
        faults: what their pages did that no page of ours may do, whether it was expected or not.
    """

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.faults: list[str] = []
        self._address = address.rstrip("/")
        self._origin = _origin(self._address)
        self._allowed: list[re.Pattern[str]] = []
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))
        context.on("request", self._request)
        self.page = context.new_page()

    def go(self, path: str) -> Page:
        """Open a page of the server, and wait until it has its heading."""
        self.page.goto(f"{self._address}{path}")
        self.page.locator("main h1").first.wait_for()
        return self.page

    @property
    def fits(self) -> bool:
        """Whether the page is no wider than the window."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"))

    def barriers(self) -> list[str]:
        """What keeps people out of the page: the serious findings of axe, each with the element."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run().then((told) => told.violations)")
        return [
            f"{one['impact']} {one['id']}: {node['html'][:200]}"
            for one in found
            if one["impact"] in GRAVE
            for node in one["nodes"]
        ]

    def shot(self, name: str, *, whole: bool = True) -> None:
        """Keep a screenshot of the whole page, or of what is in sight."""
        named = os.environ.get(SCREENSHOTS)
        if named:
            path = Path(named) / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            taken = self.page.screenshot(full_page=whole, animations="disabled", caret="hide")
            # A palette is enough for what we paint, and makes a third of the bytes.
            with Image.open(BytesIO(taken)) as image:
                image.convert("RGB").quantize(256).save(path, optimize=True)

    def allow(self, pattern: str) -> None:
        """Expect faults that an expression is found in; before they happen or after."""
        self._allowed.append(re.compile(pattern))

    def left(self) -> list[str]:
        """The faults that nobody expected."""
        return [fault for fault in self.faults if not any(known.search(fault) for known in self._allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium writes breaches of a policy there as well.
        if message.type == "error":
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in _INLINE and _origin(request.url) != self._origin:
            self.faults.append(f"request to another origin: {request.method} {request.url}")


@contextmanager
def visit(browser: Browser, address: str, **options: Any) -> Iterator[Visitor]:
    """Look at the server at an address; at the end, fail for what its pages did and may not do."""
    given = {"viewport": SIZE, "locale": "en-GB", "timezone_id": "Europe/Berlin", "service_workers": "block"}
    context = browser.new_context(**{**given, **options})
    try:
        visitor = Visitor(context, address)
        yield visitor
    finally:
        context.close()
    faults = visitor.left()
    if faults:
        pytest.fail("the pages of this visit did what they may not do:\n" + "\n".join(faults), pytrace=False)


def _origin(url: str) -> str:
    place = urlsplit(url)
    return f"{place.scheme}://{place.netloc}"
