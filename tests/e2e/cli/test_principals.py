"""Who may do what, from the command line: on a folder, and with a token on a server that asks."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def guarded(local, threaded_server, monkeypatch):
    """A registry in a folder, and a way to ask the server that guards it with a token."""
    local.register("fraud", "1.0.0")
    local.register("churn", "1.0.0")

    def ask(line, token):
        monkeypatch.setenv("MODELYARD_TOKEN", token)
        return local.run(f"--registry {url} {line}")

    with threaded_server.serving(local.folder / "registry", {"auth.enabled": True}) as url:
        yield local, ask


@pytest.mark.feature("SEC-01", "SEC-02")
def test_a_token_made_on_the_folder_opens_the_server(guarded):
    local, ask = guarded
    token = local.ok("--quiet token create ci --role developer --model 'fra*' --stage staging --expires 90d")
    assert (token.out.count("\n"), token.out[:4], token.err) == (1, "myd_", "")
    secret = token.out.strip()
    assert "ci (by its token), developer" in ask("whoami", secret).err
    assert ask("can-i stage.move fraud --stage staging", secret).code == 0
    for line in ("can-i stage.move fraud --stage production", "can-i version.create churn", "can-i user.manage"):
        answer = ask(line, secret)
        assert (answer.code, answer.out[:3]) == (4, "no:")
    assert ask("promote fraud/1.0.0 --target-stage staging", secret).code == 0
    for line in ("show churn/1.0.0", "token list", "stats", "promote fraud/1.0.0 --target-stage production"):
        answer = ask(f"--output json {line}", secret)
        assert (answer.code, answer.problem["code"]) == (4, "permission_denied"), line
    assert "churn" not in ask("list", secret).out
    nobody = ask("--output json whoami", "")
    assert (nobody.code, nobody.problem["code"]) == (4, "unauthenticated")
    assert "MODELYARD_TOKEN" in nobody.problem["hint"]


@pytest.mark.feature("SEC-06")
def test_rotating_and_revoking(guarded):
    local, ask = guarded
    first = local.json("token create ci --role viewer --description 'nightly build'")
    second = local.json(f"token rotate {first['id']} --overlap 1h")
    assert [ask("whoami", token["token"]).code for token in (first, second)] == [0, 0]
    local.ok(f"token revoke {first['id']}")
    assert [ask("whoami", token["token"]).code for token in (first, second)] == [4, 0]
    listed = local.json("token list ci --all")
    assert [token["state"] for token in listed] == ["revoked", "active"]
    assert "nightly build" in local.ok("token list").out
    for token in (first, second):
        assert token["token"].rpartition("_")[2] not in json.dumps(listed) + local.ok("token list --all").out
    assert first["id"] not in local.ok("token list").out
    answer = local.run(f"token revoke {second['token']}")
    assert answer.code == 2
    assert second["token"] not in answer.out + answer.err


@pytest.mark.feature("SEC-02")
def test_users(terminal):
    made = terminal.ok("user create ana@example.com --role developer --role reviewer --model fraud --model 'churn-*'")
    assert made.out.count("developer on fraud") == made.out.count("reviewer on churn-*") == 1
    assert terminal.ok("--quiet user create bot --service --permission alias.move --alias champion").out == "bot\n"
    assert terminal.ok("user update ana@example.com --role viewer").out == "user ana@example.com may do viewer\n"
    assert terminal.ok("user update ana@example.com --nothing").out == "user ana@example.com may do nothing\n"
    terminal.ok("user disable bot")
    users = {user["name"]: user for user in terminal.json("user list")}
    assert (users["bot"]["disabled"], users["bot"]["kind"]) == (True, "service")
    assert users["bot"]["grants"] == [{"allow": "alias.move", "model": "*", "stage": "*", "alias": "champion"}]
    assert users["ana@example.com"]["grants"] == []
    assert "disabled" in terminal.ok("user list").out
    assert not terminal.json("user enable bot")["disabled"]
    assert terminal.run("user disable nobody").code == 3


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("user create ana --model fraud", 2),
        ("user create ana --role viewers", 2),
        ("user create local --role viewer", 2),
        ("user update ana", 2),
        ("token create nobody", 2),
        ("token create ci --role viewer --expires yesterday", 2),
        ("token revoke tk_unknown", 3),
        ("can-i version.raed", 2),
        ("can-i stage.move fraud --stage a --alias b", 2),
    ],
)
def test_what_cannot_be_right(local, line, code):
    local.register("fraud", "1.0.0")
    assert local.run(line).code == code
