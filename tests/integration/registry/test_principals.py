"""Users and tokens on real databases: what they prove, who makes them, and what is never written down."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from sqlalchemy import inspect, text

from components.asking import Asking
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.permissions import Grant, Principal
from modelyard.errors import (
    Conflict,
    InvalidRequest,
    PermissionDenied,
    PreconditionFailed,
    PrincipalNotFound,
)
from modelyard.operations import CREATE_TOKEN, CreateToken
from modelyard.registry.context import Yard
from modelyard.registry.tokens import anybody_can_prove, authenticate


@pytest.fixture
def boss(caller: EmbeddedCaller) -> ModelRegistry:
    """The registry as whoever owns it sees it."""
    return Asking(caller)


def at(caller: EmbeddedCaller, moment: str) -> EmbeddedCaller:
    """The same registry at another moment."""
    return EmbeddedCaller(replace(caller.yard, clock=lambda: moment))


def proven(yard: Yard, token: str) -> Principal:
    """Whom a token proves its bearer to be."""
    proof = authenticate(yard, token)
    assert proof is not None
    return proof.principal


@pytest.mark.feature("SEC-01")
def test_a_token_proves_its_principal_until_it_ends(caller, boss):
    assert not anybody_can_prove(caller.yard)
    issued = boss.create_token("ci", {"allow": "developer", "model": "fraud-*"}, expires="1h", description="builds")
    proof = authenticate(caller.yard, issued.token)
    assert proof is not None
    assert (proof.principal.name, proof.principal.proven) == ("ci", True)
    assert proof.principal.allows("version.create", "fraud-eu")
    assert not proof.principal.allows("version.create", "churn")
    assert proof.expires_at == issued.expires_at
    assert anybody_can_prove(caller.yard)
    later = at(caller, issued.expires_at)
    assert authenticate(later.yard, issued.token) is None
    assert not anybody_can_prove(later.yard)
    for wrong in (
        "",
        "x",
        issued.token[:-1] + ("a" if issued.token[-1] != "a" else "b"),
        issued.id,
        f"{issued.token} ",
    ):
        assert authenticate(caller.yard, wrong) is None
    boss.update_user("ci", disabled=True)
    assert authenticate(caller.yard, issued.token) is None
    assert not anybody_can_prove(caller.yard)
    with pytest.raises(Conflict, match="disabled"):
        boss.create_token("ci")
    with pytest.raises(Conflict, match="disabled"):
        boss.rotate_token(issued.id)
    boss.update_user("ci", disabled=False)
    assert authenticate(caller.yard, issued.token)
    assert boss.revoke_token(issued.id) == boss.revoke_token(issued.id)
    assert authenticate(caller.yard, issued.token) is None
    assert boss.list_tokens() == []
    assert [token.state for token in boss.list_tokens("ci", ended=True)] == ["revoked"]


@pytest.mark.feature("SEC-01")
def test_the_last_use_is_noted_about_once_a_day(caller, boss):
    issued = boss.create_token("ci", "viewer")
    assert issued.last_used_at is None
    for moment in ("2030-01-01T00:00:00.000000Z", "2030-01-01T09:00:00.000000Z", "2030-01-02T01:00:00.000000Z"):
        assert authenticate(at(caller, moment).yard, issued.token)
        wanted = moment if "T09" not in moment else "2030-01-01T00:00:00.000000Z"
        assert boss.list_tokens()[0].last_used_at == wanted


@pytest.mark.feature("SEC-06")
def test_a_rotation_with_an_overlap_and_without(caller, boss):
    first = boss.create_token("ci", "viewer", expires="10d")
    second = boss.rotate_token(first.id, overlap="1h")
    assert second.token != first.token
    assert second.expires_at >= first.expires_at
    assert authenticate(caller.yard, first.token)
    assert authenticate(caller.yard, second.token)
    kept = next(token for token in boss.list_tokens() if token.id == first.id)
    over = at(caller, kept.expires_at)
    assert authenticate(over.yard, first.token) is None
    assert authenticate(over.yard, second.token)
    third = boss.rotate_token(second.id)
    assert authenticate(caller.yard, second.token) is None
    assert authenticate(caller.yard, third.token)
    with pytest.raises(Conflict, match="revoked"):
        boss.rotate_token(second.id)
    with pytest.raises(Conflict, match="expired"):
        Asking(over).rotate_token(first.id)
    assert boss.rotate_token(third.id, expires="2d").expires_at < third.expires_at


@pytest.mark.feature("SEC-02")
def test_a_token_narrows_what_its_user_may(caller, boss):
    boss.create_user("ana", ["deployer", {"allow": "developer", "model": "fraud-*"}])
    issued = boss.create_token("ana", {"allow": "viewer", "model": "fraud-*"})
    narrow = proven(caller.yard, issued.token)
    assert narrow.allows("version.read", "fraud-eu")
    assert not narrow.allows("version.read", "churn")
    assert not narrow.allows("stage.move", "fraud-eu")
    whole = proven(caller.yard, boss.create_token("ana").token)
    assert whole.allows("stage.move", "churn", "production")
    boss.update_user("ana", "viewer")
    assert not proven(caller.yard, issued.token).allows("stage.move", "fraud-eu")
    with pytest.raises(InvalidRequest, match=r"ana has nothing of user\.manage"):
        boss.create_token("ana", "user.manage")


@pytest.mark.feature("SEC-02")
def test_nobody_hands_out_more_than_they_have(caller, boss):
    boss.create_user("root", "admin")
    held = (Grant(allow="user.manage"), Grant(allow="token.manage"), Grant(allow="viewer"))
    helper = Asking(caller, Principal(name="helper", proven=True, grants=held))
    assert helper.create_user("new", "viewer").grants[0].allow == "viewer"
    root = boss.create_token("root")
    for attempt in (
        lambda: helper.create_user("evil", "admin"),
        lambda: helper.update_user("new", ["viewer", "deployer"]),
        lambda: helper.create_token("evil", "admin"),
        lambda: helper.create_token("root"),
        lambda: helper.rotate_token(root.id),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    assert helper.create_token("root", "viewer").token
    # Nor does anybody lock out who may do more.
    for lockout in (
        lambda: helper.update_user("root", disabled=True),
        lambda: helper.update_user("root", []),
        lambda: helper.revoke_token(root.id),
    ):
        with pytest.raises(PermissionDenied, match="take away"):
            lockout()
    boss.update_user("root", disabled=True)
    with pytest.raises(PermissionDenied):
        helper.update_user("root", disabled=False)
    helper.update_user("new", disabled=True)
    assert {user.name for user in boss.list_users()} == {"root", "new"}


def test_users_odd_and_missing(boss):
    boss.create_user("ana", kind="service")
    with pytest.raises(Conflict):
        boss.create_user("ana")
    with pytest.raises(InvalidRequest):
        boss.create_user("bob", kind="robot")
    with pytest.raises(InvalidRequest, match="nothing says"):
        boss.create_token("nobody")
    with pytest.raises(PrincipalNotFound):
        boss.update_user("nobody", disabled=True)
    with pytest.raises(PrincipalNotFound):
        boss.list_tokens("nobody")
    with pytest.raises(PrincipalNotFound):
        boss.revoke_token("tk_" + "0" * 26)
    with pytest.raises(PrincipalNotFound):
        boss.revoke_token("tk_odd")
    with pytest.raises(PreconditionFailed):
        boss.update_user("ana", "viewer", if_match=7)
    assert boss.update_user("ana", "viewer", if_match=1).revision == 2
    assert boss.update_user("ana", "viewer").revision == 2
    assert [len(boss.list_users(limit=number)) for number in (1, 5)] == [1, 1]


def test_a_text_instead_of_an_id_is_not_repeated(boss):
    issued = boss.create_token("ci", "viewer")
    for call in (boss.revoke_token, boss.rotate_token):
        with pytest.raises(InvalidRequest) as refused:
            call(issued.token)
        assert issued.token.rpartition("_")[2] not in str(refused.value)


@pytest.mark.feature("SEC-04")
def test_what_happens_to_users_and_tokens_is_on_record(boss):
    boss.create_user("ana", "viewer")
    issued = boss.create_token("ana", expires="1h")
    boss.update_user("ana", "deployer", disabled=True)
    boss.update_user("ana", disabled=False)
    following = boss.rotate_token(issued.id)
    boss.revoke_token(following.id)
    told = [(event.type, event.actor, event.data) for event in boss.events() if event.type[:5] in {"user.", "token"}]
    assert [kind for kind, _actor, _data in told] == [
        "user.created", "token.created", "user.updated", "user.disabled", "user.enabled", "token.created",
        "token.rotated", "token.revoked",
    ]  # fmt: skip
    assert told[2][2]["changes"]["grants"] == [[{"allow": "viewer"}], [{"allow": "deployer"}]]
    assert told[5][2]["follows"] == issued.id
    assert {actor for _kind, actor, _data in told} == {"local"}


@pytest.mark.feature("SEC-01", "SEC-04")
def test_the_secret_of_a_token_is_written_nowhere(caller, boss, caplog):
    caplog.set_level(logging.DEBUG)
    issued = caller.call(CREATE_TOKEN, CreateToken(principal="ci", grants=[{"allow": "viewer"}]), idempotency_key="k")
    again = caller.call(CREATE_TOKEN, CreateToken(principal="ci", grants=[{"allow": "viewer"}]), idempotency_key="k")
    following = boss.rotate_token(issued.id, overlap="1h")
    authenticate(caller.yard, following.token)
    assert issued.token
    assert (again.id, again.token) == (issued.id, "")
    secrets = [token.token.rpartition("_")[2] for token in (issued, following)]
    with caller.yard.database.read() as tx:
        tables = [name for name in inspect(tx.connection).get_table_names() if not name.startswith("versions_search_")]
        everything = "\n".join(
            repr(tuple(row)) for name in tables for row in tx.connection.execute(text(f'SELECT * FROM "{name}"'))
        )
        hashes = [row.hash for row in tx.connection.execute(text("SELECT hash FROM tokens"))]
        events = "\n".join(row.data for row in tx.connection.execute(text("SELECT data FROM events")))
    assert issued.id in everything
    for secret in secrets:
        assert secret not in everything
        assert secret not in caplog.text
    assert len(hashes) == 2
    assert not any(one in events for one in hashes)


def test_nobody_has_events_sent_that_they_may_not_read(caller, boss):
    held = (Grant(allow="webhook.manage"), Grant(allow="event.read", model="fraud-*"))
    helper = Asking(caller, Principal(name="helper", proven=True, grants=held))
    for models in ([], ["*"], ["fraud-*", "churn"]):
        with pytest.raises(PermissionDenied, match=r"event\.read"):
            helper.create_webhook("https://ci.example.com/hooks", models=models)
    own = helper.create_webhook("https://ci.example.com/hooks", models=["fraud-eu"])
    with pytest.raises(PermissionDenied):
        helper.update_webhook(own.id, models=["*"])
    wide = boss.create_webhook("https://ci.example.com/hooks")
    with pytest.raises(PermissionDenied):
        helper.replay_deliveries(wide.id, after=0)
