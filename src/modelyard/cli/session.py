"""What the commands of one run share: the options that every command takes, the registry, and the ways to speak.

What was asked for goes to standard output; notes, questions, progress and errors go to standard error, so that output
can be piped. With `--output json` or `yaml` standard output holds the records and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec

from modelyard.cli.lazy import tables
from modelyard.cli.text import safe
from modelyard.client.address import is_address
from modelyard.config import Settings, database_url, load_from_process
from modelyard.errors import InvalidRequest, NotFound
from modelyard.facade.caller import Caller
from modelyard.facade.opening import connect, settings_of
from modelyard.facade.registry import ModelRegistry

SQLITE = "sqlite:///"


@dataclass(kw_only=True)
class Session:
    """One run of the program; the fields are the options of every command, by their names."""

    registry: str = ""
    store: str = ""
    config: str = ""
    output: str = "table"
    yes: bool = False
    quiet: bool = False
    verbose: int = 0
    debug: bool = False
    _registry: ModelRegistry | None = None
    _opened: list[Caller | ModelRegistry] = field(default_factory=list)

    @property
    def target(self) -> str:
        """The path or URL that was asked for; empty where the configuration decides."""
        return self.registry or ("" if self.config else os.environ.get("MODELYARD_URI", ""))

    @property
    def is_remote(self) -> bool:
        """Whether the registry is a server."""
        return is_address(self.target)

    def settings(self) -> Settings:
        """Read the settings of a registry in this process.

        Raises:
            InvalidRequest: the registry is a server.
        """
        if self.is_remote:
            raise InvalidRequest(f"{self.target} is a server; this command works where its registry lies")
        return settings_of(self.target, self.store, Path(self.config) if self.config else None, None)

    def settings_of_present(self) -> Settings:
        """Read the settings of a registry in this process that must be there; errors as in `open`."""
        settings = self.settings()
        self._refuse_missing()
        return settings

    def settings_of_home(self, home: str) -> Settings:
        """Read the settings with this folder as the registry's; a database that the environment names still counts."""
        overrides = {"registry.path": home, "storage.url": self.store or None}
        return load_from_process(self.config or None, overrides=overrides)

    def caller(self) -> Caller:
        """Open what runs single operations of the registry, for commands that need more than its methods offer."""
        self._refuse_missing()
        caller = connect(self.registry or None, store=self.store or None, config=self.config or None).caller
        self._opened.append(caller)
        return caller

    def open(self, *, make: bool = False) -> ModelRegistry:
        """Open the registry, once.

        Args:
            make: the command writes, so that a registry which does not exist yet is made.

        Raises:
            NotFound: there is no registry in this folder, and the command only reads.
        """
        if self._registry is None:
            if not make:
                self._refuse_missing()
            registry = ModelRegistry(self.registry or None, store=self.store or None, config=self.config or None)
            self._registry = registry
            self._opened.append(registry)
        return self._registry

    def open_if_there(self) -> ModelRegistry | None:
        """Open the registry for a dry run; None where there is none yet, which such a run must not make."""
        return None if self._missing_folder() else self.open()

    def close(self) -> None:
        """Close what was opened."""
        while self._opened:
            self._opened.pop().close()

    def emit(self, data: Any, table: Callable[[], tables.Printable]) -> None:
        """Print a command's answer: as JSON or YAML, or as the table that is made only where it is wanted."""
        if self.output in {"json", "yaml"}:
            write(self.serialised(data))
        else:
            tables.render(table())

    def serialised(self, data: Any) -> str:
        """Return an answer as the YAML, or else the JSON, that `emit` prints; without the last line end."""
        if self.output != "yaml":
            return msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=2).decode()
        import yaml  # noqa: PLC0415  # only this branch pays for the import

        plain = msgspec.to_builtins(data, enc_hook=str)
        return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)).rstrip("\n")

    def say(self, data: Any, sentence: str, *, bare: str = "") -> None:
        """Print what a command did: the record, or a sentence, or with `--quiet` only the `bare` text if any."""
        if self.output != "table":
            self.emit(data, tables.nothing)
        elif not self.quiet:
            write(safe(sentence, lines=True))
        elif bare:
            write(safe(bare))

    def note(self, sentence: str) -> None:
        """Tell the person something that is not part of the answer."""
        if not self.quiet:
            click.echo(safe(sentence), err=True)

    def confirm(self, loss: str, question: str) -> None:
        """Say what will be lost, and ask.

        Raises:
            InvalidRequest: nobody can answer, and `--yes` was not given.
            click.Abort: the answer was no.
        """
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise InvalidRequest(loss, hint="nobody is here to ask; repeat with --yes if that is what you want")
        click.confirm(safe(f"{loss} {question}"), abort=True, err=True)

    def _missing_folder(self) -> Path | None:
        """Return the folder that holds no registry yet, if that is what the registry's address says."""
        if self.is_remote:
            return None
        url = database_url(self.settings())
        file = Path(url.removeprefix(SQLITE))
        return file.parent if url.startswith(SQLITE) and not file.exists() else None

    def _refuse_missing(self) -> None:
        folder = self._missing_folder()
        if folder is not None:
            raise NotFound(
                f"there is no registry in {folder}",
                hint="`modelyard create MODEL` and `modelyard register` make one; --registry names another place",
            )


pass_session = click.make_pass_decorator(Session)


def write(text: str) -> None:
    """Print a text on standard output, with a line end."""
    sys.stdout.write(text)
    # Without a buffer a text can be written in part when its reader goes away; only the next write tells.
    sys.stdout.write("\n")


def write_json_line(data: Any) -> None:
    """Print a record as JSON in one line, at once."""
    write(msgspec.json.encode(data, enc_hook=str).decode())
    sys.stdout.flush()
