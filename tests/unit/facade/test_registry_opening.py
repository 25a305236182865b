"""What a registry is opened by, and what of the configuration applies to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.git import commit, repository
from components.needs import need
from modelyard import InvalidConfig, InvalidRequest, ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.client.remote import RemoteCaller
from modelyard.facade.opening import connect


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch) -> Path:
    """Work in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def opened(*arguments, **options) -> tuple[str, str, str]:
    """Open and close; give the address, the database and the store."""
    caller, _settings = connect(*arguments, **options)
    try:
        assert isinstance(caller, EmbeddedCaller)
        database = caller.yard.database
        return caller.address, str(database.path), str(caller.yard.store.root)
    finally:
        caller.close()


def test_nothing_opens_the_usual_folder(working_folder):
    usual = f"{working_folder}/model_registry"
    assert opened() == (usual, f"{usual}/registry.db", usual)


def test_a_path_is_the_whole_registry(tmp_path):
    for given in (tmp_path / "reg", str(tmp_path / "reg")):
        assert opened(given)[1:] == (f"{tmp_path}/reg/registry.db", f"{tmp_path}/reg")
    assert opened("../rel") == ("../rel", f"{tmp_path}/rel/registry.db", f"{tmp_path}/rel")


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert opened("~/reg")[1] == f"{tmp_path}/reg/registry.db"


def test_a_store_may_lie_elsewhere(tmp_path):
    assert opened(tmp_path / "reg", store=tmp_path / "files")[1:] == (
        f"{tmp_path}/reg/registry.db",
        f"{tmp_path}/files",
    )


def test_a_sqlite_file_has_its_files_beside_it(tmp_path):
    assert opened(f"sqlite:///{tmp_path}/a/my.db")[1:] == (f"{tmp_path}/a/my.db", f"{tmp_path}/a")
    assert opened("sqlite:///rel.db", store="files")[1:] == ("rel.db", str(tmp_path / "work" / "files"))


@pytest.mark.feature("STO-01")
def test_the_configuration_says_where(working_folder, tmp_path):
    (working_folder / "registry_config.yaml").write_text(
        f"registry:\n  path: {tmp_path}/configured\nstorage:\n  local:\n    path: {tmp_path}/files\n"
    )
    assert opened()[1:] == (f"{tmp_path}/configured/registry.db", f"{tmp_path}/files")
    assert opened(f"{tmp_path}/configured")[1:] == (f"{tmp_path}/configured/registry.db", f"{tmp_path}/files"), (
        "it is about it"
    )
    assert opened(tmp_path / "other")[1:] == (f"{tmp_path}/other/registry.db", f"{tmp_path}/other"), (
        "it is about another"
    )


def test_a_configuration_that_is_passed_applies(tmp_path):
    (tmp_path / "my.yaml").write_text(f"storage:\n  local:\n    path: {tmp_path}/files\n")
    assert opened(tmp_path / "reg", config=tmp_path / "my.yaml")[2] == f"{tmp_path}/files"


def test_a_configuration_in_the_registry_applies(tmp_path, monkeypatch):
    (tmp_path / "reg").mkdir()
    (tmp_path / "reg" / "registry_config.yaml").write_text(f"storage:\n  local:\n    path: {tmp_path}/files\n")
    assert opened(tmp_path / "reg")[2] == f"{tmp_path}/files"


def test_places_of_the_environment_stay_out_of_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELYARD_DATABASE_URL", f"sqlite:///{tmp_path}/production.db")
    monkeypatch.setenv("MODELYARD_STORAGE_URL", f"{tmp_path}/production")
    assert opened(tmp_path / "scratch")[1:] == (f"{tmp_path}/scratch/registry.db", f"{tmp_path}/scratch")
    assert opened()[1:] == (f"{tmp_path}/production.db", f"{tmp_path}/production")
    assert opened(tmp_path / "scratch", store=tmp_path / "files")[2] == f"{tmp_path}/files"
    assert opened(f"sqlite:///{tmp_path}/scratch/my.db")[1:] == (f"{tmp_path}/scratch/my.db", f"{tmp_path}/scratch")


def test_the_environment_may_name_the_registry(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELYARD_URI", f"{tmp_path}/named")
    (tmp_path / "my.yaml").write_text(f"registry:\n  path: {tmp_path}/configured\n")
    assert opened()[1] == f"{tmp_path}/named/registry.db"
    assert opened(tmp_path / "given")[1] == f"{tmp_path}/given/registry.db"
    assert opened(config=tmp_path / "my.yaml")[1] == f"{tmp_path}/configured/registry.db"


def test_a_server_is_not_asked_before_it_is_needed(monkeypatch):
    monkeypatch.setenv("MODELYARD_TOKEN", "s3cret")
    caller, _settings = connect("http://127.0.0.1:1/registry/", timeout=5)
    assert isinstance(caller, RemoteCaller)
    assert caller.address == "http://127.0.0.1:1/registry"
    caller.close()


@pytest.mark.parametrize(
    ("arguments", "options", "word"),
    [
        (("",), {}, "no path"),
        ((" ",), {}, "no path"),
        (("a\0b",), {}, "no path"),
        ((5,), {}, "no path"),
        ((b"reg",), {}, "no path"),
        (("s3://bucket",), {}, "no kind of address"),
        (("mysql://host/name",), {}, "no kind of address"),
        (("sqlite://",), {}, "names no file"),
        (("sqlite:///:memory:",), {}, "names no file"),
        (("postgresql://host/name",), {}, "place for its files"),
        (("http://",), {}, "not the address"),
        (("http://host",), {"store": "files"}, "store"),
        (("http://host",), {"actor": "ann"}, "actor"),
        (("reg",), {"token": "s3cret"}, "token"),
    ],
)
def test_what_cannot_be_opened_is_refused(arguments, options, word, working_folder):
    with pytest.raises(InvalidRequest, match=word) as caught:
        connect(*arguments, **options)
    assert caught.value.hint
    assert list(working_folder.iterdir()) == []


def test_a_broken_configuration_is_told(working_folder):
    (working_folder / "registry_config.yaml").write_text("registry:\n  pth: x\n")
    with pytest.raises(InvalidConfig, match="pth"):
        connect()


def test_events_name_the_actor(tmp_path):
    with ModelRegistry(tmp_path / "reg", actor="ann") as registry:
        registry.create_model("fraud")
        assert [event.actor for event in registry.get_history()] == ["ann"]


@pytest.mark.feature("LIN-05")
def test_the_commit_is_recorded_where_the_configuration_asks(working_folder, tmp_path):
    need("git")
    head = commit(repository(tmp_path / "code"))
    (working_folder / "registry_config.yaml").write_text(
        f"versioning:\n  git:\n    enabled: true\n    repository: {tmp_path}/code\n"
    )
    (tmp_path / "w.bin").write_bytes(b"w")
    with ModelRegistry() as registry:
        assert registry.get_model(registry.register_model(tmp_path / "w.bin", "fraud")).code_version == head
        told = registry.register_model(tmp_path / "w.bin", "fraud", git_commit="mine")
        assert registry.get_model(told).code_version == "mine"


def test_a_folder_without_git_is_warned_of(working_folder, tmp_path):
    need("git")
    (working_folder / "registry_config.yaml").write_text("versioning:\n  git:\n    enabled: true\n")
    (tmp_path / "w.bin").write_bytes(b"w")
    with ModelRegistry() as registry, pytest.warns(UserWarning, match="no commit is recorded"):
        registry.register_model(tmp_path / "w.bin", "fraud")
