"""Measures what the dashboard costs those who look at it, and the server that they look at.

    python bench/dashboard.py [--rounds N] [--people N] [--seconds S] [--quick]

    size     all JavaScript that was built, compressed               goal: 150 kB
    paint    cold start of a browser to the yard's first content     goal: 1 s; against a page of three words
    shift    the largest layout shift of any page, wide or narrow    goal: 0.02 (a score; people notice 0.1)
    together what one changes, until another one who looks at it sees it     goal: 1 s
    people   CPU of the server while people watch a live release     goal: 10 % of one core

What people ask is recorded from a real page in Chromium, and asked again by each of them, with a stream of events of
their own. Everything stays on 127.0.0.1 and below one folder that is removed. Ends with 1 if a goal is missed. Needs
`make dashboard`, Chromium, and the packages of the test group.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, product
from pathlib import Path
from statistics import median

import aiohttp
import psutil
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

import modelyard
from modelyard import ModelRegistry

BUILT = Path(modelyard.__file__).resolve().parent / "dashboard"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PLAIN = b"<!doctype html><title>plain</title><h1>Just three words</h1>"
CALLS_PER_SECOND = 40
VERSION = "/models/watched/versions/1.1.0"
PAGES = (
    "/",
    "/?q=watched",
    "/models/watched",
    VERSION,
    *(f"{VERSION}?tab={tab}" for tab in ("files", "signature", "gates", "lineage", "use")),
    "/compare?v=watched/1.0.0&v=watched/1.1.0",
    "/promotions",
    "/deployments",
    "/endpoints",
    "/endpoints/watched",
    *(f"/alerts?tab={tab}" for tab in ("alerts", "rules", "silences", "channels")),
    "/events",
    *(f"/people?tab={tab}" for tab in ("you", "users", "tokens")),
    *(f"/storage?tab={tab}" for tab in ("store", "forwards", "webhooks")),
    "/settings",
)
SIZES: tuple[ViewportSize, ...] = ({"width": 1280, "height": 900}, {"width": 360, "height": 740})
SHIFTS = """new Promise(done => {
  let sum = 0;
  const add = entry => { sum += entry.hadRecentInput ? 0 : entry.value; };
  new PerformanceObserver(list => list.getEntries().forEach(add))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 1500);
})"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
CARELESS = "class Predictor:\n    inputs = 'json'\n\n    def predict(self, rows):\n        return [0 for _ in rows]\n"


@dataclass(frozen=True)
class Goal:
    """One line of the result."""

    name: str
    value: float
    most: float
    text: str

    @property
    def is_missed(self) -> bool:
        """Whether it is more than there may be."""
        return self.value > self.most

    def __str__(self) -> str:
        return f"{self.name:9}{self.text} (goal {'MISSED' if self.is_missed else 'ok'})"


def size() -> Goal:
    """What a browser would load if it came to every page."""
    scripts = [gzip.compress(path.read_bytes()) for path in BUILT.rglob("*.js")]
    total = sum(map(len, scripts)) / 1000
    return Goal("size", total, 150, f"{total:.1f} kB of compressed JavaScript in {len(scripts)} files")


class _Plain(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PLAIN)))
        self.end_headers()
        self.wfile.write(PLAIN)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def plain_page() -> Iterator[str]:
    """Serve a page that could hardly be simpler."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Plain)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve a new registry; yield its address and its process."""
    command = [
        sys.executable,
        "-m",
        "modelyard.cli.main",
        "serve",
        "--home",
        str(folder / "model_registry"),
        "--port",
        "0",
        "--quiet",
    ]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env={**os.environ})
    told = process.stdout
    if told is None:
        raise RuntimeError("the server's output is not there")
    try:
        yield told.readline().split()[-1], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)
        told.close()


def released(registry: ModelRegistry, folder: Path) -> str:
    """Begin a canary that lasts; return its id."""
    (folder / "model").mkdir()
    (folder / "model" / "predictor.py").write_text(CARELESS)
    for version in ("1.0.0", "1.1.0"):
        registry.register_model(str(folder / "model"), "watched", version)
    registry.deploy("watched", "1.0.0", wait=60)
    return registry.deploy("watched", "1.1.0", "canary", steps=[50], step_seconds=3600, min_requests=1_000_000).id


@contextmanager
def asked(registry: ModelRegistry) -> Iterator[None]:
    """Ask for predictions all the while, as users of the model do."""
    over = threading.Event()

    def ask() -> None:
        for number in count():
            if over.wait(1 / CALLS_PER_SECOND):
                return
            registry.predict("watched", [[number]], key=f"user-{number % 100}")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def paint(urls: Sequence[str], rounds: int) -> list[float]:
    """Milliseconds to the first content of each page, in a browser that has just started; the median of the rounds."""
    times: list[list[float]] = [[] for _ in urls]
    for _ in range(rounds):
        for place, url in enumerate(urls):
            with browser() as started:
                page = started.new_page()
                page.goto(url)
                page.wait_for_function(f"({PAINT}) !== null")
                times[place].append(page.evaluate(PAINT))
    return [median(each) for each in times]


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium with an empty profile."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield started
        finally:
            started.close()


