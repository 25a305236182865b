"""Stage graphs with rules and environments: reading, writing back, telling apart, moving along them."""

from __future__ import annotations

import pytest

from modelyard.domain.graph import FREE, Move, MoveRule, Standing, check_standing, default_graph
from modelyard.domain.graph_documents import GraphChanges, graph_changes, graph_document, parse_graph
from modelyard.domain.stages import ModelStage
from modelyard.errors import InvalidConfig, InvalidTransition

DOCUMENT = {
    "initial": "development",
    "exclusive": ["production", "eu-production", "us-production"],
    "environments": {"eu": ["eu-staging", "eu-production"], "us": ["us-production"]},
    "moves": {
        "development": ["staging", "archived"],
        "staging": {
            "production": {
                "requirements": {"min_auc": 0.9, "validation_report": True},
                "approvals": 2,
                "approvers": ["ana", "bob"],
                "archive_previous": False,
                "expires_after": "7d",
            },
            "eu-staging": None,
            "us-production": {"approvals": 1},
            "archived": {},
        },
        "eu-staging": ["eu-production"],
        "eu-production": ["archived"],
        "us-production": ["archived"],
        "production": ["archived"],
        "archived": [],
    },
}
STAGING, PRODUCTION = ModelStage.STAGING, ModelStage.PRODUCTION
EU_STAGING, EU, US = ModelStage("eu-staging"), ModelStage("eu-production"), ModelStage("us-production")


@pytest.mark.feature("STG-02")
def test_a_graph_survives_being_written_and_read():
    graph = parse_graph(DOCUMENT)
    assert parse_graph(graph_document(graph)) == graph
    assert graph_document(parse_graph(graph_document(graph))) == graph_document(graph)
    assert parse_graph(graph_document(default_graph())) == default_graph()
    assert "environments" not in graph_document(default_graph())


def test_rules_stand_at_their_moves():
    graph = parse_graph(DOCUMENT)
    rule = graph.rule(STAGING, PRODUCTION)
    assert rule == MoveRule(
        requirements={"min_auc": 0.9, "validation_report": True},
        approvals=2,
        approvers=("ana", "bob"),
        archive_previous=False,
        expires_after="7d",
    )
    assert rule.is_gated
    assert graph.rule(STAGING, EU_STAGING) is FREE
    assert not FREE.is_gated
    assert (graph.environment_of(EU), graph.environment_of(STAGING)) == ("eu", "")


def test_a_new_version_starts_only_where_nothing_is_asked():
    moves = {
        "development": {"staging": {"approvals": 1}, "trial": None, "eu": None},
        "staging": [],
        "trial": [],
        "eu": [],
    }
    graph = parse_graph({"initial": "development", "environments": {"eu": ["eu"]}, "moves": moves})
    starts = [stage for stage in graph.stages if graph.can_start_in(stage)]
    assert starts == ["development", "trial"]


def test_an_environment_is_entered_beside_ones_own_stage():
    graph = parse_graph(DOCUMENT)
    standing = Standing(stage=STAGING)
    assert check_standing(graph, standing, EU_STAGING) == (Move.MOVE, STAGING)
    inside = Standing(stage=STAGING, environments={"eu": EU_STAGING})
    assert inside.stages == (STAGING, EU_STAGING)
    assert check_standing(graph, inside, EU) == (Move.MOVE, EU_STAGING)
    assert check_standing(graph, inside, EU_STAGING) == (Move.STAY, EU_STAGING)
    assert check_standing(graph, inside, US) == (Move.MOVE, STAGING)
    assert check_standing(graph, inside, PRODUCTION) == (Move.MOVE, STAGING)
    far = Standing(stage=PRODUCTION, environments={"eu": EU})
    assert check_standing(graph, far, ModelStage.ARCHIVED) == (Move.MOVE, PRODUCTION)
    with pytest.raises(InvalidTransition, match="eu-production -> eu-staging"):
        check_standing(graph, far, EU_STAGING)


def test_one_may_leave_from_any_stage_that_one_stands_in():
    moves = {"development": ["eu"], "eu": ["archived"], "archived": []}
    graph = parse_graph({"initial": "development", "environments": {"eu": ["eu"]}, "moves": moves})
    standing = Standing(stage=ModelStage.DEVELOPMENT, environments={"eu": ModelStage("eu")})
    assert check_standing(graph, standing, ModelStage.ARCHIVED) == (Move.MOVE, ModelStage("eu"))


