"""From what a user names a registry by to the caller that runs its operations.

    nothing                    MODELYARD_URI, else what registry_config.yaml and MODELYARD_* say, else ./model_registry
    a path                     the registry in that folder, in this process
    http://… or https://…      a server
    sqlite:///…                a registry in this process; its files lie beside the database unless `store` says where
    postgresql://…             a registry in this process; `store`, or the configuration, says where its files lie

What is passed beats what the environment says. A path is the whole registry: a database or a store that the
configuration names for another registry stays out of it. Those apply only where the configuration is the registry's
own: it was passed along, it lies in that folder, or it names that very folder as `registry.path`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from modelyard.artifacts.materialise import FileCache
from modelyard.client.address import is_address
from modelyard.client.remote import RemoteCaller
from modelyard.config import FILE_NAME, SETTINGS, Settings, cache_folder, load_from_process
from modelyard.domain.names import printable, shown
from modelyard.errors import InvalidRequest
from modelyard.facade.caller import Caller

_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
_PLACES = frozenset({"database.url", "storage.backend", "storage.local.path", "storage.url"})
_BUCKET = "storage.s3."
_HINT = "name a folder, http://host:5000, sqlite:///file.db or postgresql://host/name"


class Opened(NamedTuple):
    """A caller, and the settings that hold in this process."""

    caller: Caller
    settings: Settings


def connect(
    target: str | os.PathLike[str] | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    token: str | None = None,
    timeout: float | None = None,
    actor: str | None = None,
) -> Opened:
    """Open a registry; see the module's table.

    Args:
        target: a path, the URL of a server, or the URL of a database.
        store: where the files of a registry in this process lie: a folder, s3://…, gs://… or az://….
        config: the configuration file, instead of the one that is found.
        token: who asks a server; MODELYARD_TOKEN where it is left out.
        timeout: seconds to wait for a server, or for another writer of the same database.
        actor: who is recorded in the events of a registry in this process; a server knows by itself.

    Raises:
        InvalidRequest: the target is none of these, or an argument makes no sense with it.
        InvalidConfig, RegistryUnusable: the configuration, or the place, is not as it must be.
    """
    named = _text(target) or ("" if config else os.environ.get("MODELYARD_URI", ""))
    file = Path(_text(config)) if config is not None else None
    if is_address(named):
        if store is not None or actor is not None:
            raise InvalidRequest(
                f"{'store' if store is not None else 'actor'} cannot be chosen for a registry on a server",
                hint="leave it out; the server decides it",
            )
        settings = load_from_process(file)
        cache = FileCache(cache_folder(settings), settings["cache.max_bytes"])
        token = os.environ.get("MODELYARD_TOKEN", "") if token is None else token
        return Opened(RemoteCaller(named, token=token, timeout=timeout, cache=cache), settings)
    if token is not None:
        raise InvalidRequest("a token is for a registry on a server", hint="leave it out, or give the server's URL")
    settings = settings_of(named, _text(store), file, timeout)
    return Opened(_embedded(settings, named, printable(actor or "local", "an actor")), settings)


def other_token(target: str | os.PathLike[str]) -> str | None:
    """Return the token for a second registry beside the one that a program works with; None where it is no server.

    MODELYARD_TOKEN was given out by the first one, and is nobody else's business: this is MODELYARD_OTHER_TOKEN.
    """
    return os.environ.get("MODELYARD_OTHER_TOKEN", "") if is_address(_text(target)) else None


def _embedded(settings: Settings, named: str, actor: str) -> Caller:
    # The one late import between rooms: a registry on a server loads no database.
    from modelyard.bootstrap import EmbeddedCaller, open_yard

    address = named or str(settings.registry_folder)
    return EmbeddedCaller(open_yard(settings), address=address, actor=actor, settings=settings)


def settings_of(named: str, store: str = "", file: Path | None = None, timeout: float | None = None) -> Settings:
    """Return the settings of a registry in this process, without opening it; the arguments are those of `connect`."""
    overrides: dict[str, Any] = {"storage.url": store or None, "database.busy_timeout_s": timeout}
    if not named:
        return load_from_process(file, overrides=overrides)
    scheme, found, rest = named.partition("://")
    if not found:
        return _of_folder(Path(named).expanduser(), file, overrides)
    dialect = scheme.lower().partition("+")[0]
    if dialect == "sqlite":
        folder = _sqlite_file(named, rest).parent
        return _of_folder(folder, file, {**overrides, "database.url": named})
    if dialect not in {"postgresql", "postgres"}:
        raise InvalidRequest(f"{shown(scheme)} is no kind of address that a registry has", hint=_HINT)
    settings = load_from_process(file, overrides={**overrides, "database.url": named})
    if not any(name in settings.sources for name in ("registry.path", "storage.url", "storage.s3.bucket")):
        raise InvalidRequest(
            "a registry on a database server needs a place for its files",
            hint="pass store= with a folder, s3://…, gs://… or az://…, or set storage.url",
        )
    return settings


def _of_folder(folder: Path, file: Path | None, overrides: dict[str, Any]) -> Settings:
    if file is None and os.path.realpath(load_from_process().registry_folder) == os.path.realpath(folder):
        return load_from_process(overrides=overrides)
    own = folder / FILE_NAME
    settings = load_from_process(
        file or (own if own.is_file() else None), overrides={**overrides, "registry.path": os.path.realpath(folder)}
    )
    return settings if file else _without_foreign_places(settings, own)


def _without_foreign_places(settings: Settings, own: Path) -> Settings:
    """The settings without the database and the store that they name for another registry."""
    foreign = {
        name
        for name, where in settings.sources.items()
        if (name in _PLACES or name.startswith(_BUCKET))
        and where != "overrides"
        and not where.startswith((f"{own}:", f"{own.absolute()}:"))
    }
    if any(where == "overrides" for name, where in settings.sources.items() if name == "storage.url"):
        foreign.discard("storage.backend")
    return replace(
        settings,
        values={**settings.values, **{name: _DEFAULTS[name] for name in foreign}},
        sources={name: where for name, where in settings.sources.items() if name not in foreign},
    )


def _sqlite_file(named: str, rest: str) -> Path:
    path = rest.partition("?")[0].removeprefix("/")
    if not path or path == ":memory:":
        raise InvalidRequest(
            f"{shown(named)} names no file", hint="write sqlite:///relative.db or sqlite:////absolute.db"
        )
    return Path(path)


def _text(value: object) -> str:
    """A path or a URL as text; empty for None."""
    if value is None:
        return ""
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or "\0" in text or not text.strip():
        raise InvalidRequest(f"{shown(value)} is no path and no URL", hint=_HINT)
    return text
