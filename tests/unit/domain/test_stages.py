"""Stages and the graph of legal moves."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.graph import Move, check_move, default_graph, normalise_stage
from modelyard.domain.graph_documents import parse_graph
from modelyard.domain.stages import ModelStage
from modelyard.errors import InvalidConfig, InvalidStage, InvalidTransition

LEGAL = {
    "development": {"staging", "rejected", "archived"},
    "staging": {"production", "rejected", "development", "archived"},
    "production": {"archived"},
    "rejected": {"development", "archived"},
    "archived": set(),
}
WORDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
GRAPH = default_graph()


@pytest.mark.feature("STG-01")
def test_the_known_stages_have_the_values_and_names_of_an_enum():
    assert [(stage.name, stage.value) for stage in ModelStage] == [
        ("DEVELOPMENT", "development"),
        ("STAGING", "staging"),
        ("PRODUCTION", "production"),
        ("ARCHIVED", "archived"),
        ("REJECTED", "rejected"),
    ]
    assert ModelStage["NONE"] is ModelStage("None") is ModelStage.DEVELOPMENT
    assert str(ModelStage.STAGING) == ModelStage.STAGING.value == "staging"
    assert {"staging": 1}[ModelStage.STAGING] == 1
    assert repr(ModelStage.STAGING) == "<ModelStage.STAGING: 'staging'>"


@given(WORDS)
def test_any_word_is_a_stage_that_behaves_as_its_text(word):
    stage = ModelStage(word)
    expected = "development" if word == "none" else word
    assert isinstance(stage, ModelStage)
    assert stage == expected
    assert {expected: 1}[stage] == 1
    assert (stage.value, stage.name, f"{stage}") == (expected, expected.upper(), expected)
    assert json.loads(json.dumps({"stage": stage})) == {"stage": expected}
    for twin in (pickle.loads(pickle.dumps(stage)), copy.copy(stage), copy.deepcopy(stage), ModelStage(stage)):
        assert type(twin) is ModelStage
        assert (twin, twin.name) == (stage, stage.name)


def test_an_added_stage_does_not_join_the_known_ones():
    assert ModelStage("canary") == "canary"
    assert "CANARY" not in ModelStage.__members__


@pytest.mark.parametrize("text", ["Production", "PRODUCTION", " production\n"])
def test_case_and_blanks_around_a_stage_do_not_matter(text):
    assert ModelStage(text) is ModelStage.PRODUCTION
    assert normalise_stage(GRAPH, text) is ModelStage.PRODUCTION


@pytest.mark.feature("STG-02")
@pytest.mark.parametrize("text", [None, "None", "none", " NONE "])
def test_none_is_another_word_for_development(text):
    assert normalise_stage(GRAPH, text) is ModelStage.DEVELOPMENT


def test_none_is_a_stage_of_its_own_where_the_graph_has_no_development():
    graph = parse_graph({"initial": "draft", "moves": {"draft": ["live"], "live": []}})
    with pytest.raises(InvalidStage):
        normalise_stage(graph, None)


@pytest.mark.parametrize(
    "text", ["", "a b", "-x", "x" * 65, "prod/uction", "pröd", "x\x00", 3, b"staging", ["staging"]]
)
def test_what_cannot_name_a_stage_is_refused(text):
    with pytest.raises(InvalidStage) as caught:
        normalise_stage(GRAPH, text)
    assert caught.value.hint


def test_an_unknown_stage_is_answered_with_the_stages_and_the_closest():
    with pytest.raises(InvalidStage, match="there is no stage 'prodution'") as caught:
        normalise_stage(GRAPH, "prodution")
    assert caught.value.hint == (
        "did you mean production? the stages are development, staging, production, archived, rejected"
    )
    assert caught.value.details["stages"] == ["development", "staging", "production", "archived", "rejected"]


@pytest.mark.feature("STG-03", "STG-09")
@pytest.mark.parametrize("source", LEGAL)
@pytest.mark.parametrize("target", LEGAL)
def test_the_default_graph_has_exactly_the_documented_moves(source, target):
    current, wanted = ModelStage(source), ModelStage(target)
    if source == target:
        assert check_move(GRAPH, current, wanted) is Move.STAY
    elif target in LEGAL[source]:
        assert check_move(GRAPH, current, wanted) is Move.MOVE
    else:
        with pytest.raises(InvalidTransition) as caught:
            check_move(GRAPH, current, wanted)
        assert caught.value.message == f"Invalid transition: {source} -> {target}"
        assert set(caught.value.details["legal"]) == LEGAL[source]
        assert all(legal in caught.value.hint for legal in LEGAL[source])
        assert isinstance(caught.value, ValueError)


def test_a_final_stage_says_how_a_version_comes_back():
    with pytest.raises(InvalidTransition, match="rollback"):
        check_move(GRAPH, ModelStage.ARCHIVED, ModelStage.STAGING)


def test_a_stage_that_the_graph_no_longer_has_leads_nowhere():
    with pytest.raises(InvalidTransition, match="Invalid transition: canary -> staging"):
        check_move(GRAPH, ModelStage("canary"), ModelStage.STAGING)


def test_a_version_starts_in_the_initial_stage_or_one_move_away():
    starts = {stage.value for stage in GRAPH.stages if GRAPH.can_start_in(stage)}
    assert starts == {"development", "staging", "rejected", "archived"}


def test_production_is_the_exclusive_stage_of_the_default_graph():
    assert GRAPH.exclusive == {ModelStage.PRODUCTION}
    assert GRAPH.initial is ModelStage.DEVELOPMENT


def test_a_graph_can_have_stages_of_its_own():
    graph = parse_graph(
        {"initial": "Draft", "moves": {"draft": ["QA"], "qa": ["live", "draft"], "live": ["archived"], "archived": []}}
    )
    assert graph.stages == ("draft", "qa", "live", "archived")
    assert graph.exclusive == frozenset()
    assert normalise_stage(graph, "Qa") == "qa"
    assert check_move(graph, ModelStage("qa"), ModelStage("live")) is Move.MOVE


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"initial": "a"}, "has no moves"),
        ({"initial": "a", "moves": []}, "has no moves"),
        ({"initial": "a", "moves": {}}, "has no moves"),
        ({"moves": {"a": []}}, "no initial stage"),
        ({"initial": "a", "moves": {"a": []}, "stage": 1}, "unknown key 'stage'"),
        ({"initial": "a", "moves": {"a": ["b"]}}, "refers to 'b'"),
        ({"initial": "c", "moves": {"a": []}}, "refers to 'c'"),
        ({"initial": "a", "moves": {"a": []}, "exclusive": ["live"]}, "refers to 'live'"),
        ({"initial": "a", "moves": {"a": [], "b": []}}, "no path leads from a to the stage 'b'"),
        ({"initial": "a", "moves": {"a": ["a"]}}, "moves a to itself"),
        ({"initial": "a", "moves": {"a": [], "A": []}}, "lists one stage twice"),
        ({"initial": "a", "moves": {"a": "b", "b": []}}, "a needs a list"),
        ({"initial": "a b", "moves": {"a": []}}, "'a b' cannot be a stage"),
        ({"initial": "a", "moves": {"a": [3]}}, "a stage is a text, not int"),
        ({"initial": "a", "moves": {"a": []}, "exclusive": ["a"]}, "no archived one"),
    ],
)
def test_a_broken_graph_is_refused(document, message):
    with pytest.raises(InvalidConfig, match=message) as caught:
        parse_graph(document)
    assert caught.value.hint


@given(st.dictionaries(WORDS.filter(lambda word: word != "none"), st.lists(WORDS, max_size=3), min_size=1, max_size=6))
def test_a_graph_is_either_refused_or_wholly_reachable(moves):
    try:
        graph = parse_graph({"initial": next(iter(moves)), "moves": moves})
    except InvalidConfig:
        return
    seen = {graph.initial}
    for _ in graph.stages:
        seen |= {target for stage in seen for target in graph.moves[stage]}
    assert seen == set(graph.stages)
