"""Grants and names of users as people write them."""

from __future__ import annotations

import pytest

from modelyard.domain.grants import MOST_GRANTS, parse_grants, principal_name, written
from modelyard.domain.permissions import Grant
from modelyard.errors import InvalidName, InvalidRequest

pytestmark = pytest.mark.feature("SEC-02")

KNOWN = {"version.read", "alias.move", "token.manage", "self"}


@pytest.mark.parametrize("name", ["a", "alice@example.com", "ci-bot", "Team_7.eu+x", "0", "x" * 128])
def test_names(name):
    assert principal_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-x", "a b", "a/b", "x" * 129, "alicé", "a\n", None, 7, "local", "LOCAL", "a:b", "\ud800"]
)
def test_what_is_no_name(name):
    with pytest.raises(InvalidName):
        principal_name(name)


@pytest.mark.parametrize(
    ("given", "grant"),
    [
        ("viewer", Grant(allow="viewer")),
        ({"allow": "alias.move", "alias": "champ*"}, Grant(allow="alias.move", alias="champ*")),
        ({"role": "deployer", "model": "fraud"}, Grant(allow="deployer", model="fraud")),
        ({"permission": "version.read"}, Grant(allow="version.read")),
        ({"allow": "*", "stage": "EU-Production"}, Grant(stage="eu-production")),
        ({"allow": "token.manage", "model": "*"}, Grant(allow="token.manage")),
        ("*.read", Grant(allow="*.read")),
    ],
)
def test_grants(given, grant):
    assert parse_grants([given], KNOWN) == (grant,)
    assert parse_grants([written(grant)], KNOWN) == (grant,)


@pytest.mark.parametrize(
    "given",
    [
        None,
        7,
        {},
        {"model": "fraud"},
        {"allow": "viewer", "role": "viewer"},
        {"allow": "viewers"},
        {"allow": ""},
        {"allow": "self"},
        {"allow": ["viewer"]},
        {"allow": "version.*"},
        {"allow": "viewer", "models": "fraud"},
        {"allow": "viewer", "model": ""},
        {"allow": "viewer", "model": "a*b"},
        {"allow": "viewer", "model": "*a"},
        {"allow": "viewer", "model": "x" * 251},
        {"allow": "viewer", "model": None},
        {"allow": "viewer", "model": "a\x00"},
        {"allow": "token.manage", "model": "fraud"},
    ],
)
def test_what_is_no_grant(given):
    with pytest.raises(InvalidRequest) as refused:
        parse_grants([given], KNOWN)
    assert refused.value.hint


def test_a_misspelt_role_is_guessed():
    with pytest.raises(InvalidRequest) as refused:
        parse_grants(["deploier"], KNOWN)
    assert "did you mean deployer?" in refused.value.hint


def test_grants_count_once_and_not_without_end():
    assert parse_grants(["viewer"] * 200, KNOWN) == (Grant(allow="viewer"),)
    with pytest.raises(InvalidRequest, match="51 grants"):
        parse_grants([{"allow": "viewer", "model": f"m{number}"} for number in range(MOST_GRANTS + 1)], KNOWN)
