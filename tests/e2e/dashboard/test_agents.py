"""Agents: made in the browser for one model, after which the programs that the page shows do what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from components.browser import visit
from components.servers import server_process
from modelyard import ModelRegistry

MODEL, CONTENT = "fraud", b"not really ONNX"
UPLOAD, FETCH = "Upload what it trained", "Fetch the newest version approved for a stage"
WAYS = ("Python", "Command line", "curl")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def signed_in(page: Page, token: str) -> None:
    """Give the server the token that it asks for."""
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Agents")).to_be_visible()


def made(page: Page, name: str, role: str) -> str:
    """Make an agent for one model through the dialog; return its token, which is shown once."""
    page.get_by_role("button", name="New agent").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User or service").fill(name)
    dialog.get_by_label("Role").select_option(role)
    dialog.get_by_label("On models, with commas").fill(MODEL)
    expect(dialog).to_contain_text(f"modelyard token create {name} --role {role} --model {MODEL} --expires 90d")
    dialog.get_by_role("button", name="New agent").click()
    shown = page.get_by_role("status").filter(has_text=f"The token of {name}")
    token = shown.locator("code").inner_text()
    shown.get_by_role("button", name="Done").click()
    expect(page.get_by_text(token)).to_have_count(0)
    return token


def program(page: Page, title: str) -> str:
    """The lines that are shown under a title."""
    return page.get_by_role("region", name=f"{title}, to be copied").inner_text()


def run(way: str, setup: str, text: str, token: str, folder: Path) -> None:
    """Run lines as an agent would, after those that set it up."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    setup = setup.replace("my_…", token)
    lines = f"{setup}\npython - <<'END'\n{text}\nEND" if way == "Python" else f"{setup}\n{text}"
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", lines],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{way}: {done.stdout}\n{done.stderr}"


@pytest.mark.feature("OBS-04", "REG-23", "INT-05")
def test_an_agent_is_made_and_does_what_the_page_shows(tmp_path: Path, browser: Browser):
    with ModelRegistry(tmp_path / "model_registry") as local:
        local.create_user("ada", "admin")
        admin = local.create_token("ada").token
    with server_process(tmp_path, {"MODELYARD_AUTH_ENABLED": "true"}) as url, visit(browser, url) as visitor:
        visitor.allow(r"status of 401")
        page = visitor.go("/agents")
        signed_in(page, admin)
        expect(page.get_by_text("modelyard token create trainer --role developer")).to_be_visible()
        trainer, edge = made(page, "trainer", "developer"), made(page, "edge-7", "viewer")

        work, setup = tmp_path / "work", program(page, "Set up")
        work.mkdir()
        (work / "model.onnx").write_bytes(CONTENT)
        for way in WAYS:
            run(way, setup, program(page, f"{UPLOAD}: {way}"), trainer, work)
        card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="trainer"))
        expect(card.get_by_role("link", name=f"trainer registered {MODEL} 0.1.2")).to_be_visible()
        expect(card).to_contain_text("registers versions, asks for promotions")

        with ModelRegistry(url, token=admin) as registry:
            registry.promote_model(f"{MODEL}/0.1.1", "staging")
            registry.promote_model(f"{MODEL}/0.1.1", "production")
        for way in WAYS:
            place = work / way
            place.mkdir()
            run(way, setup, program(page, f"{FETCH}: {way}"), edge, place)
            assert (place / "model.onnx").read_bytes() == CONTENT, way
            run(way, setup, program(page, f"{FETCH}: {way}"), edge, place)
            assert (place / "model.onnx").read_bytes() == CONTENT, f"{way}, again"
        visitor.shot("agents")
        assert visitor.barriers() == []
        assert visitor.fits


@pytest.mark.feature("OBS-04")
def test_who_may_not_see_agents_is_told_so_kindly(tmp_path: Path, browser: Browser):
    with ModelRegistry(tmp_path / "model_registry") as local:
        local.create_user("vera", "viewer")
        token = local.create_token("vera").token
    with server_process(tmp_path, {"MODELYARD_AUTH_ENABLED": "true"}) as url, visit(browser, url) as visitor:
        visitor.allow(r"status of 40[13]")
        page = visitor.go("/agents")
        signed_in(page, token)
        expect(page.get_by_text("has to be allowed to manage users and tokens")).to_be_visible()
        assert page.get_by_role("alert").count() == 0
        assert page.get_by_role("button", name="New agent").count() == 0
