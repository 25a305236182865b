"""Settings: every source, their order, and what is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard import config
from modelyard.config import SETTINGS, Settings
from modelyard.errors import InvalidConfig

AS_IN_THE_DOCUMENTS = """\
# Registry settings
registry:
  path: "./model_registry"
  default_stage: "development"

storage:
  backend: "local"
  local:
    compression: true

versioning:
  strategy: "semantic"
  git:
    enabled: true

mlflow:
  enabled: true
  tracking_uri: "sqlite:///mlflow.db"

wandb:
  enabled: true
  project: "my-ml-registry"
"""


def load(folder: Path, text: str | None = None, environ: dict[str, str] | None = None, **overrides: object) -> Settings:
    if text is not None:
        (folder / config.FILE_NAME).write_text(text, encoding="utf-8")
    dotted = {name.replace("__", "."): value for name, value in overrides.items()}
    return config.load(environ=environ or {}, working_folder=folder, overrides=dotted)


def refused(folder: Path, text: str | None = None, environ: dict[str, str] | None = None, **overrides) -> InvalidConfig:
    with pytest.raises(InvalidConfig) as caught:
        load(folder, text, environ, **overrides)
    return caught.value


class TestTable:
    def test_variables_and_names_are_distinct(self):
        assert len({s.name for s in SETTINGS}) == len({s.variable for s in SETTINGS}) == len(SETTINGS)
        assert not {s.variable for s in SETTINGS} & set(config.OTHER_VARIABLES)

    @pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
    def test_every_setting_has_help_and_a_legal_default(self, setting, tmp_path):
        assert setting.help.endswith(".")
        overridden = load(tmp_path, **{setting.name.replace(".", "__"): setting.default})
        assert overridden[setting.name] == setting.default

    def test_defaults(self, tmp_path):
        settings = load(tmp_path)
        assert (settings["registry.path"], settings["server.host"], settings["server.port"]) == (
            "./model_registry",
            "127.0.0.1",
            5000,
        )
        assert settings.sources == {}


class TestYaml:
    def test_the_documents_file_is_legal_as_printed(self, tmp_path):
        settings = load(tmp_path, AS_IN_THE_DOCUMENTS)
        assert settings["storage.local.compression"] is True
        assert settings["mlflow.tracking_uri"] == "sqlite:///mlflow.db"
        assert settings.sources["wandb.project"] == f"{tmp_path / config.FILE_NAME}:22"
        assert settings["mlflow.enabled"]
        assert settings["wandb.enabled"]

    @pytest.mark.parametrize("folder", [".", "configs", "model_registry"])
    def test_is_found_in_three_places(self, tmp_path, folder):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / config.FILE_NAME).write_text("server:\n  port: 5001\n")
        assert load(tmp_path)["server.port"] == 5001

    def test_the_working_folder_wins_over_configs_and_the_registry(self, tmp_path):
        for port, folder in enumerate([".", "configs", "model_registry"], start=1):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / config.FILE_NAME).write_text(f"server:\n  port: {port}\n")
        assert load(tmp_path)["server.port"] == 1
        (tmp_path / config.FILE_NAME).unlink()
        assert load(tmp_path)["server.port"] == 2

    def test_a_whole_number_is_a_number(self, tmp_path):
        seconds = load(tmp_path, "database:\n  busy_timeout_s: 5\n")["database.busy_timeout_s"]
        assert (seconds, type(seconds)) == (5.0, float)

    def test_is_found_in_a_registry_folder_named_by_the_environment(self, tmp_path):
        (tmp_path / "here").mkdir()
        (tmp_path / "here" / config.FILE_NAME).write_text("server:\n  port: 5002\n")
        assert load(tmp_path, environ={"MODELYARD_REGISTRY_PATH": "here"})["server.port"] == 5002

    def test_a_given_path_may_be_a_file_or_a_folder_and_must_exist(self, tmp_path):
        (tmp_path / config.FILE_NAME).write_text("server:\n  port: 5003\n")
        for path in (tmp_path, tmp_path / config.FILE_NAME, config.FILE_NAME):
            assert config.load(path, environ={}, working_folder=tmp_path)["server.port"] == 5003
        with pytest.raises(InvalidConfig, match=r"no configuration file .*absent\.yaml"):
            config.load("absent.yaml", environ={}, working_folder=tmp_path)

    @pytest.mark.parametrize(
        "text", ["", "# only a comment\n", "storage:\n  s3:\n", "database:\n  url:\n", "\ufeffserver:\n"]
    )
    def test_nothing_said_changes_nothing(self, tmp_path, text):
        assert load(tmp_path, text).values == load(tmp_path / "none").values

    @pytest.mark.parametrize(
        ("text", "line", "message", "hint"),
        [
            ("server:\n  prot: 1\n", 2, "unknown setting 'server.prot'", "did you mean 'server.port'?"),
            ("sevrer:\n  port: 1\n", 1, "unknown setting 'sevrer'", "did you mean 'server'?"),
            ("x:\n  compression: true\n", 1, "unknown setting 'x'", "the settings are: alerts"),
            ("compression: true\n", 1, "unknown setting 'compression'", "did you mean 'storage.local.compression'?"),
            ("a: 1\n? [b]\n: 2\n", 1, "unknown setting 'a'", ""),
            ("? [b]\n: 2\n", 1, "unknown setting", ""),
            (
                "server:\n  port: '5000'\n",
                2,
                "server.port must be whole number, at least 0, at most 65535, not '5000'",
                "",
            ),
            ("server:\n  port: true\n", 2, "not True", ""),
            ("server:\n  port: 65536\n", 2, "not 65536", ""),
            ("server:\n  port: -1\n", 2, "not -1", ""),
            ("server:\n  threads: 0\n", 2, "not 0", ""),
            ("server:\n  port:\n", 2, "not None", ""),
            ("server:\n  host: ''\n", 2, "must be text, not ''", ""),
            ('server:\n  host: "a\\nb"\n', 2, "must be text", ""),
            ("server:\n  host: [a]\n", 2, "not ['a']", ""),
            ("auth:\n  enabled: 'no'\n", 2, "must be true or false", ""),
            ("database:\n  busy_timeout_s: .nan\n", 2, "not nan", ""),
            ("versioning:\n  strategy: calendar\n", 2, "must be 'semantic', not 'calendar'", ""),
            ("storage:\n  backend: ftp\n", 2, "one of local, s3, gcs, azure", ""),
            ("server: 5000\n", 1, "'server' is a group of settings, not a value", "indent"),
            ("server:\n  port: 1\n  port: 2\n", 3, "'server.port' is given twice", ""),
            ("server:\n  port: 1\nserver:\n  host: a\n", 3, "'server' is given twice", ""),
            ("- a\n", 1, "not a mapping of settings", ""),
            ("server: {port: 1\n", 2, "not valid YAML", ""),
            ("server:\n\tport: 1\n", 2, "not valid YAML", ""),
            ("a: 1\n---\nb: 2\n", 2, "not valid YAML", ""),
            ("server:\n  <<: *none\n", 2, "not valid YAML", ""),
            ("server:\n  host: !!python/object/apply:os.getcwd []\n", 2, "not valid YAML", ""),
        ],
    )
    def test_mistakes_are_errors_with_file_and_line(self, tmp_path, text, line, message, hint):
        error = refused(tmp_path, text)
        assert message in error.message
        assert hint in error.hint
        assert error.message.startswith(f"{tmp_path / config.FILE_NAME}:{line}: ")
        assert (error.details["source"], error.details["line"]) == (str(tmp_path / config.FILE_NAME), line)

    def test_unreadable_files_are_errors(self, tmp_path):
        file = tmp_path / config.FILE_NAME
        file.write_bytes(b"server:\n  host: \xff\n")
        assert "not UTF-8" in refused(tmp_path).message
        file.write_bytes(b"#" * (1 << 20) + b"\n")
        assert "larger than" in refused(tmp_path).message
        file.write_text("server:\n  host: " + "[" * 2_000)
        assert "cannot be read" in refused(tmp_path).message
        file.write_text("server:\n  port: 2001-99-99\n")
        assert refused(tmp_path).details["source"] == str(file)

    def test_a_file_that_cannot_be_read_is_an_error(self, tmp_path):
        # Reading address 0 of this process fails for root as well.
        (tmp_path / config.FILE_NAME).symlink_to("/proc/self/mem")
        assert "cannot be read" in refused(tmp_path).message


class TestVariables:
    @pytest.mark.parametrize(
        ("variable", "text", "name", "value"),
        [
            ("MODELYARD_DATABASE_URL", "postgresql://db/x", "database.url", "postgresql://db/x"),
            ("MODELYARD_SERVER_PORT", " 8080 ", "server.port", 8080),
            ("MODELYARD_AUTH_ENABLED", "Yes", "auth.enabled", True),
            ("MODELYARD_AUTH_ENABLED", "0", "auth.enabled", False),
            ("MODELYARD_DATABASE_BUSY_TIMEOUT_S", "2", "database.busy_timeout_s", 2.0),
            ("MODELYARD_STORAGE_LOCAL_PATH", "a b", "storage.local.path", "a b"),
            ("MODELYARD_LOGGING_LEVEL", "DEBUG", "logging.level", "debug"),
            ("MODELYARD_SERVER_PORT", "", "server.port", 5000),
            ("MODELYARD_SERVER_PORT", "  ", "server.port", 5000),
        ],
    )
    def test_are_read_in_the_settings_type(self, tmp_path, variable, text, name, value):
        settings = load(tmp_path, environ={variable: text})
        assert settings[name] == value
        assert type(settings[name]) is type(value)

    def test_other_names_are_left_alone(self, tmp_path):
        others = dict.fromkeys([*config.OTHER_VARIABLES, "PATH", "modelyard_server_port"], "x")
        assert load(tmp_path, environ=others).sources == {}

    @pytest.mark.parametrize(
        ("variable", "text", "message", "hint"),
        [
            ("MODELYARD_SERVER_PROT", "1", "unknown setting", "did you mean 'MODELYARD_SERVER_PORT'?"),
            ("MODELYARD_TOKN", "1", "unknown setting", "did you mean 'MODELYARD_TOKEN'?"),
            ("MODELYARD_SERVER_PORT", "high", "not 'high'", ""),
            ("MODELYARD_SERVER_PORT", "9" * 5000, "server.port must be", ""),
            ("MODELYARD_DATABASE_BUSY_TIMEOUT_S", "inf", "database.busy_timeout_s must be", ""),
            ("MODELYARD_AUTH_ENABLED", "maybe", "must be true or false", ""),
        ],
    )
    def test_mistakes_name_the_variable(self, tmp_path, variable, text, message, hint):
        error = refused(tmp_path, environ={variable: text})
        assert message in error.message
        assert hint in error.hint
        assert error.details["source"] == f"environment variable {variable}"

    def test_the_dotenv_file_is_read_for_our_names_only(self, tmp_path):
        (tmp_path / ".env").write_text(
            "GEMINI_API_KEY=x$HOME\nbroken line without a sign ' \n\nexport MODELYARD_SERVER_HOST='::1'  # local\n"
            "MODELYARD_REGISTRY_PATH=$HOME/reg\nMODELYARD_TOKEN=t\n"
        )
        settings = load(tmp_path)
        assert settings["server.host"] == "::1"
        assert settings["registry.path"] == "$HOME/reg"
        assert settings.sources["server.host"] == f"{tmp_path / '.env'}:4"

    @pytest.mark.parametrize(
        ("text", "line", "message"),
        [
            ("A=1\n\nMODELYARD_SERVER_PROT=1\n", 3, "unknown setting"),
            ("A=1\nMODELYARD_SERVER_PORT\n", 2, "has no value"),
            ("A=1\nMODELYARD_SERVER_HOST='open\n", 2, "cannot be read"),
            ("MODELYARD_SERVER_PORT=x\n", 1, "not 'x'"),
        ],
    )
    def test_mistakes_in_the_dotenv_file_name_the_line(self, tmp_path, text, line, message):
        (tmp_path / ".env").write_text(text)
        error = refused(tmp_path)
        assert message in error.message
        assert error.details["line"] == line


class TestOrder:
    def test_each_source_goes_over_the_one_before_it(self, tmp_path):
        name, values = "server.port", []
        values.append(load(tmp_path)[name])
        values.append(load(tmp_path, "server:\n  port: 1\n")[name])
        (tmp_path / ".env").write_text("MODELYARD_SERVER_PORT=2\n")
        values.append(load(tmp_path)[name])
        values.append(load(tmp_path, environ={"MODELYARD_SERVER_PORT": "3"})[name])
        values.append(load(tmp_path, environ={"MODELYARD_SERVER_PORT": "3"}, server__port=4)[name])
        values.append(load(tmp_path, environ={"MODELYARD_SERVER_PORT": "3"}, server__port=None)[name])
        assert values == [5000, 1, 2, 3, 4, 3]

    def test_overrides_are_checked_like_everything_else(self, tmp_path):
        assert load(tmp_path, registry__path=tmp_path / "r")["registry.path"] == str(tmp_path / "r")
        assert "unknown setting" in refused(tmp_path, server__prt=1).message
        assert "not '1'" in refused(tmp_path, server__port="1").message

    def test_load_from_process_reads_this_process(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MODELYARD_SERVER_PORT", "77")
        settings = config.load_from_process(overrides={"server.host": "::1"})
        assert (settings["server.port"], settings["server.host"]) == (77, "::1")
        assert settings.registry_folder == tmp_path / "model_registry"


class TestAddresses:
    def test_by_default_all_is_in_the_registry_folder(self, tmp_path):
        settings = load(tmp_path)
        assert config.database_url(settings) == f"sqlite:///{tmp_path}/model_registry/registry.db"
        assert config.store_url(settings) == str(tmp_path / "model_registry")

    def test_a_tilde_is_the_home_folder_of_the_given_environment(self, tmp_path):
        settings = load(tmp_path, environ={"HOME": "/home/ada", "MODELYARD_REGISTRY_PATH": "~/reg"})
        assert settings.registry_folder == Path("/home/ada/reg")
        assert load(tmp_path, environ={"HOME": "/home/x"}, registry__path="~ada").registry_folder == tmp_path / "~ada"

    def test_the_given_addresses_are_used(self, tmp_path):
        settings = load(tmp_path, database__url="postgresql://db/x", storage__url="gs://bucket/p")
        assert (config.database_url(settings), config.store_url(settings)) == ("postgresql://db/x", "gs://bucket/p")
        assert settings["storage.backend"] == "gcs"

    def test_local_places(self, tmp_path):
        assert config.store_url(load(tmp_path, storage__local__path="files")) == str(tmp_path / "files")
        assert config.store_url(load(tmp_path, storage__url="files")) == str(tmp_path / "files")
        assert config.store_url(load(tmp_path, storage__url="/srv/files")) == "/srv/files"

    def test_the_s3_settings_compose_the_address(self, tmp_path):
        settings = load(
            tmp_path,
            storage__backend="s3",
            storage__s3__bucket="b",
            storage__s3__prefix="/team/x/",
            storage__s3__region="eu-central-1",
            storage__s3__endpoint="http://minio:9000",
        )
        assert config.store_url(settings) == "s3://b/team/x?region=eu-central-1&endpoint=http%3A%2F%2Fminio%3A9000"
        assert config.store_url(load(tmp_path, storage__backend="s3", storage__s3__bucket="b")) == "s3://b"

    def test_a_question_mark_in_the_folder_is_refused(self, tmp_path):
        with pytest.raises(InvalidConfig, match=r"holds a '\?'"):
            config.database_url(load(tmp_path, registry__path="what?"))

    @pytest.mark.parametrize(
        ("overrides", "message"),
        [
            ({"storage__backend": "s3"}, "nothing says which bucket"),
            ({"storage__backend": "azure"}, "nothing says which bucket"),
            ({"storage__s3__bucket": "b"}, "storage.backend is 'local'"),
            ({"storage__url": "s3://b", "storage__backend": "gcs"}, "contradicts storage.backend 'gcs'"),
            ({"storage__url": "s3://b", "storage__s3__bucket": "b"}, "contradicts storage.s3.bucket"),
            ({"storage__url": "ftp://b"}, "unknown scheme 'ftp'"),
        ],
    )
    def test_contradictions_are_refused(self, tmp_path, overrides, message):
        assert message in refused(tmp_path, **overrides).message

    def test_a_place_from_a_stronger_source_replaces_the_weaker_one(self, tmp_path):
        bucket = "storage:\n  backend: s3\n  s3:\n    bucket: b\n"
        assert config.store_url(load(tmp_path, bucket, {"MODELYARD_STORAGE_URL": "gs://c"})) == "gs://c"
        url = "storage:\n  backend: local\n  url: /srv\n"
        settings = load(tmp_path, url, storage__backend="s3", storage__s3__bucket="b")
        assert config.store_url(settings) == "s3://b"
        assert "contradicts storage.backend" in refused(tmp_path, url, storage__backend="s3").message


class TestSecrets:
    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://u:hunter2@db/x",
            "postgresql://u:p/hunter2@x@db/x",
            "postgresql://:hunter2@db/x",
            "postgresql://db/x?user=u&password=hunter2&a=b",
        ],
    )
    def test_are_masked_wherever_settings_are_shown(self, tmp_path, url):
        settings = load(tmp_path, database__url=url)
        assert settings["database.url"] == url
        for shown in (repr(settings), str(settings), str(settings.shown()), f"{settings}"):
            assert "hunter2" not in shown
            assert "***" in shown

    def test_stay_out_of_errors(self, tmp_path):
        error = refused(tmp_path, database__url="postgresql://u:hunter2\n@db/x")
        assert "hunter2" not in f"{error}{error.details}{error.hint}"

    def test_an_address_without_a_secret_is_shown_whole(self, tmp_path):
        url = "postgresql://u@db:5432/x?sslmode=require"
        assert load(tmp_path, database__url=url).shown()["database.url"] == url

    def test_repr_shows_what_was_changed(self, tmp_path):
        assert repr(load(tmp_path, server__port=1)) == "Settings(server.port=1)"


class TestTexts:
    def test_every_setting_is_described(self):
        rows = config.describe()
        assert [row.name for row in rows] == [setting.name for setting in SETTINGS]
        port = next(row for row in rows if row.name == "server.port")
        assert port[1:4] == ("MODELYARD_SERVER_PORT", "whole number, at least 0, at most 65535", "5000")

    def test_the_default_document_is_legal_and_changes_nothing(self, tmp_path):
        settings = load(tmp_path, config.document())
        assert settings.values == load(tmp_path / "none").values
        assert set(settings.sources) == {setting.name for setting in SETTINGS if setting.default is not None}
        assert all(setting.name.rsplit(".", 1)[-1] + ":" in config.document() for setting in SETTINGS)

    def test_the_example_of_a_dotenv_file_is_legal_and_changes_nothing(self, tmp_path):
        (tmp_path / ".env").write_text(config.env_example().replace("# MODELYARD_", "MODELYARD_"))
        settings = load(tmp_path)
        assert settings.values == load(tmp_path / "none").values
        assert "registry.path" in settings.sources


def test_settings_are_a_value(tmp_path):
    settings = load(tmp_path, server__port=1)
    assert pickle.loads(pickle.dumps(settings)) == settings == load(tmp_path, server__port=1)
    with pytest.raises(AttributeError):
        settings.values = {}  # type: ignore[misc]
    with pytest.raises(KeyError):
        settings["server.prot"]


@given(st.dictionaries(st.text(min_size=1), st.one_of(st.none(), st.text(), st.integers(), st.booleans(), st.floats())))
def test_any_dictionary_is_taken_or_refused_with_our_error(overrides):
    try:
        settings = config.load(environ={}, working_folder=Path("/nonexistent"), overrides=overrides)
    except InvalidConfig as error:
        assert error.message  # noqa: PT017
    else:
        assert all(settings[name] == value for name, value in overrides.items() if value is not None)


@given(st.sampled_from([s.name for s in SETTINGS if s.kind is int]), st.integers())
def test_numbers_are_taken_within_their_limits_only(name, number):
    setting = next(s for s in SETTINGS if s.name == name)
    inside = (setting.least or 0) <= number <= (setting.most or 2**63 - 1)
    try:
        settings = config.load(environ={setting.variable: str(number)}, working_folder=Path("/nonexistent"))
    except InvalidConfig:
        assert not inside
    else:
        assert inside
        assert settings[name] == number


def test_importing_config_loads_no_parser():
    code = "import sys, modelyard.config; sys.exit(bool({'yaml', 'dotenv', 'numpy', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.feature("API-04")
def test_a_file_may_give_the_three_places_as_one_value_each(tmp_path):
    text = "registry: ./models\ndatabase: postgresql://host/name\nstorage: s3://bucket/prefix\n"
    settings = load(tmp_path, text)
    assert settings["registry.path"] == "./models"
    assert config.database_url(settings) == "postgresql://host/name"
    assert config.store_url(settings) == "s3://bucket/prefix"
    assert settings.sources["storage.url"].endswith("registry_config.yaml:3")
