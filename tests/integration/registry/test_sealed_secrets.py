"""Secrets of webhooks at rest: sealed with a key from elsewhere, and opened by that key alone."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from components.crowd import together
from components.hooks import Takes, create, hook, listed, send_once
from components.templates import prepared
from components.yards import open_caller
from modelyard import InvalidConfig
from modelyard.bootstrap import EmbeddedCaller
from modelyard.errors import RegistryReadOnly, SecretsLocked
from modelyard.metadata.vault import FILE, Vault
from modelyard.operations import (
    GET_WEBHOOK,
    RESEAL_WEBHOOKS,
    ROTATE_SECRET,
    UPDATE_WEBHOOK,
    NamedWebhook,
    ResealWebhooks,
    RotateSecret,
    UpdateWebhook,
)

OWN = "whsec_" + base64.b64encode(b"Ein Geheimnis, das keiner kennt.").decode()
OLD, NEW = (base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))
SETTING = "webhooks.secret_key"


def stored(caller: EmbeddedCaller) -> list[str]:
    """What the column of secrets holds."""
    with caller.yard.database.read() as tx:
        return [row.secret for row in tx.all(text("SELECT secret FROM webhooks ORDER BY id"))]


def store(caller: EmbeddedCaller, secret: str) -> None:
    """Write a secret as it was written before secrets were sealed."""
    with caller.yard.database.write() as tx:
        tx.run(text("UPDATE webhooks SET secret = :secret"), {"secret": json.dumps([{"secret": secret}])})


def signs_with(caller: EmbeddedCaller, model: str) -> tuple[str, ...]:
    """The secrets that sign what a new model leaves to be sent."""
    create(caller, model)
    taken = Takes()
    send_once(caller, taken)
    return taken.parcels[-1].secrets


@pytest.mark.feature("EXP-05")
def test_no_secret_stands_in_the_database_in_clear_text(caller, tmp_path):
    hook(caller, secret=OWN)
    hook(caller, format="mlflow", name="ci", secret="a plain word of MLflow")
    assert all(each.startswith("sealed:") for each in stored(caller))
    folder = tmp_path / "registry"
    found = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in (OWN, OWN.removeprefix("whsec_"), "a plain word of MLflow"):
        assert secret.encode() not in found
    if caller.yard.database.is_sqlite:
        assert (folder / "registry.db-wal").exists(), "the write-ahead log was looked through too"
        assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


@pytest.mark.feature("EXP-05")
def test_a_sealed_secret_signs_and_one_from_before_is_sealed_when_it_is_written_again(caller):
    webhook = hook(caller, events=["model.*"])
    store(caller, OWN)
    assert signs_with(caller, "a") == (OWN,)
    caller.call(UPDATE_WEBHOOK, UpdateWebhook(webhook=webhook.id, description="changed"))
    assert stored(caller)[0].startswith("sealed:")
    assert signs_with(caller, "b") == (OWN,)
    store(caller, OWN)
    assert caller.call(RESEAL_WEBHOOKS, ResealWebhooks()).resealed == 1
    assert caller.call(RESEAL_WEBHOOKS, ResealWebhooks()).resealed == 0
    assert signs_with(caller, "c") == (OWN,)


@pytest.mark.feature("EXP-05")
def test_a_new_key_follows_an_old_one(tmp_path):
    folder = prepared(tmp_path / "registry")
    with open_caller(folder, **{SETTING: OLD}) as caller:
        webhook = hook(caller, secret=OWN, events=["model.*"])
    with open_caller(folder, **{SETTING: f"{NEW}, {OLD}"}) as caller:
        assert signs_with(caller, "a") == (OWN,)
        record = caller.call(RESEAL_WEBHOOKS, ResealWebhooks())
        assert (record.resealed, record.locked) == (1, 0)
    with open_caller(folder, **{SETTING: NEW}) as caller:
        assert signs_with(caller, "b") == (OWN,)
    with open_caller(folder, **{SETTING: OLD}) as caller:
        create(caller, "c")
        assert send_once(caller, Takes()).delivered == 0
        assert "which is not here" in str(listed(caller, webhook, "pending")[0].last_error)
        assert caller.call(RESEAL_WEBHOOKS, ResealWebhooks()).locked == 1
        with pytest.raises(SecretsLocked, match="which is not here"):
            caller.call(ROTATE_SECRET, RotateSecret(webhook=webhook.id))
        changed = caller.call(UPDATE_WEBHOOK, UpdateWebhook(webhook=webhook.id, description="still possible"))
        assert changed.description == "still possible"
        new = caller.call(ROTATE_SECRET, RotateSecret(webhook=webhook.id, overlap_seconds=0.0))
        assert signs_with(caller, "d") == (new.secret,)
    assert not (folder / FILE).exists(), "with the setting no key lies beside what it seals"


def test_without_a_key_no_secret_is_stored(caller, database_url, tmp_path):
    if not database_url:
        pytest.skip("a registry in a folder makes its own key")
    with open_caller(tmp_path / "registry", database_url, **{SETTING: None}) as keyless:
        with pytest.raises(SecretsLocked, match="no key is set") as refused:
            hook(keyless, secret=OWN)
        assert SETTING in str(refused.value)
        unsigned = hook(keyless, format="mlflow", name="ci", signed=False)
        assert keyless.call(GET_WEBHOOK, NamedWebhook(webhook=unsigned.id)).name == "ci"
        with pytest.raises(SecretsLocked):
            keyless.call(UPDATE_WEBHOOK, UpdateWebhook(webhook=unsigned.id, secret="x"))


def test_many_processes_make_one_key(tmp_path):
    file = tmp_path / FILE
    sealed = together(seal, [(str(file), f"wh_{number}") for number in range(4)])
    assert [Vault(file=file).open(text, f"wh_{number}") for number, text in enumerate(sealed)] == ["x"] * 4
    assert [path.name for path in tmp_path.iterdir()] == [FILE], "nothing is left behind"


def seal(file: str, owner: str) -> str:
    """Seal a text in a process of its own."""
    return Vault(file=Path(file)).seal("x", owner)


def test_a_sealed_text_is_bound_to_its_owner_and_shows_what_was_changed():
    vault = Vault(NEW)
    sealed = vault.seal("secret", "wh_1")
    assert vault.open(sealed, "wh_1") == "secret"
    assert vault.seal("secret", "wh_1") != sealed, "the same text never looks the same"
    for wrong, owner in ((sealed, "wh_2"), (sealed[:-6] + "AAAA==", "wh_1"), (sealed + "*", "wh_1")):
        with pytest.raises(SecretsLocked, match="damaged"):
            vault.open(wrong, owner)


@pytest.mark.parametrize(
    "found", ["", "sealed:", "sealed:x", "sealed:x:", "sealed::\u00fc", "[1]", '[{"secret": null}]']
)
def test_a_row_that_was_tampered_with_is_told_and_can_be_made_good(caller, found):
    webhook = hook(caller, secret=OWN, events=["model.*"])
    with caller.yard.database.write() as tx:
        tx.run(text("UPDATE webhooks SET secret = :found"), {"found": found})
    create(caller, "a")
    assert send_once(caller, Takes()).delivered == 0
    assert f"secret of {webhook.id}" in str(listed(caller, webhook, "pending")[0].last_error)
    assert caller.call(RESEAL_WEBHOOKS, ResealWebhooks()).locked == 1
    new = caller.call(ROTATE_SECRET, RotateSecret(webhook=webhook.id, overlap_seconds=0.0))
    assert signs_with(caller, "b") == (new.secret,)


@pytest.mark.parametrize("keys", ["short", "x" * 44, f"{NEW},{NEW[:-4]}"])
def test_what_is_no_key_is_refused_and_not_repeated(keys, tmp_path):
    with pytest.raises(InvalidConfig) as refused:
        open_caller(prepared(tmp_path / "registry"), **{SETTING: keys})
    assert keys not in str(refused.value)


def test_a_key_file_that_is_none_is_not_replaced(tmp_path):
    file = tmp_path / FILE
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SecretsLocked, match="holds no key"):
        Vault(file=file).seal("x", "wh_1")
    assert file.read_bytes() == b"\xff\xfe"
    with pytest.raises(RegistryReadOnly):
        Vault(file=tmp_path / "gone" / FILE).seal("x", "wh_1")


def test_importing_modelyard_loads_no_cryptography():
    program = "import modelyard, modelyard.bootstrap, sys; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, env=dict(os.environ)).returncode == 0
