"""Several people, and a server that asks who they are: each sees at once what another one does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from components.browser import visit
from components.servers import server_process
from components.yard_to_see import ATTACK, MODEL
from modelyard import ModelRegistry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.mark.feature("OBS-04")
def test_two_people_see_what_the_other_one_does_without_asking_again(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as one, visit(browser, registry.address) as other:
        looking = one.go(f"/models/{MODEL}")
        acting = other.go(f"/models/{MODEL}/versions/1.1.0")
        acting.get_by_role("button", name="Set alias").first.click()
        dialog = acting.get_by_role("dialog")
        dialog.get_by_label("Alias").fill("challenger")
        expect(dialog).to_contain_text("challenger")
        dialog.get_by_role("button", name="Set alias").click()
        expect(dialog).to_be_hidden()
        # Nobody loads the page again: the event does.
        expect(looking.get_by_text("@challenger").first).to_be_visible()
    registry.delete_alias(MODEL, "challenger")


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_people_at_two_servers_of_one_yard_see_what_the_other_one_does_at_once(kind, tmp_path, browser, request):
    (tmp_path / "model_registry").mkdir()
    places = {} if kind == "sqlite" else {"MODELYARD_DATABASE_URL": request.getfixturevalue("postgres_url")}
    with server_process(tmp_path, places) as near, server_process(tmp_path, places) as far:
        with ModelRegistry(near) as registry:
            registry.create_model("fraud")
        with visit(browser, near) as one, visit(browser, far) as other:
            acting, looking = one.go("/models/fraud"), other.go("/models/fraud")
            expect(looking.get_by_text("Live", exact=True)).to_be_visible()
            for owner in ("ana", "grace", "lin"):
                acting.get_by_role("button", name="Change", exact=True).first.click()
                dialog = acting.get_by_role("dialog")
                dialog.get_by_label("Owner").fill(owner)
                dialog.get_by_role("button", name="Change").click()
                expect(dialog).to_be_hidden()
                expect(looking.get_by_text(owner, exact=True).first).to_be_visible()
                # Who changes something again has to have seen the last change.
                expect(acting.get_by_text(owner, exact=True).first).to_be_visible()


def test_a_yard_without_https_can_be_changed_too(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        # What browsers keep from addresses that are neither https nor this machine's.
        visitor.context.add_init_script("delete Crypto.prototype.randomUUID; delete Navigator.prototype.clipboard;")
        page = visitor.go(f"/models/{MODEL}/versions/1.1.0")
        assert page.evaluate("[typeof crypto.randomUUID, typeof navigator.clipboard]") == ["undefined", "undefined"]
        page.get_by_role("button", name="Set alias").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Alias").fill("plain")
        # A button that could not copy is none.
        assert dialog.get_by_role("button", name="Copy").count() == 0
        dialog.get_by_role("button", name="Set alias").click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_text("@plain").first).to_be_visible()
    registry.delete_alias(MODEL, "plain")


@pytest.mark.feature("OBS-04")
def test_what_people_write_stays_text_also_when_it_comes_live(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        page = visitor.go("/models/churn")
        registry.update_model("churn", owner=ATTACK[:100], description=f"now: {ATTACK}")
        expect(page.get_by_text("now: <img src=x").first).to_be_visible()
        assert page.evaluate("window.hacked") is None
        assert page.locator("main img").count() == 0


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server that asks for tokens; yield its address and a token of an administrator."""
    folder = tmp_path / "model_registry"
    with ModelRegistry(folder) as local:
        local.create_model("fraud")
        local.create_user("ada", "admin")
        token = local.create_token("ada").token
    with server_process(tmp_path, {"MODELYARD_AUTH_ENABLED": "true"}) as url:
        yield url, token


@pytest.mark.feature("OBS-04")
def test_who_has_a_token_signs_in_and_out(guarded: tuple[str, str], browser: Browser):
    url, token = guarded
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 401")
        page = visitor.go("/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.get_by_label("API token").fill("my_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("API token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Signed in as ada")).to_be_visible()
        expect(page.get_by_role("link", name="fraud", exact=True)).to_be_visible()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_text("Signed in as ada")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert token not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")


@pytest.mark.feature("OBS-04")
def test_an_empty_yard_teaches_the_first_commands(tmp_path: Path, browser: Browser):
    (tmp_path / "model_registry").mkdir()
    with server_process(tmp_path) as url, visit(browser, url) as visitor:
        page = visitor.go("/")
        expect(page.get_by_text("modelyard register").first).to_be_visible()
        visitor.shot("00-empty")
        assert visitor.barriers() == []
