"""`Moving`: two imports at once, people with few rights, copies, stages behind gates, and what was left half done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.templates import prepared
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.cli.imports.moving import Moving
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.stages import ModelStage
from modelyard.errors import RemoteUnavailable
from modelyard.integrations.arrivals import Arrival, ForeignFile, ForeignModel, Identity, Progress, Ticket


@dataclass(kw_only=True)
class Origin:
    """A source of versions, each with one file; what is asked of it is counted.

    Attributes:
        versions: model → the numbers of its versions.
        aliases: model/number → aliases.
        stages: model/number → stage.
        broken: what cannot be looked at now.
        meeting: where everybody who looks waits for the others.
    """

    versions: dict[str, list[int]]
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stages: dict[str, ModelStage] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    meeting: threading.Barrier | None = None
    looked: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    address: str = "test://origin"

    def models(self) -> list[ForeignModel]:
        """See `arrivals.Origin`, as for all of these."""
        return [ForeignModel(name=name) for name in self.versions]

    def tickets(self) -> Iterator[Ticket]:
        """The versions."""
        for model, numbers in self.versions.items():
            for number in numbers:
                yield self._ticket(model, number)

    def identity(self, imported: object) -> Identity | None:
        """What tells a version again."""
        if not isinstance(imported, dict) or imported.get("from") != "test":
            return None
        return "test", imported["name"], str(imported["number"])

    def close(self) -> None:
        """Nothing is open."""

    def _ticket(self, model: str, number: int) -> Ticket:
        label = f"{model}/{number}"
        imported: dict[str, Any] = {"from": "test", "name": model, "number": number}

        def fetch(folder: Path, _: Progress | None) -> dict[str, str]:
            self.fetched.append(label)
            (folder / "model.bin").write_text(label)
            return {}

        def look() -> Arrival:
            self.looked.append(label)
            if self.meeting:
                self.meeting.wait(30)
            if label in self.broken:
                raise RemoteUnavailable("away")
            size = len(label)
            return Arrival(
                document={"extra": {"imported": imported}},
                files=(ForeignFile(path="model.bin", size=size),),
                fetch=fetch,
            )

        return Ticket(
            model=model,
            label=label,
            identity=self.identity(imported) or (),
            number=number,
            aliases=self.aliases.get(label, ()),
            stage=self.stages.get(label, ModelStage.DEVELOPMENT),
            look=look,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty registry."""
    return prepared(tmp_path / "registry")


def moved(registry: ModelRegistry, origin: Origin) -> Moving:
    """Import everything."""
    work = Moving(registry=registry, origin=origin)
    work.run(None)
    return work


def outcomes(work: Moving) -> dict[str, str]:
    """Outcome by version."""
    return {row.version: row.outcome for row in work.outcomes.rows}


@pytest.mark.feature("EXP-27")
def test_two_imports_at_once_make_each_version_once(folder):
    numbers = list(range(1, 9))
    # Both see an empty registry: no version is looked at before both have begun.
    meeting = threading.Barrier(2)
    origins = [Origin(versions={"fraud": numbers}, meeting=meeting) for _ in range(2)]
    works: list[Moving] = []

    def take(origin: Origin) -> None:
        with ModelRegistry(folder) as registry:
            works.append(moved(registry, origin))

    threads = [threading.Thread(target=take, args=(origin,)) for origin in origins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    with ModelRegistry(folder) as registry:
        versions = registry.list_versions("fraud")
    assert sorted(version.number for version in versions) == numbers
    assert [set(outcomes(work).values()) for work in works] == [{"registered"}] * 2


@pytest.mark.feature("EXP-27")
def test_what_was_imported_and_deleted_comes_again(folder):
    with ModelRegistry(folder) as registry:
        moved(registry, Origin(versions={"fraud": [1, 2]}))
        registry.delete_model("fraud/2")
        again = moved(registry, Origin(versions={"fraud": [1, 2]}))
        assert outcomes(again) == {"fraud/1": "already there", "fraud/2": "registered"}
        assert [version.number for version in registry.list_versions("fraud")] == [3, 1]


@pytest.mark.feature("EXP-27")
def test_a_developer_imports_what_they_may_and_leaves_no_placeholder(folder):
    grants = (Grant(allow="developer", model="fraud-*"),)
    with ModelRegistry(folder) as admin, ModelRegistry(folder) as registry:
        caller = admin._caller
        assert isinstance(caller, EmbeddedCaller)
        registry._open_caller = EmbeddedCaller(caller.yard, principal=Principal(name="dev", grants=grants))
        origin = Origin(versions={"fraud-eu": [1, 4], "other": [1, 2]})
        work = moved(registry, origin)
        assert outcomes(work) == {
            "other": "failed",
            "fraud-eu/1": "registered",
            "fraud-eu/4": "registered",
            "other/1": "not tried",
            "other/2": "not tried",
        }
        assert work.outcomes.exit_code != 0
        assert [model.name for model in admin.models()] == ["fraud-eu"]
        assert [version.version for version in admin.list_versions("fraud-eu")] == ["0.1.1", "0.1.0"]
        assert "other/1" not in origin.fetched


@pytest.mark.feature("EXP-27")
def test_behind_a_version_that_failed_nothing_of_its_model_is_fetched(folder):
    origin = Origin(versions={"fraud": list(range(1, 60)), "spam": [1]}, broken=frozenset({"fraud/1"}))
    with ModelRegistry(folder) as registry:
        work = moved(registry, origin)
        assert outcomes(work)["fraud/59"] == "not tried"
        assert outcomes(work)["spam/1"] == "registered"
    assert len(origin.looked) < 30


@pytest.mark.feature("EXP-27")
def test_a_copy_in_another_model_does_not_stand_for_the_original(folder):
    with ModelRegistry(folder) as registry:
        moved(registry, Origin(versions={"fraud": [1]}))
        registry.copy_version("fraud/1", name="spam")
        registry.delete_model("fraud/1", force=True)
        work = moved(registry, Origin(versions={"fraud": [1], "spam": []}))
        assert outcomes(work) == {"fraud/1": "registered"}


@pytest.mark.feature("EXP-27")
def test_a_gate_that_refuses_the_stage_keeps_no_alias_away_and_one_bad_alias_no_other(folder):
    graph = {
        "initial": "development",
        "moves": {"development": {"production": {"requirements": {"min_accuracy": 0.9}}}, "production": []},
    }
    with ModelRegistry(folder) as registry:
        registry.create_model("fraud")
        registry.set_stage_graph(graph, "fraud")
        origin = Origin(
            versions={"fraud": [1]},
            aliases={"fraud/1": ("v7", "champion")},
            stages={"fraud/1": ModelStage.PRODUCTION},
        )
        work = moved(registry, origin)
        version = registry.get_model("fraud/1")
        assert (outcomes(work), version.aliases) == ({"fraud/1": "in part"}, ["champion"])
        assert version.stage == ModelStage.DEVELOPMENT
        assert version.extra["imported"]["unfinished"]
