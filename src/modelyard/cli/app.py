"""The commands, by topic; each one's module is imported when it is asked for."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from modelyard._version import __version__
from modelyard.cli.failures import BROKEN_PIPE, explain, warn
from modelyard.cli.session import Session
from modelyard.cli.shape import Group, write_examples, write_options

PROGRAM = "modelyard"

TOPICS: dict[str, dict[str, str]] = {
    "Put in": {
        "register": "publish:register",
        "bulk-register": "bulk:bulk_register",
        "create": "publish:create",
        "next-version": "versioning:next_version",
        "version-from-git": "versioning:version_from_git",
        "version-tag": "versioning:version_tag",
        "import": "importing:import_registry",
        "copy": "copying:copy",
    },
    "Find and take out": {
        "list": "catalog:list_versions",
        "versions": "catalog:versions",
        "search": "catalog:search",
        "show": "catalog:show",
        "describe": "catalog:describe",
        "download": "transfer:download",
        "load": "transfer:load",
        "export": "transfer:export",
    },
    "Change": {
        "update": "lifecycle:update",
        "tag": "lifecycle:tag",
        "rename": "lifecycle:rename",
        "alias": "stages:alias",
        "promote": "stages:promote",
        "archive": "stages:archive",
        "deprecate": "lifecycle:deprecate",
        "delete": "lifecycle:delete",
    },
    "Serve": {
        "deploy": "deploying:deploy",
        "status": "status:status",
        "deployments": "deploying:deployments",
        "deployment": "explaining:deployment",
        "explain": "explaining:explain",
        "pause": "deploying:pause",
        "resume": "deploying:resume",
        "advance": "deploying:advance",
        "abort": "deploying:abort",
        "rollback": "stages:rollback",
        "rollbacks": "snapshots:rollbacks",
        "snapshot": "snapshots:snapshot",
        "endpoints": "endpoints:endpoints",
        "endpoint": "endpoints:endpoint",
        "flag": "endpoints:flag",
        "predict": "predicting:predict",
        "feedback": "abtest:feedback",
        "abtest": "abtest:abtest",
    },
    "Agree": {
        "request": "promotions:request",
        "requests": "promotions:requests",
        "approve": "promotions:approve",
        "reject": "promotions:reject",
        "gates": "promotions:gates",
        "test": "promotions:test",
        "stages": "stage_graph:stages",
    },
    "Judge": {
        "compare": "comparing:compare",
        "metrics": "metrics:metrics",
        "compare-live": "metrics:compare_live",
        "signature": "versioning:signature",
        "changelog": "versioning:changelog",
        "lineage": "lineage:lineage",
        "used-by": "lineage:used_by",
        "lineage-refs": "lineage:lineage_refs",
        "trend": "lineage:trend",
        "history": "analysis:history",
        "events": "events:events",
        "stats": "analysis:stats",
        "as-of": "audit:as_of",
        "audit": "audit:audit",
        "reference": "drift:reference",
        "drift": "drift:drift",
        "alerts": "alerts:alerts",
        "alert": "alerts:alert",
        "monitor": "monitor:monitor",
        "simulate": "simulate:simulate",
        "verify": "analysis:verify",
    },
    "Declare": {
        "plan": "desired:plan",
        "diff": "desired:diff",
        "apply": "desired:apply",
        "dump": "desired:dump",
    },
    "Allow": {
        "user": "principals:user",
        "token": "principals:token",
        "whoami": "principals:whoami",
        "can-i": "principals:can_i",
    },
    "Run": {
        "serve": "serving:serve",
        "webhook": "webhooks:webhook",
        "forwards": "forwards:forwards",
        "monitoring": "monitoring:monitoring",
        "gc": "admin:gc",
        "db": "admin:db",
        "config": "admin:config_group",
    },
}
PLACES = {name: place for commands in TOPICS.values() for name, place in commands.items()}

EXAMPLES = (
    "modelyard register --model-path ./model.joblib --name fraud --metrics '{\"accuracy\": 0.92}'",
    "modelyard list --stage production",
    "modelyard promote fraud/1.0.0 --target-stage staging --requirements ./requirements.json",
    "modelyard deploy fraud 1.0.0 --strategy canary --wait",
    "modelyard --registry http://127.0.0.1:5000 show fraud@champion --output json",
    'eval "$(_MODELYARD_COMPLETE=bash_source modelyard)"   # completion; zsh_source and fish_source too',
)


class App(Group):
    """The program: finds commands by name, and turns whatever happens into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, by topic."""
        return list(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; None if there is no such command."""
        if cmd_name not in PLACES:
            return None
        module, _, attribute = PLACES[cmd_name].partition(":")
        found: click.Command = getattr(import_module(f"modelyard.cli.{module}"), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name, with a suggestion for a misspelled one."""
        if args[0] not in PLACES and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=PLACES, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by topic, then the options."""
        for topic, names in TOPICS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(topic):
                formatter.write_dl([(name, found.get_short_help_str(64)) for name, found in commands if found])
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the examples."""
        write_examples(EXAMPLES, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what nobody reads any more is not worth a word."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # The interpreter would complain when it flushes the stream at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(BROKEN_PIPE) from None
        return result

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run one command line and end the process with its exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        _write_anything()
        session = Session()
        with _warnings_as_notes(session):
            try:
                result = super().main(arguments, PROGRAM, standalone_mode=False, obj=session)
                code = result if isinstance(result, int) else 0
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, it becomes an exit code
                code = explain(error, session, arguments)
            finally:
                _closed(session)
        sys.exit(code)


@click.command(PROGRAM, cls=App)
@click.version_option(__version__, "-V", "--version", message=f"{PROGRAM} %(version)s")
@click.pass_context
def app(ctx: click.Context) -> None:
    """A model registry that also ships the models: register, version, gate, promote, deploy and roll back.

    Without --registry the registry is MODELYARD_URI, else what registry_config.yaml says, else ./model_registry.
    """
    session = ctx.ensure_object(Session)
    if session.verbose:
        level = logging.DEBUG if session.verbose > 1 else logging.INFO
        logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)


def _closed(session: Session) -> None:
    # The answer stands already; a connection that cannot be closed any more must not change it.
    with suppress(Exception):
        session.close()


def _write_anything() -> None:
    """Let no character of a name fail a command: what the terminal's encoding lacks is written as its escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _warnings_as_notes(session: Session) -> Iterator[None]:
    """Print warnings for the user as one line each, without the place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_args, **_facts: warn(str(message), session)
        yield