def test_changes_are_told_move_by_move():
    old = parse_graph(DOCUMENT)
    assert graph_changes(old, old) == GraphChanges()
    changed = graph_document(old)
    changed["exclusive"] = ["production"]
    changed["moves"]["development"] = ["staging", "archived", "shadow"]
    changed["moves"]["shadow"] = ["staging"]
    changed["moves"]["staging"]["us-production"] = {"approvals": 3}
    del changed["moves"]["eu-staging"], changed["moves"]["staging"]["eu-staging"], changed["moves"]["eu-production"]
    changed["environments"] = {"us": ["us-production"]}
    found = graph_changes(old, parse_graph(changed))
    assert found == GraphChanges(
        stages_added=("shadow",),
        stages_removed=("eu-staging", "eu-production"),
        moves_added=("development -> shadow", "shadow -> staging"),
        moves_removed=("staging -> eu-staging", "eu-staging -> eu-production", "eu-production -> archived"),
        rules_changed=("staging -> us-production",),
        others=("exclusive", "environments"),
    )


def broken(**changes):
    return {**DOCUMENT, **changes}


def with_rule(rule):
    return {"initial": "development", "moves": {"development": {"staging": rule}, "staging": []}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "no mapping"),
        (with_rule("yes"), "has the rule 'yes'"),
        (with_rule({"approval": 1}), "unknown key 'approval'"),
        (with_rule({"approvals": -1}), "approvals -1"),
        (with_rule({"approvals": 0, "approvers": ["ana"]}), "0 approvals of 1 people"),
        (with_rule({"approvals": 2, "approvers": ["ana", "ana "]}), "2 approvals of 1 people"),
        (with_rule({"approvers": [" "]}), "an approver has 0 characters"),
        (with_rule({"requirements": False}), "requirements are a mapping"),
        (with_rule({"expires_after": False}), "expires_after is False"),
        (with_rule({"requirements": {"not_worse_than": "prodction"}}), "prodction"),
        (with_rule({"archive_previous": True}), "no stage archived"),
        (with_rule(0), "has the rule 0"),
        (broken(exclusive=["archived"]), "archived is exclusive"),
        (with_rule({"approvals": True}), "approvals True"),
        (with_rule({"approvals": 2, "approvers": ["ana"]}), "2 approvals of 1 people"),
        (with_rule({"approvers": "ana"}), "approvers 'ana'"),
        (with_rule({"approvers": ["a\x00"]}), "development -> staging"),
        (with_rule({"archive_previous": "no"}), "archive_previous 'no'"),
        (with_rule({"expires_after": "soon"}), "expires_after is 'soon'"),
        (with_rule({"requirements": {"accuracy": 1}}), "not a requirement"),
        (with_rule({"requirements": 3}), "requirements are a mapping"),
        (broken(environments=["eu"]), "environments is no mapping"),
        (broken(environments={"eu": ["mars"]}), "'mars'"),
        (broken(environments={"eu": ["eu-production"], "us": ["eu-production"]}), "two environments"),
        (broken(environments={"eu": ["development"]}), "belongs to the environment"),
        (broken(moves={f"s{number}": [] for number in range(201)}), "the most is 200"),
    ],
)
def test_a_broken_document_is_refused(document, message):
    with pytest.raises(InvalidConfig, match=message) as caught:
        parse_graph(document)
    assert caught.value.hint or "the most is" in message


def test_named_approvers_mean_that_one_of_them_has_to_approve():
    graph = parse_graph(with_rule({"approvers": ["ana", "bob"]}))
    assert graph.rule(ModelStage.DEVELOPMENT, STAGING).approvals == 1
    assert not graph.can_start_in(STAGING)


def test_a_rule_may_compare_with_who_stands_in_a_stage_of_the_graph():
    wanted = {"not_worse_than": {"stage": "Staging", "tolerance": 0.01}}
    graph = parse_graph(with_rule({"requirements": wanted}))
    assert graph.rule(ModelStage.DEVELOPMENT, STAGING).requirements == wanted


def test_a_gate_that_was_added_may_stand_in_a_rule():
    graph = parse_graph(with_rule({"requirements": {"fairness": 1}}), custom={"fairness"})
    assert graph.rule(ModelStage.DEVELOPMENT, STAGING).requirements == {"fairness": 1}
