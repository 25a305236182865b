"""Releases under the judge on a real server, with real back ends elsewhere and real requests from another process.

Several releases run side by side, each of a model of its own. What is allowed: evidence comes in batches of a second,
so a release may see what arrives in `BATCH_S` seconds more than the figures say; and of a median of a few runs, three
standard errors. What counts is how many units the judge had when his evidence was enough: how long a busy machine then
takes to roll back is not his.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from components.deadlines import until
from components.flaky import Flaky
from components.load import Load
from components.servers import server_process
from modelyard import ModelRegistry
from modelyard.domain.wire import DeploymentRecord, Explanation
from modelyard.errors import DeploymentClosed

BATCH_S = 3.0
"""Seconds that a batch of evidence spans, with room for a busy machine."""
RATE, SECONDS = 0.01, 0.02
"""Share of the old version's requests that fail, and how long one takes in the middle."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Flaky]:
    """Back ends that fail and dawdle by chance."""
    with Flaky(seed=5) as flaky:
        yield flaky


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelRegistry]:
    """A server in a process of its own."""
    folder: Path = tmp_path_factory.mktemp("judged")
    (folder / "model_registry").mkdir()
    with server_process(folder, {"MODELYARD_CACHE_PATH": str(folder / "cache")}) as url, ModelRegistry(url) as made:
        yield made


def served(
    registry: ModelRegistry,
    elsewhere: Flaky,
    names: Sequence[str],
    new: tuple[float, float],
    base: tuple[float, float] = (RATE, SECONDS),
) -> None:
    """Serve a first version of each model, and register a second one; each fails and dawdles as is said."""
    for name in names:
        registry.register_version(name, "1.0.0", create=True, provider=elsewhere.version(*base))
        registry.register_version(name, "2.0.0", provider=elsewhere.version(*new))
        assert registry.deploy(name, "1.0.0", wait=30).state == "SUCCEEDED"


def released(registry: ModelRegistry, names: Sequence[str], **options: Any) -> list[DeploymentRecord]:
    """Begin a canary of each model's second version."""
    return [registry.deploy(name, "2.0.0", "canary", step_seconds=0.1, **options) for name in names]


def ended(
    registry: ModelRegistry, begun: Sequence[DeploymentRecord], seconds: float, *, most: int = 0
) -> list[Explanation]:
    """Wait until all of them have ended, or at most so many have not: these are aborted, and left out.

    Each is explained; its log gives the same again.
    """
    live = {one.id for one in begun}

    def over() -> bool:
        live.intersection_update(one.id for one in registry.list_deployments(state="live"))
        return len(live) <= most

    until(over, "the end of the releases", seconds)
    for one in live:
        # Or it has ended since.
        with suppress(DeploymentClosed):
            registry.abort_deployment(one)
    found = [registry.explain_deployment(one.id) for one in begun if one.id not in live]
    assert [one.replayed for one in found] == [True] * len(found)
    return found


def units(found: Sequence[Explanation]) -> list[int]:
    """How many units of the new version each release took, or the judge to find it worse."""
    return sorted(_needed(one) for one in found)


def _needed(found: Explanation) -> int:
    assert found.judgement is not None
    enough = [point.challengers[0] for point in found.course if point.challengers[0].peak >= found.judgement.limit]
    return enough[0].units if enough else found.judgement.challengers[0].units


@pytest.mark.feature("EXP-22", "DEP-20")
def test_an_equal_version_gets_through_in_nine_of_ten_releases(registry, elsewhere):
    names = [f"equal-{number}" for number in range(10)]
    served(registry, elsewhere, names, (RATE, SECONDS))
    with Load(registry.address, names, 40.0):
        found = ended(registry, released(registry, names, steps=[20, 50, 100], min_requests=20), 120)
    states = [one.state for one in found]
    # With a false alarm in one of twenty, two or more of ten would have a probability of 9 % at most.
    assert states.count("SUCCEEDED") >= 9, [one.words for one in found if one.state != "SUCCEEDED"]
    assert sum(units(found)) > 10 * 40


@pytest.mark.feature("EXP-22", "DEP-20", "RBK-04")
def test_five_percent_of_errors_against_one_go_back_within_the_figures(registry, elsewhere):
    names, rate = [f"worse-{number}" for number in range(7)], 80.0
    served(registry, elsewhere, names, (0.05, SECONDS))
    options = {"steps": [10], "min_requests": 100_000, "max_step_seconds": 600}
    with Load(registry.address, names, rate):
        begun = released(registry, names, **options)
        # The four quickest of seven tell the median.
        found = ended(registry, begun, 90, most=3)
    assert {one.state for one in found} == {"ROLLED_BACK"}
    took = units(found)
    # The median of one release is 126, its ninth decile 278; the standard error of a median of seven is about 37.
    assert took[3] <= 126 + 3 * 37 + BATCH_S * rate * 0.1, took
    assert all("rolled back to 1.0.0" in " ".join(one.words) for one in found)


@pytest.mark.feature("EXP-22", "DEP-20")
def test_a_version_that_takes_twice_as_long_goes_back_within_the_figures(registry, elsewhere):
    names, rate = [f"slower-{number}" for number in range(9)], 20.0
    # Long enough for what a busy machine adds to both not to hide it.
    served(registry, elsewhere, names, (RATE, 0.3), base=(RATE, 0.15))
    options = {"steps": [10], "min_requests": 100_000, "max_step_seconds": 600}
    with Load(registry.address, names, rate):
        found = ended(registry, released(registry, names, **options), 90, most=4)
    assert {one.state for one in found} == {"ROLLED_BACK"}
    took = units(found)
    # The median is 20, the ninth decile 27. Without a history of the old version 50 units set the thresholds first.
    assert took[4] <= 27 + 50 * 0.1 + BATCH_S * rate * 0.1, took


@pytest.mark.feature("EXP-22")
def test_an_outage_that_both_versions_share_rolls_nothing_back(registry, elsewhere):
    names = [f"shared-{number}" for number in range(5)]
    served(registry, elsewhere, names, (RATE, SECONDS))
    with Load(registry.address, names, 80.0) as load:
        begun = released(registry, names, steps=[20], min_requests=100)
        until(lambda: len(counted(registry, begun, 5)) == len(names), "the first units", 30)
        elsewhere.outage = 0.6
        try:
            until(lambda: len(counted(registry, begun, 0, failed=30)) == len(names), "errors of both", 60)
        finally:
            elsewhere.outage = 0.0
        found = ended(registry, begun, 60)
    assert load.seen["502"] > 5 * 30
    # With a false alarm in one of twenty, two or more of five would have a probability of 2 % at most.
    assert [one.state for one in found].count("SUCCEEDED") >= 4, [one.words for one in found]


def counted(
    registry: ModelRegistry, begun: Sequence[DeploymentRecord], least: int, *, failed: int = 0
) -> list[DeploymentRecord]:
    """The releases whose new version has so many units, and that have so many failed ones of both versions."""
    found = []
    for one in begun:
        said = registry.get_deployment(one.id).judgement
        seen = said.challengers[0] if said is not None else None
        if seen is not None and seen.units >= least and seen.failed + seen.base_failed >= failed:
            found.append(one)
    return found
