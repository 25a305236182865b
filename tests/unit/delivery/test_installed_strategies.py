"""Strategies of installed packages: found, guarded, and passed over where they are broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.delivery import strategies
from modelyard.delivery.strategies import installed_strategies, name_of, plan_of
from modelyard.domain.plans import Ask
from modelyard.domain.wire.delivery import Arm
from modelyard.errors import InvalidRequest, ModelyardError

ASK = Ask(
    candidate=Arm(version_id="mv_new", version="2.0.0", weight=1.0),
    base=Arm(version_id="mv_old", version="1.0.0", weight=1.0),
)

PACKAGE = """
from modelyard.domain.wire import Plan, Step
from modelyard.errors import InvalidRequest

NUMBER = 7


def halves(ask):
    return Plan(steps=[Step(arms=ask.at(50), min_seconds=600)], final=ask.at(100))


def broken(ask):
    raise ZeroDivisionError("by nothing")


def picky(ask):
    raise InvalidRequest("not on a Friday")


def wordless(ask):
    return "half, please"
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Give a function that installs a package with strategies for this test."""
    strategies._others.cache_clear()

    def installing(name: str, *points: str) -> None:
        site = tmp_path / name
        facts = site / f"{name}-1.0.dist-info"
        facts.mkdir(parents=True)
        (site / f"{name}.py").write_text(PACKAGE)
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text("\n".join(["[modelyard.strategies]", *points]))
        monkeypatch.syspath_prepend(str(site))

    yield installing
    strategies._others.cache_clear()


@pytest.mark.feature("DEP-17")
def test_a_package_adds_a_strategy(install):
    install("ourways", "halves = ourways:halves")
    assert name_of("Halves") == "halves"
    assert name_of("canary") == "canary"
    made = plan_of("halves", ASK)
    assert [arm.weight for arm in made.steps[0].arms] == [0.5, 0.5]
    assert plan_of("direct", ASK).final == made.final
    with pytest.raises(InvalidRequest, match="no strategy") as caught:
        plan_of("thirds", ASK)
    assert "halves" in caught.value.hint


def test_what_a_strategy_raises_or_answers_wrongly_is_an_error_of_ours(install):
    install("failing", "broken = failing:broken", "picky = failing:picky", "wordless = failing:wordless")
    with pytest.raises(ModelyardError, match="the strategy broken failed: ZeroDivisionError: 'by nothing'"):
        plan_of("broken", ASK)
    with pytest.raises(InvalidRequest, match=r"^not on a Friday"):
        plan_of("picky", ASK)
    with pytest.raises(InvalidRequest, match="which is no plan"):
        plan_of("wordless", ASK)


@pytest.mark.parametrize(
    ("point", "warning"),
    [
        ("gone = nowhere:strategy", "cannot be loaded: ModuleNotFoundError"),
        ("lost = spoilt:nothing", "cannot be loaded: AttributeError"),
        ("number = spoilt:NUMBER", "is no function"),
        ("direct = spoilt:halves", "passed over: the name is taken"),
    ],
)
def test_a_broken_entry_point_is_a_warning_and_the_others_work(install, point, warning):
    install("spoilt", "halves = spoilt:halves", point)
    with pytest.warns(UserWarning, match=warning):
        assert set(installed_strategies()) == {"halves"}


def test_a_name_that_two_packages_publish_is_served_by_neither(install):
    install("firstly", "halves = firstly:halves")
    install("secondly", "halves = secondly:halves")
    with pytest.warns(UserWarning, match="two packages publish"):
        assert installed_strategies() == {}
