"""The table of settings, and the rules that one value must meet.

Everything about a setting is read off its row: its environment variable, its type, its limits, its documentation.
A new setting is a new row. Values are checked alike wherever they come from; each error names the place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from modelyard.errors import InvalidConfig

Value: TypeAlias = str | int | float | bool | None

PREFIX = "MODELYARD_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: a dotted name, its type, its default and its help."""

    name: str
    kind: type[str | int | float | bool]
    default: Value
    help: str
    _: KW_ONLY
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    secret: bool = False
    """The value may hold a password: it is masked wherever it is shown."""
    hidden: bool = False
    """The whole value is a secret: nothing of it is shown."""

    @property
    def variable(self) -> str:
        """The environment variable of the setting."""
        return PREFIX + self.name.upper().replace(".", "_")

    @property
    def type_name(self) -> str:
        """The type and its limits in words, for documentation and messages."""
        if self.choices:
            return f"one of {', '.join(self.choices)}" if len(self.choices) > 1 else f"{self.choices[0]!r}"
        limits = [f"at least {self.least}"] if self.least is not None else []
        limits += [f"at most {self.most}"] if self.most is not None else []
        name = {str: "text", int: "whole number", float: "number", bool: "true or false"}[self.kind]
        return ", ".join([name, *limits])

    def masked(self, value: Value) -> Value:
        """The value without the password of an address and without the secrets of its query; or nothing of it."""
        if not (self.secret and isinstance(value, str)):
            return value
        if self.hidden:
            return "***"
        text = re.sub(r"(://[^:@/?]*):.*@", r"\1:***@", value)
        return re.sub(r"(?i)([?&][^=&]*(?:password|secret|token|key)[^=&]*)=[^&]*", r"\1=***", text)


