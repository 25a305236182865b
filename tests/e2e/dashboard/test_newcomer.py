"""The path of somebody new, on what `make demo` left behind.

They look at the yard, at a model and its versions, compare, release carefully, see it go back, and look at what was
before. With MODELYARD_SCREENSHOTS it is recorded: docs/tour shows the pictures.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sklearn.datasets import load_digits

from components.browser import Visitor, visit
from components.demo import demo
from modelyard import ModelRegistry, ModelyardError

RELEASE_MS = 90_000
MODEL, LIVE = "digits", "digits-live"
STEADY, CARELESS = "1.0.0", "1.2.0"
"""Of `digits-live`: the version that serves when the demo is over, and the one that fails on some images."""
PHONE = {"width": 390, "height": 844}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelRegistry]:
    """The demo's registry, served by a process of its own."""
    folder: Path = tmp_path_factory.mktemp("demo")
    with demo(folder) as made:
        yield made


@contextmanager
def users(registry: ModelRegistry) -> Iterator[None]:
    """Ask the endpoint all the while, as many users do."""
    over = threading.Event()
    images = load_digits().data.tolist()

    def ask() -> None:
        with ModelRegistry(registry.address) as own:
            for number in count():
                if over.wait(0.01):
                    return
                try:
                    own.predict(LIVE, [images[number % len(images)]], key=f"user-{number % 300}")
                except ModelyardError:
                    continue  # Some get no answer from the careless version; that is the story.

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def settled(page: Page) -> None:
    """Wait until nothing on the page is being loaded for the first time."""
    page.get_by_text("Loading", exact=True).first.wait_for(state="detached")


def look_around(visitor: Visitor) -> None:
    """From the yard to one model, two of its versions beside each other, and one of them from all sides."""
    page = visitor.go("/")
    for name in ("cancer", MODEL, LIVE):
        expect(page.get_by_role("link", name=name, exact=True).first).to_be_visible()
    visitor.shot("01-yard", whole=False)
    page.get_by_role("link", name=MODEL, exact=True).first.click()
    expect(page.get_by_role("heading", level=1, name=MODEL)).to_be_visible()
    settled(page)
    visitor.shot("02-model")
    for version in ("1.1.0", "1.2.0"):
        page.get_by_label(f"Choose {version} for comparing").check()
    page.get_by_text("Compare 2").click()
    expect(page.get_by_role("rowheader", name=re.compile("accuracy")).first).to_be_visible()
    settled(page)
    visitor.shot("03-compare")
    for number, tab in ((4, "overview"), (5, "files"), (6, "gates"), (7, "use")):
        page = visitor.go(f"/models/{MODEL}/versions/1.2.0?tab={tab}")
        expect(page.get_by_role("tabpanel")).to_be_visible()
        settled(page)
        visitor.shot(f"{number:02}-version-{tab}")


def look_at_decisions(visitor: Visitor, registry: ModelRegistry) -> None:
    """Who asked for what, which gates were met, and who approved."""
    asked = next(one for one in registry.list_promotions() if one.target_stage == "production" and one.votes)
    page = visitor.go(f"/promotions/{asked.id}")
    expect(page.get_by_text("bob").first).to_be_visible()
    settled(page)
    visitor.shot("08-promotion")


def deploy(visitor: Visitor, strategy: str) -> None:
    """Deploy the version that is looked at, through the dialog."""
    page = visitor.page
    page.get_by_role("button", name="Deploy", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Strategy").select_option(strategy)
    expect(dialog).to_contain_text(f"modelyard deploy {LIVE} {CARELESS}")
    expect(dialog.get_by_role("list", name="Plan")).to_contain_text("10%")
    visitor.shot("09-deploy", whole=False)
    dialog.get_by_role("button", name="Deploy", exact=True).click()


def release(visitor: Visitor, registry: ModelRegistry) -> str:
    """Release the careless version, and see it go back; the id of the deployment."""
    page = visitor.go(f"/models/{LIVE}/versions/{CARELESS}?tab=lineage")
    expect(page.get_by_role("tabpanel")).to_contain_text(CARELESS)
    with users(registry):
        deploy(visitor, "canary")
        page.wait_for_url("**/deployments/*")
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{LIVE} {CARELESS}")
        expect(page.get_by_text(re.compile("^(in progress|rolled back)$")).first).to_be_visible(timeout=RELEASE_MS)
        settled(page)
        visitor.shot("10-canary", whole=False)
        expect(page.get_by_text(re.compile(f"Rolled back: {STEADY} serves again")).first).to_be_visible(
            timeout=RELEASE_MS
        )
    settled(page)
    visitor.shot("11-rolled-back")
    return page.url.rsplit("/", 1)[1]


def look_back(visitor: Visitor, registry: ModelRegistry, deployment: str) -> None:
    """The yard as it was before the release, and a step earlier."""
    began = registry.get_deployment(deployment).created_at
    page = visitor.go(f"/events?at={began}")
    expect(page.get_by_text(re.compile("up to the chosen moment")).first).to_be_visible()
    settled(page)
    visitor.shot("12-before-it")
    slider = page.get_by_role("slider")
    slider.press("ArrowLeft")
    expect(page).not_to_have_url(re.compile(re.escape(began)))


@pytest.mark.feature("OBS-04", "EXP-04", "LIN-06", "CMP-05", "PRF-02", "PRF-04", "PRF-07")
def test_a_newcomer_sees_compares_releases_and_looks_back(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        look_around(visitor)
        look_at_decisions(visitor, registry)
        look_back(visitor, registry, release(visitor, registry))
        for number, page in enumerate(("endpoints/digits-live", "deployments", "alerts", "agents", "storage"), 13):
            visitor.go(f"/{page}")
            settled(visitor.page)
            visitor.shot(f"{number}-{page.split('/')[0]}", whole=False)


@pytest.mark.feature("OBS-04")
def test_the_same_on_a_phone_at_night(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address, viewport=PHONE, color_scheme="dark") as visitor:
        ended = registry.list_deployments(LIVE)[0].id
        for name, path in (("18-phone-yard", "/"), ("19-phone-deployment", f"/deployments/{ended}")):
            settled(visitor.go(path))
            assert visitor.fits
            visitor.shot(name, whole=False)
