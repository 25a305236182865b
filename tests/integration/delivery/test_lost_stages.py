"""Going back where the stage graph has changed since: no version gets into a stage that there is no more."""

from __future__ import annotations

from typing import Any

import pytest

from components.asking import Asking
from components.rollouts import Rollouts
from modelyard.operations import GET_VERSION, PROMOTE, NamedThen, Promote

MOVES: dict[str, list[str]] = {
    "development": ["qa", "production", "eu-live", "archived"],
    "qa": ["production", "archived"],
    "production": ["archived"],
    "eu-live": ["archived"],
    "archived": ["development"],
}
GRAPH: dict[str, Any] = {
    "initial": "development",
    "exclusive": ["production"],
    "environments": {"eu": ["eu-live"]},
    "moves": MOVES,
}
FEWER: dict[str, Any] = {
    "initial": "development",
    "exclusive": ["production"],
    "moves": {"development": ["production", "archived"], "production": ["archived"], "archived": ["development"]},
}
ELSEWHERE: dict[str, Any] = {**GRAPH, "environments": {"us": ["eu-live"]}}


def promote(yard: Rollouts, version: str, stage: str) -> None:
    yard.call(PROMOTE, Promote(reference=f"fraud/{version}", target_stage=stage))


def places(yard: Rollouts, version: str) -> tuple[str, dict[str, str]]:
    found = yard.call(GET_VERSION, NamedThen(reference=f"fraud/{version}"))
    return found.stage, found.environments


@pytest.mark.feature("RBK-07", "RBK-09")
@pytest.mark.parametrize("graph", [FEWER, ELSEWHERE])
@pytest.mark.parametrize("way", ["restore", "rollback"])
def test_what_the_graph_has_no_more_is_not_given_back(served: Rollouts, way: str, graph: dict[str, Any]):
    Asking(served.caller).set_stage_graph(GRAPH)
    promote(served, "1.0.0", "production")
    promote(served, "1.1.0", "qa")
    promote(served, "3.0.0", "eu-live")
    kept = served.keep()
    served.serve("2.0.0")
    promote(served, "2.0.0", "production")
    promote(served, "1.1.0", "archived")
    promote(served, "3.0.0", "archived")
    Asking(served.caller).set_stage_graph(graph)
    if way == "restore":
        served.restore(kept)
    else:
        served.rolled_back()
    assert served.shares() == {"1.0.0": 1.0}
    assert (places(served, "1.0.0"), places(served, "2.0.0")) == (("production", {}), ("development", {}))
    assert places(served, "1.1.0") == ("qa" if "qa" in graph["moves"] else "archived", {})
    stage, environments = places(served, "3.0.0")
    assert stage in {"development", "archived"}
    assert environments == {}
    Asking(served.caller).set_stage_graph({**graph, "exclusive": []})