def shift(url: str, paths: Sequence[str]) -> Goal:
    """The page that moves most while it loads."""
    found = {}
    with browser() as started:
        for path, window in product(paths, SIZES):
            page = started.new_page(viewport=window)
            page.goto(url + path)
            found[path, window["width"]] = float(page.evaluate(SHIFTS))
            page.close()
    worst = max(found, key=lambda one: found[one])
    text = f"{found[worst]:.4f} on {worst[0]}, {worst[1]} pixels wide, the largest of {len(paths)} pages"
    return Goal("shift", found[worst], 0.02, text)


def together(url: str, registry: ModelRegistry, rounds: int) -> Goal:
    """Milliseconds from the server's answer to a change, until somebody else's page shows it; the slowest of some."""
    times = []
    with browser() as started:
        page = started.new_page()
        page.goto(f"{url}/models/watched")
        page.get_by_text("Live", exact=True).wait_for()
        for number in range(5 * rounds):
            registry.update_model("watched", owner=f"owner {number}")
            begun = time.perf_counter()
            page.wait_for_function("text => document.body.textContent.includes(text)", arg=f"owner {number}")
            times.append((time.perf_counter() - begun) * 1000)
    return Goal(
        "together", max(times), 1000, f"{median(times):.0f} ms, at most {max(times):.0f} ms, in {len(times)} changes"
    )


def recorded(url: str, path: str, seconds: float) -> list[str]:
    """What a page asks the server in some seconds, behind its start."""
    wanted: list[str] = []
    with browser() as started:
        page: Page = started.new_page()
        page.goto(url + path)
        page.wait_for_selector("main h1")
        page.wait_for_timeout(2000)
        page.on("request", lambda request: wanted.append(request.url))
        page.wait_for_timeout(seconds * 1000)
    return [one for one in wanted if "/events/stream" not in one]


async def _watch(url: str, paths: Sequence[str], people: int, seconds: float) -> int:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        end = time.monotonic() + seconds

        async def follow() -> None:
            async with session.get(f"{url}/api/events/stream") as stream:
                while time.monotonic() < end:
                    await asyncio.wait_for(stream.content.readany(), seconds + 60)

        async def person(place: int) -> int:
            following = asyncio.create_task(follow())
            await asyncio.sleep(seconds * place / people / len(paths or [""]))
            done = 0
            while time.monotonic() < end:
                for path in paths:
                    async with session.get(path) as answer:
                        await answer.read()
                    done += 1
                    await asyncio.sleep(seconds / len(paths))
            following.cancel()
            return done

        return sum(await asyncio.gather(*(person(place) for place in range(people))))


def people(url: str, process: psutil.Process, path: str, number: int, seconds: float) -> Goal:
    """CPU of the server that so many people cost who look at a page, beyond what it needs without them."""

    def used() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    paths = recorded(url, path, seconds)
    before, begun = used(), time.monotonic()
    time.sleep(seconds)
    alone = (used() - before) / (time.monotonic() - begun)
    before, begun = used(), time.monotonic()
    done = asyncio.run(_watch(url, paths, number, seconds))
    share = (used() - before) / (time.monotonic() - begun) - alone
    text = f"{share:.1%} of a core for {number} people ({done / seconds:.0f} requests/s; {alone:.1%} without them)"
    return Goal("people", share, 0.10, text)


def main() -> int:
    """Measure everything; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--quick", action="store_true", help="one round, five seconds")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 5.0
    folder = Path(tempfile.mkdtemp(prefix="modelyard-bench-"))
    goals = [size()]
    try:
        with served(folder) as (url, process), ModelRegistry(url) as registry, plain_page() as plain:
            deployment = released(registry, folder)
            with asked(registry):
                first, yardstick = paint([f"{url}/", plain], options.rounds)
                goals.append(
                    Goal("paint", first, 1000, f"{first:.0f} ms, {first / yardstick:.1f}x a page of three words")
                )
                watched = f"/deployments/{deployment}"
                goals.append(shift(url, [*PAGES, watched]))
                goals.append(together(url, registry, options.rounds))
                goals.append(people(url, process, watched, options.people, options.seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for goal in goals:
        print(goal)
    return int(any(goal.is_missed for goal in goals))


if __name__ == "__main__":
    sys.exit(main())
