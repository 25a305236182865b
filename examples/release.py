"""Releases in one run: real models behind an endpoint, a good canary, a bad one, and the way back. Part of `make demo`.

    python examples/release.py [--registry-path DIR] [--quick]

No server is started: this process runs the versions in workers of its own, as a notebook would. Traffic comes from a
thread; each user keeps to the version that he got.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from modelyard import DeploymentRecord, ModelRegistry, ModelyardError

MODEL = "digits-live"
USERS = 500
console = Console(highlight=False)


CARELESS = """
class Predictor:
    inputs = "json"

    def predict(self, images):
        if any(image[2] > 8 for image in images):
            raise ValueError("nobody told me of such a pixel")
        return [0 for _ in images]
"""
"""A model as a class of one's own, which fails on some of the images."""


class Users:
    """Asks for predictions from a thread, as many users do, and counts who answered."""

    def __init__(self, registry: ModelRegistry, name: str, images: Any) -> None:
        self._registry, self._name, self._images = registry, name, images
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="users")
        self.answers: Counter[str] = Counter()
        """How often each version answered; `failed` for those that got no answer."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        for number in count():
            if self._over.is_set():
                return
            image = self._images[number % len(self._images)].tolist()
            try:
                answer = self._registry.predict(self._name, [image], key=f"user-{number % USERS}")
                self.answers[answer.version] += 1
            except ModelyardError:
                self.answers["failed"] += 1


def register(registry: ModelRegistry, name: str, quick: bool) -> Any:  # noqa: FBT001 - one switch of the command line
    """Register three versions, the last one careless; return the images."""
    images, digits = load_digits(return_X_y=True)
    few = 300 if quick else 1_000
    first = LogisticRegression(max_iter=200).fit(images[:few], digits[:few])
    second = LogisticRegression(max_iter=200, C=0.1).fit(images[:few], digits[:few])
    for version, model in (("1.0.0", first), ("1.1.0", second)):
        registry.register_model(model, name, version, input_example=images[:2])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "predictor.py").write_text(CARELESS)
        registry.register_model(folder, name, "1.2.0")
    return images


def show(title: str, deployment: DeploymentRecord, users: Users) -> None:
    """Print how a deployment went, and who answered meanwhile."""
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("what happened", "state", "weight of the new version", "why"):
        table.add_column(heading, overflow="fold", max_width=36)
    steps = deployment.plan.steps
    for line in deployment.history:
        shares = [arm.weight for arm in steps[line.step].arms if arm.version_id == deployment.version_id]
        share = f"{sum(shares):.0%}" if line.to_state in {"STAGE", "PAUSED", "BAKE"} else ""
        table.add_row(line.event.replace("_", " "), line.to_state, share, line.reason)
    console.print(table)
    console.print("answers:", ", ".join(f"{version} {number}" for version, number in sorted(users.answers.items())))


def chapter(title: str) -> None:
    """Print a heading."""
    console.print()
    console.print(Rule(f"[bold]{title}", align="left"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the releases."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--registry-path", default="demo_registry", help="folder of the registry (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="train on fewer images")
    options = parser.parse_args(arguments)
    with ModelRegistry(options.registry_path) as registry:
        name = free_name(registry)
        release(registry, name, register(registry, name, options.quick))


def free_name(registry: ModelRegistry) -> str:
    """The name of a model that an earlier run did not leave behind."""
    taken = {model.name for model in registry.list_models()}
    names = chain([MODEL], (f"{MODEL}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def release(registry: ModelRegistry, name: str, images: Any) -> None:
    """Deploy, release well, release badly, and go back."""
    chapter("The first version serves")
    first = registry.deploy(name, "1.0.0", wait=60)
    console.print(f"{first.version} is {first.state}: {registry.predict(name, images[:1].tolist()).output}")
    pace: dict[str, Any] = {"step_seconds": 0.5, "min_requests": 20, "limits": {"max_error_rate": 0.05}}
    # With steps of half a second, a machine that is busy for a moment looks like a model that has become slow.
    pace["judge"] = {"metrics": ["errors"]}
    with Users(registry, name, images) as users:
        chapter("A canary that goes all the way")
        good = registry.get_deployment(registry.deploy(name, "1.1.0", "canary", wait=60, **pace))
        show("1.1.0, step by step", good, users)
        if good.state != "SUCCEEDED":
            raise SystemExit("error: 1.1.0 did not get through, as told above, so there is nothing to go back to later")
        users.answers.clear()
        chapter("A canary that fails, and is back before most users meet it")
        bad = registry.get_deployment(registry.deploy(name, "1.2.0", "canary", wait=60, **pace))
        show("1.2.0, and back", bad, users)
        chapter("One command back, rehearsed first")
        plan = registry.rollback_model(name, dry_run=True).endpoint
        done = registry.rollback_model(name, reason="a drill", deprecate=False).endpoint
    assert plan is not None  # noqa: S101 - the model has an endpoint
    assert done is not None  # noqa: S101 - the same
    console.print(f"rehearsed: {plan.left} would go, {plan.version} come back, {len(plan.changes)} differences")
    console.print(f"done: {done.version} serves again, after {done.seconds * 1000:.0f} ms")
    console.print(f"\n  modelyard --registry {registry.address} status {name}", soft_wrap=True)


if __name__ == "__main__":
    try:
        main()
    except ModelyardError as error:
        raise SystemExit(f"error: {error}") from error
