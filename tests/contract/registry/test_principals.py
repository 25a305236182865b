"""Users and tokens: the same in a folder, on a server, and on a server with PostgreSQL."""

from __future__ import annotations

import pytest

from modelyard.errors import Conflict, InvalidRequest, PrincipalNotFound


@pytest.mark.feature("SEC-02")
def test_users(registry):
    made = registry.create_user("ana@example.com", ["developer", {"allow": "alias.move", "model": "fraud-*"}])
    assert [(grant.allow, grant.model) for grant in made.grants] == [("developer", "*"), ("alias.move", "fraud-*")]
    assert (made.kind, made.disabled, made.tokens, made.revision) == ("user", False, 0, 1)
    with pytest.raises(Conflict):
        registry.create_user("ana@example.com", "viewer")
    assert registry.update_user("ana@example.com", [], disabled=True, if_match=1).grants == []
    assert [user.disabled for user in registry.list_users()] == [True]
    with pytest.raises(PrincipalNotFound):
        registry.update_user("nobody", "viewer")


@pytest.mark.feature("SEC-01", "SEC-06")
def test_tokens(registry):
    issued = registry.create_token("ci", {"role": "deployer", "stage": "staging"}, expires="90d", description="builds")
    assert issued.token.startswith("myd_")
    assert (issued.principal, issued.grants, issued.state, issued.description) == ("ci", None, "active", "builds")
    following = registry.rotate_token(issued, overlap="1h")
    assert following.token != issued.token
    assert {token.id for token in registry.list_tokens("ci")} == {issued.id, following.id}
    assert registry.revoke_token(following.id).state == "revoked"
    assert [token.id for token in registry.list_tokens(limit=1)] == [issued.id]
    assert not hasattr(registry.list_tokens()[0], "token")


@pytest.mark.feature("SEC-02")
def test_where_nobody_is_asked_everybody_may_everything(either_registry):
    told = either_registry.whoami()
    assert (told.name, told.proven, [grant.allow for grant in told.grants]) == ("local", False, ["*"])
    assert either_registry.can_i("stage.move", "fraud", "production").allowed


@pytest.mark.parametrize(
    "grants", [7, [7], "viewers", {"model": "x"}, [{"allow": "viewer", "model": ""}], {"allow": 7}]
)
def test_grants_that_are_none(either_registry, grants):
    with pytest.raises(InvalidRequest):
        either_registry.create_user("ana", grants)
    with pytest.raises(InvalidRequest):
        either_registry.create_token(7, "viewer")
