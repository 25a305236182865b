"""The values in force, how the layers become them, and the two addresses that a registry is opened by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from modelyard.config.sources import Given, Layer, from_dotenv, from_environ, from_overrides, from_yaml
from modelyard.config.table import BY_NAME, SETTINGS, Value, problem

FILE_NAME = "registry_config.yaml"

_BACKENDS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure", "file": "local"}
_FOLDERS = frozenset({"cache.path", "registry.path", "storage.local.path", "storage.url", "versioning.git.repository"})


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Settings:
    """The values in force: `settings["server.port"]`. A value object; its mappings are not to be changed."""

    values: Mapping[str, Value]
    sources: Mapping[str, str]
    """Where each value that is not a default came from, such as `registry_config.yaml:3`."""
    working_folder: Path

    def __getitem__(self, name: str) -> Any:
        """The value of one setting of the table; KeyError for a name that is not in it."""
        return self.values[name]

    @property
    def registry_folder(self) -> Path:
        """The registry's folder, seen from the working folder."""
        return self.working_folder / str(self.values["registry.path"])

    def shown(self) -> dict[str, Value]:
        """All values with their secrets masked."""
        return {name: BY_NAME[name].masked(value) for name, value in self.values.items()}

    def __repr__(self) -> str:
        changed = {name: value for name, value in self.shown().items() if name in self.sources}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in changed.items())})"


def load(
    path: str | Path | None = None,
    *,
    environ: Mapping[str, str],
    working_folder: Path,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings from all sources.

    Args:
        path: the configuration file, or a folder that holds one; searched for when left out.
        environ: the environment variables to read (`os.environ` in a program).
        working_folder: where `.env` and the configuration file are searched, and where relative paths start.
        overrides: values by dotted name, over all other sources.

    Raises:
        InvalidConfig: something in one of the sources is unknown, impossible or contradictory.
    """
    upper = [from_dotenv(working_folder / ".env"), from_environ(environ), from_overrides(overrides or {})]
    folder = _merged(upper, environ).get("registry.path", Given(BY_NAME["registry.path"].default, ""))
    file = _find(path, working_folder, working_folder / str(folder.value))
    given = _merged([from_yaml(file) if file else {}, *upper], environ)
    _check_storage(given)
    return Settings(
        values={setting.name: setting.default for setting in SETTINGS} | {name: g.value for name, g in given.items()},
        sources={name: g.where for name, g in given.items()},
        working_folder=working_folder,
    )


def load_from_process(path: str | Path | None = None, *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings of this process: its environment and its working folder. See `load`."""
    return load(path, environ=os.environ, working_folder=Path.cwd(), overrides=overrides)


def database_url(settings: Settings) -> str:
    """The address of the metadata database: `database.url`, else a SQLite file in the registry's folder."""
    if settings["database.url"] is not None:
        return str(settings["database.url"])
    folder = settings.registry_folder.as_posix()
    if "?" in folder:
        text = f"the registry's folder {folder!r} holds a '?', which the address of a SQLite file cannot"
        where = settings.sources.get("registry.path", "working folder")
        raise problem(text, "choose another folder in registry.path, or set database.url", where, "registry.path")
    return f"sqlite:///{folder}/registry.db"


def store_url(settings: Settings) -> str:
    """The place of the model files.

    `storage.url`; else `s3://BUCKET/PREFIX?region=…&endpoint=…` of the S3 settings; else the local folder, which is
    `storage.local.path` or the registry's folder.
    """
    url = settings["storage.url"]
    if url is not None:
        return str(url) if "://" in url else str(settings.working_folder / url)
    if settings["storage.backend"] == "s3":
        prefix = str(settings["storage.s3.prefix"] or "").strip("/")
        options = {key: settings[f"storage.s3.{key}"] for key in ("region", "endpoint")}
        query = urlencode({key: value for key, value in options.items() if value})
        place = f"s3://{settings['storage.s3.bucket']}" + (f"/{prefix}" if prefix else "")
        return f"{place}?{query}" if query else place
    local = settings["storage.local.path"]
    return str(settings.working_folder / local if local else settings.registry_folder)


def cache_folder(settings: Settings) -> Path:
    """The folder where fetched files are kept: `cache.path`, else `modelyard` in the user's folder for caches."""
    if settings["cache.path"]:
        return settings.working_folder / str(settings["cache.path"])
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "modelyard"


def _find(path: str | Path | None, working_folder: Path, registry_folder: Path) -> Path | None:
    """The configuration file that was asked for, or the first one found."""
    if path is None:
        folders = (working_folder, working_folder / "configs", registry_folder)
        return next((folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file()), None)
    file = working_folder / path
    file = file / FILE_NAME if file.is_dir() else file
    if not file.is_file():
        raise problem(f"there is no configuration file {str(file)!r}", "check the path", str(file))
    return file


def _merged(layers: list[Layer], environ: Mapping[str, str]) -> Layer:
    """Lay each layer over the ones before it.

    A place for the model files replaces the other place that a lower layer names, and an address brings its backend.
    """
    merged: Layer = {}
    for layer in layers:
        url = layer.get("storage.url")
        if url:
            merged["storage.backend"] = Given(_backend(url), url.where)
            merged.pop("storage.s3.bucket", None)
        elif "storage.s3.bucket" in layer:
            merged.pop("storage.url", None)
        merged |= {name: _at_home(name, given, environ.get("HOME")) for name, given in layer.items()}
    return merged


def _backend(url: Given) -> str:
    scheme, found, _rest = str(url.value).partition("://")
    backend = _BACKENDS.get(scheme.lower()) if found else "local"
    if backend is None:
        text = f"{url.where}: storage.url has the unknown scheme '{scheme}'"
        raise problem(text, "use a folder, s3://, gs:// or az://", url.where, "storage.url")
    return backend


def _check_storage(given: Layer) -> None:
    """Refuse storage settings that contradict each other."""
    url, backend, bucket = given.get("storage.url"), given.get("storage.backend"), given.get("storage.s3.bucket")
    name = backend.value if backend else "local"
    if url and (bucket or name != _backend(url)):
        other = "storage.s3.bucket" if bucket else f"storage.backend '{name}'"
        raise problem(f"{url.where}: storage.url contradicts {other}", "set one of the two", url.where, "storage.url")
    if bucket and name != "s3":
        text = f"{bucket.where}: storage.s3.bucket is set, but storage.backend is '{name}'"
        raise problem(text, "set storage.backend to s3, or remove the bucket", bucket.where, "storage.s3.bucket")
    if backend and name != "local" and not (url or bucket):
        text = f"{backend.where}: storage.backend is '{name}', and nothing says which bucket"
        hint = "set storage.url to s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
        raise problem(text, hint, backend.where, "storage.url")


def _at_home(name: str, given: Given, home: str | None) -> Given:
    """Put the home folder in the place of a leading `~`."""
    value = given.value
    if name in _FOLDERS and home and isinstance(value, str) and (value == "~" or value.startswith("~/")):
        return given._replace(value=home + value[1:])
    return given
