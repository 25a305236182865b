"""What the help says of every command, and that what it says is right."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from modelyard.cli.app import EXAMPLES, PLACES, TOPICS, app
from modelyard.cli.session import Session
from modelyard.cli.shape import Command, Group

DOCUMENTED = {
    "register",
    "list",
    "search",
    "export",
    "promote",
    "compare",
    "rollback",
    "bulk-register",
    "monitor",
    "stats",
}
FURTHER = {
    "show",
    "versions",
    "alias",
    "tag",
    "deprecate",
    "archive",
    "delete",
    "download",
    "load",
    "import",
    "gc",
    "db",
    "serve",
}


def commands() -> Iterator[tuple[str, ...]]:
    """Yield the name of each command, and of each command of a group."""
    context = click.Context(app)
    for name in PLACES:
        yield (name,)
        found = app.get_command(context, name)
        if isinstance(found, click.Group):
            yield from ((name, inner) for inner in found.commands)


def command_of(names: tuple[str, ...]) -> Command | Group:
    found: click.Command | None = app
    for name in names:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert isinstance(found, Command | Group)
    return found


def examples() -> Iterator[str]:
    yield from (line for line in EXAMPLES if line.startswith("modelyard"))
    for names in commands():
        yield from command_of(names).examples


@pytest.mark.feature("API-02")
def test_every_command_of_the_documents_is_there():
    assert set(PLACES) >= DOCUMENTED | FURTHER
    assert len(PLACES) == sum(len(names) for names in TOPICS.values())


@pytest.mark.parametrize("names", list(commands()), ids=" ".join)
def test_the_help_of_each_command_has_an_example_that_calls_it(names):
    command = command_of(names)
    called = f"modelyard {' '.join(names)}"
    own = [line for line in command.examples if called in line or line.endswith(" ".join(names))]
    assert own, "no example calls the command"
    answer = CliRunner().invoke(app, [*names, "--help"])
    assert answer.exit_code == 0
    assert "Examples:" in answer.stdout
    assert all(line in answer.stdout for line in command.examples)


@pytest.mark.parametrize("line", list(examples()))
def test_each_example_is_a_line_that_the_command_understands(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in shlex.split(line):
        if word.startswith("./") and "." in word[2:]:
            (tmp_path / word).write_text("{}")
    arguments = shlex.split(line)[1:]
    if ">" in arguments:
        arguments = arguments[: arguments.index(">")]
    context = app.make_context("modelyard", arguments, obj=Session())
    rest = [*context._protected_args, *context.args]
    command: click.Command | None = app
    while isinstance(command, click.Group):
        _name, command, rest = command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(command.name, rest, parent=context, obj=Session())
        rest = [*context._protected_args, *context.args]


@pytest.mark.parametrize("names", list(commands()), ids=" ".join)
def test_each_command_says_what_every_option_of_its_own_does(names):
    options = [param for param in command_of(names).params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_list_of_commands_is_not_cut_off():
    text = CliRunner().invoke(app, ["--help"]).stdout
    assert [line for line in text.splitlines()[1:] if "..." in line] == []
    assert all(topic in text for topic in TOPICS)


def test_no_argument_prints_the_help_and_is_a_usage_error():
    answer = CliRunner().invoke(app, [])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "Put in:" in answer.stderr


@pytest.mark.parametrize(
    ("statement", "allowed", "forbidden"),
    [
        (
            "import sys; sys.argv = ['modelyard', '--version']; from modelyard.cli.main import main; main()",
            set(),
            {"click"},
        ),
        ("import modelyard.cli.app", {"click"}, {"rich", "sqlalchemy", "fastapi", "httpx2"}),
        (
            "from modelyard.cli.app import app\ntry: app(['--help'])\nexcept SystemExit: pass",
            {"click", "msgspec"},
            {"rich", "sqlalchemy", "fastapi", "httpx2", "numpy", "sklearn", "alembic"},
        ),
    ],
    ids=["version", "import", "help"],
)
def test_light_questions_load_no_heavy_package(statement, allowed, forbidden):
    program = f"{statement}\nimport sys; sys.stderr.write('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert allowed <= loaded
    assert loaded & forbidden == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell):
    environment = {**os.environ, "_MODELYARD_COMPLETE": f"{shell}_source"}
    command = [sys.executable, "-m", "modelyard.cli.main"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "_MODELYARD_COMPLETE" in done.stdout
    typed = "bulk" if shell == "fish" else "1"
    asked = {"_MODELYARD_COMPLETE": f"{shell}_complete", "COMP_WORDS": "modelyard bulk", "COMP_CWORD": typed}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **asked})
    assert "bulk-register" in done.stdout
