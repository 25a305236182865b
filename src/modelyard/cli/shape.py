"""What every command has in common: the shared options, before or after its name, and examples in its help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from modelyard.cli.session import Session

Function = Callable[..., Any]


class SharedOption(click.Option):
    """An option of every command; its value goes to the session and not to the command."""


class Command(click.Command):
    """A command with examples, each a whole line that could be typed."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), outputs: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params += shared_options(outputs)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then those of every command."""
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the examples."""
        write_examples(self.examples, formatter)


class Group(click.Group):
    """A command that has commands of its own, such as `db`."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params += shared_options()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the examples."""
        write_examples(self.examples, formatter)


def command(name: str, *examples: str, outputs: Sequence[str] = ()) -> Callable[[Function], Command]:
    """Make a function a command of this name, with the examples that its help shows.

    Args:
        name: the command.
        examples: whole lines that could be typed.
        outputs: forms of the answer that only this command knows, besides those of every command.
    """
    return click.command(name, cls=Command, examples=examples, outputs=outputs)


def shared_options(outputs: Sequence[str] = ()) -> list[click.Parameter]:
    """Return the options that every command takes; `outputs` are further forms of the answer."""
    return [
        _shared(
            "-r", "--registry", metavar="PATH|URL", help="Registry to use: a folder, a server's or a database's URL."
        ),
        _shared("--store", metavar="URL", help="Place of the model files, where the database is given by its URL."),
        _shared("--config", metavar="FILE", help="Configuration file to read."),
        _shared(
            "-o",
            "--output",
            type=click.Choice(["table", "json", "yaml", *outputs], case_sensitive=False),
            help="Form of the answer.",
        ),
        _shared("-y", "--yes", is_flag=True, help="Answer every question with yes."),
        _shared("-q", "--quiet", is_flag=True, help="Print only what was asked for."),
        _shared("-v", "--verbose", count=True, help="Log what happens; twice for more."),
        _shared("--debug", is_flag=True, help="Show the stack trace of an error."),
    ]


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of a command in two sections: its own, and those of every command."""
    own = [param for param in command.get_params(ctx) if not isinstance(param, SharedOption)]
    shared = [param for param in command.get_params(ctx) if isinstance(param, SharedOption)]
    for title, params in (("Options", own), ("Options of every command", shared)):
        records = [param.get_help_record(ctx) for param in params if isinstance(param, click.Option)]
        rows = [record for record in records if record is not None]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write example lines as they are: a wrapped command could not be copied."""
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _shared(*names: str, **facts: Any) -> SharedOption:
    return SharedOption(names, expose_value=False, callback=_remember, **facts)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # An option that was not given must not take back the one that stood before the command's name.
    if value and param.name:
        setattr(ctx.ensure_object(Session), param.name, value)