SETTINGS: tuple[Setting, ...] = (
    Setting("registry.path", str, "./model_registry", "Folder of the registry: its database, its files, its view."),
    Setting("registry.default_stage", str, "development", "Stage of a version that is registered without one."),
    Setting(
        "storage.backend",
        str,
        "local",
        "Where model files are kept; storage.url decides it when that is set.",
        choices=("local", "s3", "gcs", "azure"),
    ),
    Setting(
        "storage.url",
        str,
        None,
        "Place of the model files: a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
        secret=True,
    ),
    Setting("storage.local.path", str, None, "Folder of the model files when it is not the registry's folder."),
    Setting("storage.local.compression", bool, default=False, help="Compress pickled models on disk where it pays."),
    Setting("storage.s3.bucket", str, None, "S3 bucket, when storage.url is not set."),
    Setting("storage.s3.prefix", str, None, "Prefix of all keys in the bucket."),
    Setting("storage.s3.region", str, None, "Region of the bucket. Keys come from the usual AWS_* variables."),
    Setting("storage.s3.endpoint", str, None, "Address of an S3-compatible service other than AWS.", secret=True),
    Setting(
        "database.url",
        str,
        None,
        "SQLAlchemy address of the metadata database; a SQLite file in the registry's folder when not set.",
        secret=True,
    ),
    Setting("database.pool_size", int, 10, "Connections kept open to a database server.", least=1, most=1000),
    Setting("database.busy_timeout_s", float, 30.0, "Seconds to wait for another writer before giving up.", least=0),
    Setting("cache.path", str, None, "Folder where fetched files are kept; ~/.cache/modelyard when not set."),
    Setting("cache.max_bytes", int, 20 << 30, "Bytes that fetched files take before the oldest are dropped.", least=0),
    Setting("workers.start_timeout_s", float, 120.0, "Seconds that a worker process has to load a version.", least=1),
    Setting("workers.max_processes", int, 32, "Worker processes beyond which unneeded versions end.", least=1),
    Setting("server.host", str, "127.0.0.1", "Address that the server listens on."),
    Setting("server.port", int, 5000, "Port that the server listens on; 0 takes a free one.", least=0, most=65535),
    Setting("server.threads", int, 16, "Threads that run requests to the database and the disk.", least=1, most=1000),
    Setting("server.max_event_streams", int, 200, "Clients that may follow the events at once.", least=0, most=100_000),
    Setting("server.max_upload_bytes", int, 100 << 30, "Largest upload of model files, in bytes.", least=1),
    Setting("server.max_body_bytes", int, 8 << 20, "Largest request body that is not an upload, in bytes.", least=1024),
    Setting("tests.command", str, None, "Program and arguments that test a version before it is promoted."),
    Setting("tests.cloud.command", str, None, "The same, for the suite of tests named cloud."),
    Setting("tests.edge.command", str, None, "The same, for the suite of tests named edge."),
    Setting("tests.timeout_s", float, 600.0, "Seconds after which a command of tests is ended.", least=1),
    Setting(
        "audit.checkpoint_minutes",
        int,
        60,
        "Minutes between the checkpoints that a running server makes; 0 makes none by the clock.",
        least=0,
        most=525_600,
    ),
    Setting("providers.gemini.model", str, "gemini-3.8-flash", "Model of a Gemini version that names none."),
    Setting("providers.openai.model", str, "gpt-5.5", "Model of an OpenAI version that names none."),
    Setting("providers.anthropic.model", str, "claude-sonnet-5-5", "Model of an Anthropic version that names none."),
    Setting("versioning.strategy", str, "semantic", "How versions are numbered: SemVer 2.0.", choices=("semantic",)),
    Setting("versioning.git.enabled", bool, default=False, help="Record the git commit with each version."),
    Setting("versioning.git.repository", str, None, "Repository to read; the working folder's when not set."),
    Setting("mlflow.enabled", bool, default=False, help="Also log each registered version to MLflow."),
    Setting(
        "mlflow.tracking_uri",
        str,
        None,
        "MLflow tracking server, http://… ; a store such as sqlite:///mlflow.db takes the package mlflow. "
        "MLFLOW_TRACKING_URI, or else that file, when not set.",
        secret=True,
    ),
    Setting("mlflow.experiment_name", str, "model_registry", "MLflow experiment that versions are logged to."),
    Setting("mlflow.log_files", bool, default=True, help="Send the files of a version to MLflow, too."),
    Setting("mlflow.max_bytes", int, 2 << 30, "Bytes of a version beyond which its files stay here.", least=0),
    Setting("wandb.enabled", bool, default=False, help="Also log each registered version to Weights & Biases."),
    Setting("wandb.project", str, None, "Project to log to; WANDB_PROJECT, or model_registry, when not set."),
    Setting("wandb.entity", str, None, "Team or user that the project belongs to; the SDK's default when not set."),
    Setting(
        "wandb.mode",
        str,
        "online",
        "How it is logged; offline, it is written to wandb.folder for `wandb sync`.",
        choices=("online", "offline", "disabled"),
    ),
    Setting("wandb.folder", str, None, "Folder of offline runs; the folder wandb in the registry's when not set."),
    Setting(
        "wandb.link_to",
        str,
        None,
        "Collection that each version is linked to, such as wandb-registry-model/{model}.",
    ),
    Setting("wandb.log_files", bool, default=True, help="Send the files of a version to Weights & Biases, too."),
    Setting("wandb.max_bytes", int, 2 << 30, "Bytes of a version beyond which its files stay here.", least=0),
    Setting("forwards.first_retry_s", float, 5.0, "Seconds until it is logged anew after a fault; doubles.", least=0),
    Setting("forwards.longest_retry_s", float, 3_600.0, "Longest pause between two attempts, in seconds.", least=0),
    Setting("forwards.give_up_after_s", float, 604_800.0, "Seconds after which it is given up.", least=0),
    Setting("forwards.timeout_s", float, 3_600.0, "Seconds that an SDK has for one version.", least=1),
    Setting("forwards.lease_s", float, 60.0, "Seconds until another sender takes over from one that died.", least=1),
    Setting("forwards.threads", int, 2, "Versions that a server sends at once; 0 leaves them to others.", least=0),
    Setting(
        "forwards.close_wait_s",
        float,
        30.0,
        "Seconds that closing a registry in one's own process waits for what is to be sent.",
        least=0,
    ),
    Setting(
        "webhooks.allow_private",
        bool,
        default=False,
        help="Send webhooks also to this machine and to private networks.",
    ),
    Setting(
        "webhooks.secret_key",
        str,
        None,
        "Key that seals the secrets of webhooks, the base64 of 32 bytes; several are separated by commas, the newest "
        "first. A registry in a folder makes a file secret.key instead.",
        secret=True,
        hidden=True,
    ),
    Setting("webhooks.timeout_s", float, 10.0, "Seconds that a webhook's receiver has to answer.", least=0),
    Setting("webhooks.first_retry_s", float, 1.0, "Seconds until a failed delivery is tried again; doubles.", least=0),
    Setting("webhooks.longest_retry_s", float, 60.0, "Longest pause between two attempts, in seconds.", least=0),
    Setting("webhooks.give_up_after_s", float, 259_200.0, "Seconds after which a delivery is given up.", least=0),
    Setting(
        "webhooks.lease_s",
        float,
        60.0,
        "Seconds after which another sender takes over from one that died; at least three times webhooks.timeout_s.",
        least=0,
    ),
    Setting("webhooks.threads", int, 8, "Deliveries that a server sends at once; 0 leaves them to others.", least=0),
    Setting("alerts.evaluate_s", float, 5.0, "Seconds between two looks for what is wrong.", least=0),
    Setting(
        "alerts.allow_private",
        bool,
        default=False,
        help="Send alerts also to this machine and to private networks, where mail servers often are.",
    ),
    Setting("alerts.timeout_s", float, 10.0, "Seconds that the receiver of an alert has to answer.", least=0),
    Setting("alerts.first_retry_s", float, 5.0, "Seconds until a message is tried again; doubles.", least=0),
    Setting("alerts.longest_retry_s", float, 300.0, "Longest pause between two attempts, in seconds.", least=0),
    Setting("alerts.give_up_after_s", float, 21_600.0, "Seconds after which a message is given up.", least=0),
    Setting(
        "alerts.lease_s",
        float,
        60.0,
        "Seconds after which another sender takes over from one that died; at least three times alerts.timeout_s.",
        least=0,
    ),
    Setting("alerts.threads", int, 4, "Messages that a server sends at once; 0 leaves them to others.", least=0),
    Setting(
        "delivery.circuit_failures",
        int,
        5,
        "Failures in a row after which a version is left alone.",
        least=1,
        most=1000,
    ),
    Setting("delivery.controller", bool, default=True, help="Let this server drive deployments; one at a time does."),
    Setting("delivery.lease_s", float, 10.0, "Seconds until another server drives on when one died.", least=1),
    Setting("delivery.circuit_pause_s", float, 1.0, "How long it is left alone first, in seconds; doubles.", least=0),
    Setting("delivery.recovery_s", float, 15.0, "Seconds that a request waits for lost workers to be back.", least=0),
    Setting("delivery.drain_s", float, 25.0, "Seconds that predictions under way have at the server's end.", least=0),
    Setting(
        "telemetry.prometheus_series",
        int,
        200,
        "Versions at endpoints that have metrics of their own in /metrics; the rest is added up.",
        least=1,
        most=10_000,
    ),
    Setting(
        "telemetry.profiles",
        bool,
        default=True,
        help="Count how inputs and predictions are spread, from samples, to notice drift; no input is kept.",
    ),
    Setting("telemetry.profiles_days", int, 30, "Days that these counts are kept.", least=1, most=3650),
    Setting(
        "telemetry.minutes_hours",
        int,
        48,
        "Hours that what predictions did is known by the minute; then by the hour.",
        least=2,
        most=8784,
    ),
    Setting("telemetry.hours_days", int, 30, "Days that it is known by the hour; then by the day.", least=1, most=3660),
    Setting("telemetry.days_days", int, 400, "Days that it is known at all.", least=1, most=36_600),
    Setting("telemetry.evidence_days", int, 90, "Days that the judge's evidence outlives a deployment.", least=1),
    Setting("auth.enabled", bool, default=False, help="Let the server ask every caller to prove who it is."),
    Setting(
        "logging.level",
        str,
        "info",
        "Least severe messages that are logged.",
        choices=("debug", "info", "warning", "error", "critical"),
    ),
)

