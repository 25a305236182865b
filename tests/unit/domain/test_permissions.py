"""Roles, grants and patterns: what is allowed, and above all what is not."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.permissions import (
    ADMIN_ONLY,
    EVERY_READ,
    EVERYTHING,
    LOCAL,
    REGISTRY_WIDE,
    ROLES,
    SELF,
    Grant,
    Principal,
    covers,
    denial,
    expanded,
    lacking,
    local,
    narrowed,
)
from modelyard.errors import PermissionDenied
from modelyard.operations import PREDICT, TABLE

pytestmark = pytest.mark.feature("SEC-02")

PATTERNS = st.sampled_from(["*", "f*", "fr*", "fraud", "fraud-*", "fraud-eu", "churn", "F*"])
NAMES = st.sampled_from(["f", "fraud", "fraud-eu", "fraud-us", "churn", "Fraud", "x"])
WORDS = st.sampled_from(["*", "*.read", "version.read", "stage.move", "alias.move", *ROLES])
GRANTS = st.builds(Grant, allow=WORDS, model=PATTERNS, stage=PATTERNS, alias=PATTERNS)
PERMISSIONS = st.sampled_from(["version.read", "event.read", "stage.move", "alias.move", "model.create", "audit.read"])


def may(grants: tuple[Grant, ...], limits: tuple[Grant, ...] | None = None) -> Principal:
    return Principal(name="ana", proven=True, grants=grants, limits=limits)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "anything", True),
        ("fraud", "fraud", True),
        ("fraud", "fraud-eu", False),
        ("fraud", "Fraud", False),
        ("fraud-*", "fraud-eu", True),
        ("fraud-*", "fraud-", True),
        ("fraud-*", "fraud", False),
        ("fraud-*", "a-fraud-eu", False),
        ("f[r]aud", "fraud", False),
        ("fr?ud", "fraud", False),
        ("fraud-*", "fraud-eu-*", True),
        ("fraud-eu-*", "fraud-*", False),
        ("fraud", "fraud*", False),
        ("fraud*", "*", False),
        (EVERY_READ, "version.read", True),
        (EVERY_READ, "version.update", False),
        (EVERY_READ, EVERYTHING, False),
    ],
)
def test_only_a_star_at_the_end_is_special(pattern, text, matches):
    assert covers(pattern, text) is matches


def test_every_permission_of_an_operation_is_in_a_role_or_for_admins_on_purpose():
    held = {grant.allow for name, role in ROLES.items() if name != "admin" for grant in role}
    # Predictions and kept artifacts are no rows of the table: they have routes of their own.
    used = {row.permission for row in TABLE} - {SELF} | {PREDICT, "artifact.read", "artifact.write"}
    ours = {word for word in used if word in held or word.endswith(".read")}
    assert used - ours == ADMIN_ONLY & used
    assert not ADMIN_ONLY & held
    assert held - {EVERY_READ} <= used, "a role has a permission that nothing asks for"
    assert ADMIN_ONLY - used <= {"model.delete"}
    assert used >= REGISTRY_WIDE


@pytest.mark.parametrize(
    ("role", "permission", "target", "allowed"),
    [
        ("viewer", "version.read", "", True),
        ("viewer", "audit.read", "", True),
        ("viewer", "version.update", "", False),
        ("developer", "stage.move", "staging", True),
        ("developer", "stage.move", "production", False),
        ("developer", "promotion.request", "production", True),
        ("developer", "promotion.approve", "", False),
        ("reviewer", "promotion.approve", "production", True),
        ("reviewer", "stage.move", "", False),
        ("deployer", "stage.move", "production", True),
        ("deployer", "alias.move", "champion", True),
        ("deployer", "version.delete", "", False),
        ("deployer", "deployment.start", "", True),
        ("deployer", "deployment.control", "", True),
        ("deployer", "endpoint.update", "", True),
        ("deployer", "snapshot.create", "", True),
        ("developer", "deployment.start", "", False),
        ("developer", "endpoint.predict", "", True),
        ("viewer", "deployment.read", "", True),
        ("viewer", "endpoint.predict", "", False),
        ("caller", "endpoint.predict", "", True),
        ("caller", "endpoint.read", "", False),
        ("caller", "version.read", "", False),
        ("admin", "version.delete", "", True),
        ("admin", "user.manage", "", True),
    ],
)
def test_roles(role, permission, target, allowed):
    assert may((Grant(allow=role),)).allows(permission, "fraud", target) is allowed


def test_targets_are_looked_at_where_they_matter():
    ana = may((Grant(allow="deployer", model="fraud", stage="staging", alias="champion"),))
    assert ana.allows("stage.move", "fraud", "staging")
    assert not ana.allows("stage.move", "fraud", "production")
    assert ana.allows("alias.move", "fraud", "champion")
    assert not ana.allows("alias.move", "fraud", "staging")
    assert ana.allows("version.deprecate", "fraud", "whatever")
    assert not ana.allows("alias.move", "churn", "champion")


def test_what_concerns_the_whole_registry_is_not_had_in_part():
    part = may((Grant(allow="admin", model="fraud-*"),))
    assert part.allows("version.delete", "fraud-eu")
    assert not any(part.allows(permission) for permission in REGISTRY_WIDE)
    assert not part.allows("model.read", EVERYTHING)
    assert may((Grant(allow="viewer"),)).allows("model.read", EVERYTHING)


def test_who_proved_who_they_are_may_ask_about_themselves():
    assert may(()).allows(SELF)
    assert not Principal(name="somebody").allows(SELF)
    assert LOCAL.allows(SELF)


def test_a_refusal_names_what_is_missing():
    with pytest.raises(PermissionDenied) as refused:
        may(()).require("stage.move", "fraud", "production")
    assert refused.value.details == {"permission": "stage.move", "model": "fraud", "target": "production"}
    assert all(word in refused.value.message for word in ("ana", "stage.move", "fraud", "production"))
    assert "all models" in denial(LOCAL, "model.read", EVERYTHING).message
    assert "on" not in denial(LOCAL, "model.read").message.partition("model.read")[2]
    LOCAL.require("version.delete", "fraud")


def test_the_models_that_may_be_seen_hold_none_twice():
    ana = may(
        (
            Grant(allow="viewer", model="fraud-*"),
            Grant(allow="viewer", model="fraud-eu"),
            Grant(allow="reviewer", model="a"),
        )
    )
    assert ana.models("version.read") == ("a", "fraud-*")
    assert ana.models("promotion.approve") == ("a",)
    assert ana.models("version.delete") == ()
    assert LOCAL.models("version.read") == ("*",)
    assert may((Grant(allow="viewer", model="a"), Grant(allow="viewer"))).models("event.read") == ("*",)


@given(
    st.lists(GRANTS, max_size=4), st.lists(GRANTS, max_size=4), PERMISSIONS, NAMES, st.sampled_from(["", "fraud", "x"])
)
def test_a_token_may_do_what_its_principal_and_itself_both_may(grants, limits, permission, model, target):
    owner, token = may(tuple(grants)), may(tuple(limits))
    both = may(tuple(grants), tuple(limits))
    allowed = owner.allows(permission, model, target) and token.allows(permission, model, target)
    if target:
        assert both.allows(permission, model, target) == allowed
    else:
        # Each may have some target without their having one in common.
        assert allowed or not both.allows(permission, model, target)


@given(st.lists(GRANTS, max_size=4), PERMISSIONS, NAMES)
def test_what_may_be_listed_is_what_may_be_read(grants, permission, model):
    ana = may(tuple(grants))
    if permission not in REGISTRY_WIDE:
        assert any(covers(pattern, model) for pattern in ana.models(permission)) == ana.allows(permission, model)


@given(st.lists(GRANTS, max_size=3), st.lists(GRANTS, max_size=3))
def test_nobody_hands_out_more_than_they_have(own, wanted):
    ana = may(tuple(own))
    beyond = lacking(ana, wanted)
    if beyond is None:
        for permission, model, target in product(
            ("version.read", "stage.move", "alias.move"), ("fraud", "x"), ("", "f")
        ):
            assert ana.allows(permission, model, target) or not may(tuple(wanted)).allows(permission, model, target)
    else:
        assert beyond in expanded(wanted)


def test_handing_out():
    ana = may((Grant(allow="deployer", model="fraud-*"),))
    assert lacking(ana, [Grant(allow="viewer", model="fraud-eu")]) is None
    assert lacking(ana, [Grant(allow="viewer")]) == Grant(allow=EVERY_READ)
    assert lacking(ana, [Grant(allow="stage.move", model="fraud-eu", stage="staging")]) is None
    assert lacking(ana, [Grant(allow="version.delete", model="fraud-eu")]) is not None
    assert lacking(local("x"), [Grant(allow="admin")]) is None


def test_those_who_may_do_the_same_share_answers_and_no_others():
    one = may((Grant(allow="viewer", model="a"), Grant(allow="reviewer", model="b")))
    same = Principal(name="bob", grants=(Grant(allow="reviewer", model="b"), Grant(allow="viewer", model="a")))
    assert one.reach == same.reach
    assert one.reach != may((Grant(allow="viewer", model="a"),)).reach
    assert may(()).reach != LOCAL.reach


def test_targets_that_have_nothing_in_common_leave_the_rest():
    both = may((Grant(stage="staging"),), (Grant(stage="production", alias="champion"),))
    assert both.allows("version.read", "fraud")
    assert not both.allows("stage.move", "fraud")
    assert both.allows("alias.move", "fraud", "champion")
    assert not both.allows("alias.move", "fraud", "canary")
    assert lacking(may((Grant(allow="viewer", stage="a"),)), [Grant(allow="viewer", stage="b")]) is None


def test_narrowing_leaves_nothing_of_what_has_nothing_in_common():
    assert narrowed([Grant(allow="viewer", model="a")], [Grant(allow="viewer", model="b")]) == ()
    assert narrowed([Grant(allow="viewer")], [Grant(allow="stage.move")]) == ()
    assert narrowed([Grant(allow="admin")], [Grant(allow="viewer", model="b")]) == (Grant(allow=EVERY_READ, model="b"),)
