"""Commands for whoever runs a registry: `db`, `config`, `serve`, `gc`, and `verify` on damage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from modelyard.cli.session import Session


@pytest.fixture
def registry(local):
    local.register("fraud", "1.0.0", "some bytes")
    local.register("fraud", "1.1.0", "other bytes")
    return local


def execute(terminal, statement):
    """Change the database behind the registry's back."""
    with closing(sqlite3.connect(Path(terminal.target) / "registry.db")) as connection, connection:
        connection.execute(statement)


def test_db_status_tells_where_and_how_the_schema_stands(registry):
    facts = registry.json("db status")
    assert facts["database"].endswith("registry/registry.db")
    assert (facts["kind"], facts["upgrade_needed"]) == ("sqlite", False)
    assert facts["schema"] == facts["newest"]
    assert "upgrade needed  False" in registry.ok("db status").out


@pytest.mark.feature("STO-12")
def test_db_upgrade_makes_the_schema_of_an_empty_database_and_then_has_nothing_to_do(local):
    Path(local.target).mkdir()
    sqlite3.connect(Path(local.target) / "registry.db").close()
    assert local.json("db status")["upgrade_needed"] is True
    assert local.run("db check").code == 7
    assert "was upgraded from none: schema" in local.ok("db upgrade").out
    assert local.ok("db upgrade").out.startswith("the database is up to date: schema ")
    assert local.ok("db check").out == "the database is sound\n"


def test_db_check_finds_what_was_changed_behind_the_registrys_back(registry):
    assert registry.json("db check") == {"problems": []}
    execute(registry, "UPDATE events SET actor = 'somebody' WHERE position = 2")
    answer = registry.run("--output json db check")
    assert answer.code == 7
    assert answer.json["problems"] == ["event 2 of fraud: the event was changed after it was written"]


def test_db_check_finds_a_missing_event(registry):
    execute(registry, "DELETE FROM events WHERE position = 2")
    answer = registry.run("db check")
    assert answer.code == 7
    assert "event 3 of fraud: event 2 is missing before it" in answer.out


def test_db_check_accepts_a_model_that_was_deleted_and_made_again(registry):
    registry.ok("delete fraud --force --yes")
    registry.ok("create fraud")
    assert registry.ok("db check").out == "the database is sound\n"


def test_db_refuses_what_is_no_registry(local):
    Path(local.target).mkdir()
    (Path(local.target) / "registry.db").write_bytes(b"this is no database, but a text of some length" * 50)
    for line in ("db status", "db upgrade", "db check", "list"):
        answer = local.run(line)
        assert answer.code == 1
        assert "hint: restore the registry from a backup" in answer.err


@pytest.mark.parametrize("line", ["db status", "db check", "db upgrade", "config show", "serve"])
def test_what_belongs_to_one_machine_is_refused_for_a_server(line, local):
    answer = local.run(f"--registry http://127.0.0.1:9 {line}")
    assert answer.code == 2
    assert "http://127.0.0.1:9 is a server" in answer.err


@pytest.mark.feature("STO-09")
def test_a_database_server_and_a_store_take_the_place_of_a_folder(local, empty_postgres_url):
    options = f"--registry {empty_postgres_url} --store {local.folder}/files"
    local.file("model.bin")
    local.ok(f"{options} register --model-path model.bin --name fraud --version 1.0.0")
    assert local.ok(f"{options} verify").out == "1 version, 7 B: sound\n"
    assert local.json(f"{options} db status")["kind"] == "postgresql"
    assert local.ok(f"{options} db check").out == "the database is sound\n"
    assert not Path(local.target).exists()


@pytest.mark.feature("API-04", "API-05")
def test_config_show_tells_where_each_value_comes_from_and_hides_secrets(local, monkeypatch):
    local.file("registry_config.yaml", "server:\n  port: 5005\n")
    monkeypatch.setenv("MODELYARD_DATABASE_URL", "postgresql://user:geheim@host/name")
    monkeypatch.setenv("MODELYARD_URI", "")
    rows = {row["name"]: row for row in configured(local).json("config show")}
    assert rows["server.port"]["value"] == 5005
    assert rows["server.port"]["source"].endswith("registry_config.yaml:2")
    assert "geheim" not in rows["database.url"]["value"]
    text = configured(local).ok("config show").out
    assert "server.port" in text
    assert "server.host" not in text
    assert "server.host" in configured(local).ok("config show --all").out


def configured(local):
    """The terminal without `--registry`: the configuration decides."""
    return type(local)(target="", folder=local.folder, kind=local.kind)


@pytest.mark.feature("API-04")
def test_config_example_is_a_configuration_that_changes_nothing(local):
    text = local.ok("config example").out
    local.file("registry_config.yaml", text)
    assert local.ok("config check").out == "the configuration is right\n"


def test_config_check_points_at_what_is_wrong(local):
    file = local.file("other.yaml", "server:\n  prot: 1\n")
    answer = local.run(f"--config {file} config check")
    assert answer.code == 2
    assert "other.yaml:2" in answer.err
    assert "server.port" in answer.err


def test_the_configuration_file_names_the_registry(local):
    file = local.file("my.yaml", f"registry:\n  path: {local.folder}/configured\n")
    terminal = configured(local)
    terminal.ok(f"--config {file} create fraud")
    assert (local.folder / "configured" / "registry.db").is_file()
    assert terminal.json(f"--config {file} list --models")[0]["name"] == "fraud"


def test_the_command_line_reads_the_registry_that_the_configuration_and_the_environment_name(local, monkeypatch):
    monkeypatch.setenv("MODELYARD_URI", "somewhere")
    monkeypatch.setenv("MODELYARD_SERVER_PORT", "5009")
    assert Session().target == "somewhere"
    assert Session(registry="here").target == "here"
    assert Session(config="registry_config.yaml").target == ""
    settings = Session().settings_of_home("home")
    assert (settings.registry_folder, settings["server.port"]) == (local.folder / "home", 5009)


@pytest.mark.feature("MET-14")
def test_verify_names_the_damaged_version_alone(registry):
    digest = registry.json("show fraud/1.0.0")["files"][0]["blake3"]
    stored = Path(registry.target) / "blobs" / digest[:2] / digest[2:]
    stored.chmod(0o644)
    stored.write_bytes(b"Some bytes")
    answer = registry.run("verify")
    assert answer.code == 7
    assert "fraud/1.0.0" in answer.out
    assert "damaged" in answer.out
    assert "fraud/1.1.0" not in answer.out
    assert "error: 1 of 2 versions, 21 B checked: damaged" in answer.err
    assert [bool(row["damage"]) for row in registry.run("--output json verify").json] == [False, True]
    assert registry.run("verify fraud/1.0.0").code == 7
    assert registry.run("verify fraud/1.1.0").code == 0
    refused = registry.run("download fraud/1.0.0 copy.bin")
    assert refused.code == 7
    assert not Path("copy.bin").exists()
    assert registry.run("load fraud/1.0.0").code in {2, 7}


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("serve --host 0.0.0.0 --port 0", 4, "--insecure"),
        ("serve --host 256.0.0.1 --port 0", 2, "no address of this machine"),
        ("serve --port 70000", 2, "70000"),
        ("serve --home x", 2, "give one of them"),
    ],
)
def test_serve_refuses_what_it_cannot_do(line, code, message, local):
    answer = local.run(line)
    assert answer.code == code
    assert message in answer.err