OTHER_VARIABLES: Mapping[str, str] = {
    "MODELYARD_URI": "Registry that the command line talks to: a path or a URL.",
    "MODELYARD_TOKEN": "Token that the client sends to a server.",
    "MODELYARD_OTHER_TOKEN": "Token for the other registry of a copy or an import; MODELYARD_TOKEN is not sent there.",
    "MODELYARD_REQUIRE": "Test components that must be present: all, or their names.",
    "MODELYARD_SCREENSHOTS": "Folder in which tests of the dashboard keep what they saw.",
    "MODELYARD_MODEL": "For a command of tests: the model of the version.",
    "MODELYARD_VERSION": "For a command of tests: the version.",
    "MODELYARD_VERSION_ID": "For a command of tests: the version's id.",
    "MODELYARD_REFERENCE": "For a command of tests: the version as a reference.",
    "MODELYARD_FILES": "For a command of tests: the folder with the version's files.",
    "MODELYARD_SUITE": "For a command of tests: the suite.",
}
"""Variables of modelyard that are not settings of the table."""

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}
BY_VARIABLE: Mapping[str, Setting] = {setting.variable: setting for setting in SETTINGS}
GROUPS = frozenset(".".join(p[:n]) for p in (s.name.split(".") for s in SETTINGS) for n in range(1, len(p)))

