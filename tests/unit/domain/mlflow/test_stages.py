"""MLflow's four stages, and the ways between stages of a graph that a team wrote."""

from __future__ import annotations

import pytest

from modelyard.domain.graph import StageGraph, default_graph
from modelyard.domain.graph_documents import parse_graph
from modelyard.domain.mlflow.stages import FREE_GRAPH, canonical, path, told
from modelyard.domain.stages import ModelStage

DEVELOPMENT, STAGING, PRODUCTION, ARCHIVED, REJECTED = (
    ModelStage.DEVELOPMENT, ModelStage.STAGING, ModelStage.PRODUCTION, ModelStage.ARCHIVED, ModelStage.REJECTED,
)  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("development", "None"),
        ("staging", "Staging"),
        ("production", "Production"),
        ("archived", "Archived"),
        ("rejected", "Archived"),
        ("canary", "Canary"),
    ],
)
def test_a_stage_is_told_in_mlflows_words(stage: str, name: str) -> None:
    assert told(stage) == name


@pytest.mark.parametrize(("text", "name"), [("NONE", "None"), ("sTaging", "Staging"), ("archived", "Archived")])
def test_a_stage_is_named_in_any_case(text: str, name: str) -> None:
    assert canonical(text) == name


@pytest.mark.parametrize("text", ["", "development", "canary"])
def test_what_mlflow_does_not_know_is_no_stage(text: str) -> None:
    assert canonical(text) is None


def test_without_a_graph_every_stage_leads_to_every_other_one() -> None:
    for source in FREE_GRAPH.stages:
        for target in FREE_GRAPH.stages:
            assert path(FREE_GRAPH, source, target) == (() if source == target else (target,))
    assert FREE_GRAPH.exclusive == default_graph().exclusive, "which keeps deprecated versions out"


def test_a_stage_several_moves_away_is_reached_by_the_shortest_way() -> None:
    assert path(default_graph(), DEVELOPMENT, PRODUCTION) == (STAGING, PRODUCTION)


def test_no_way_leads_through_a_stage_that_ends_a_life() -> None:
    assert path(default_graph(), PRODUCTION, STAGING) == ()
    assert path(default_graph(), ARCHIVED, PRODUCTION) == ()


def test_a_stage_of_an_environment_is_no_part_of_a_way() -> None:
    graph: StageGraph = parse_graph(
        {
            "initial": "development",
            "environments": {"eu": ["eu-staging"]},
            "moves": {"development": ["eu-staging", "qa"], "eu-staging": ["staging"], "qa": ["staging"], "staging": []},
        },
        (),
    )
    assert path(graph, DEVELOPMENT, STAGING) == (ModelStage("qa"), STAGING)