_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def find(name: object, where: str) -> Setting:
    """The row of a dotted name; InvalidConfig with a suggestion when there is none."""
    setting = BY_NAME.get(name) if isinstance(name, str) else None
    if setting is None:
        raise unknown(str(name), where, [*BY_NAME, *GROUPS])
    return setting


def parse(setting: Setting, text: str, where: str) -> Value:
    """The checked value of a variable's text: whole numbers, numbers, and true/yes/on/1 or false/no/off/0."""
    try:
        value = _FLAGS[text.lower()] if setting.kind is bool else setting.kind(text)
    except (KeyError, ValueError):
        raise _wrong(setting, text, where) from None
    return check(setting, value, where)


def check(setting: Setting, value: Any, where: str) -> Value:
    """The value in the setting's type; InvalidConfig unless it has that type and lies within its limits."""
    if setting.kind is str and isinstance(value, Path):
        value = str(value)
    if setting.kind is float and type(value) is int:
        value = float(value)
    if setting.choices and isinstance(value, str):
        value = value.lower()
    if type(value) is not setting.kind or not _allowed(setting, value):
        raise _wrong(setting, value, where)
    checked: Value = value
    return checked


def _allowed(setting: Setting, value: Any) -> bool:
    if setting.kind is str:
        return value.isprintable() and value != "" and (not setting.choices or value in setting.choices)
    return bool((setting.least or 0) <= value <= (setting.most or 2**63 - 1))


def unknown(name: str, where: str, known: list[str]) -> InvalidConfig:
    """The error for a name that is not among the known ones, with the nearest of them."""
    name = name[:100]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not near:
        last = name.rsplit(".", 1)[-1]
        near = [other for other in known if other.rsplit(".", 1)[-1] == last][:1]
    hint = f"did you mean '{near[0]}'?" if near else f"the settings are: {', '.join(sorted(known))}"
    return problem(f"{where}: unknown setting '{name}'", hint, where, name)


def problem(message: str, hint: str, where: str, setting: str = "") -> InvalidConfig:
    """An InvalidConfig whose details tell programs the source, the line and the setting, as far as known."""
    source, _colon, line = where.rpartition(":")
    details: dict[str, Any] = {"source": source, "line": int(line)} if line.isdecimal() else {"source": where}
    if setting:
        details["setting"] = setting
    return InvalidConfig(message, hint=hint, details=details)


def _wrong(setting: Setting, value: object, where: str) -> InvalidConfig:
    given = "what it is" if setting.secret else repr(value)[:100]
    text = f"{where}: {setting.name} must be {setting.type_name}, not {given}"
    return problem(text, "correct the value", where, setting.name)
