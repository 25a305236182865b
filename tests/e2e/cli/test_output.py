"""How answers look: valid JSON and YAML, tables that fit, names that a terminal must not obey."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from modelyard.cli.text import number, pairs, safe
from modelyard.domain.wire import (
    ComparisonRecord,
    EventRecord,
    LineageGraph,
    LineageRef,
    LineageUse,
    ModelRecord,
    PromotionRecord,
    Stats,
    TrendRecord,
    VersionRecord,
)
from modelyard.domain.wording import counted, size

READS = {
    "list": list[VersionRecord],
    "list --models": list[ModelRecord],
    "versions fraud": list[VersionRecord],
    "search fraud": list[VersionRecord],
    "show fraud/1.0.0": VersionRecord,
    "describe fraud": ModelRecord,
    "compare fraud/1.0.0 fraud/1.1.0": ComparisonRecord,
    "lineage fraud/1.1.0": LineageGraph,
    "trend fraud --metric accuracy": TrendRecord,
    "lineage-refs": list[LineageRef],
    "used-by dataset payments --all": list[LineageUse],
    "history fraud": list[EventRecord],
    "stats": Stats,
    "promote fraud/1.0.0 --target-stage production": PromotionRecord,
    "alias fraud": list[dict[str, str]],
    "tag fraud/1.0.0": dict[str, str],
    "verify": list[dict[str, object]],
}


@pytest.mark.feature("API-08")
@pytest.mark.parametrize(("line", "kind"), READS.items(), ids=READS)
def test_json_and_yaml_hold_the_records_themselves(line, kind, steady):
    answer = steady.ok(f"--output json {line}")
    msgspec.convert(answer.json, kind)
    assert yaml.safe_load(steady.ok(f"--output yaml {line}").out) == answer.json
    assert answer.err == ""


@pytest.mark.parametrize("line", [*READS, "db status", "config show --all", "monitor --once", "gc --dry-run", "--help"])
def test_tables_fit_eighty_columns_and_have_no_colours_and_no_blanks_at_the_end(line, steady):
    if steady.kind == "url" and line.startswith(("db", "config")):
        pytest.skip("not for a server")
    lines = steady.ok(line).out.splitlines()
    assert [text for text in lines if "\x1b" in text or text != text.rstrip()] == []
    if not line.startswith(("history", "monitor", "config", "--help")):
        assert [text for text in lines if len(text) > 80] == []


NASTY = ["Zürich 東京 🚀", "a\u202eb", "[bold]not markup[/bold] :rocket:", "line\nbreak\ttab", "\u2028separator"]


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_what_people_typed_is_printed_and_not_obeyed(text, terminal):
    terminal.ok(["create", "fraud", "--description", text])
    terminal.ok(["register", "--name", "fraud", "--version", "1.0.0", "--description", text, "--tag", f"note={text}"])
    for line in ("describe fraud", "show fraud/1.0.0", "list --models", "list", "tag fraud/1.0.0", "search fraud"):
        out = terminal.ok(line).out
        assert not set(out) & set("\x1b\x07\u202e")
    assert terminal.ok("tag fraud/1.0.0").out.replace("\n      ", "\n") == f"note  {safe(text, lines=True)}\n"
    assert terminal.json("describe fraud")["description"] == text


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x07bell", "\x9b31m", "a\u202eb", "bad\udcff"], ids=ascii)
def test_an_error_that_repeats_what_was_typed_is_not_obeyed_either(text, steady):
    for line in (["show", text], ["show", f"fraud/{text}"], ["show", "fraud", text], [text], ["list", f"--{text}"]):
        answer = steady.run(line)
        assert answer.code in {2, 3}
        assert not set(answer.err) & set("\x1b\x07\x9b\u202e")


def test_names_of_any_language_are_found_again(terminal):
    terminal.ok(["register", "--name", "Betrug-ß-東京", "--version", "1.0.0"])
    assert "Betrug-ß-東京/1.0.0" in terminal.ok("list").out
    assert terminal.run(["show", "bad\udcff"]).code == 2


def test_a_long_table_is_cut_at_a_hundred_rows_and_says_so(local):
    entries = ", ".join(f'{{"name": "m{n:03}", "version": "1.0.0"}}' for n in range(103))
    local.ok(["bulk-register", str(local.file("plan.json", f"[{entries}]"))])
    answer = local.ok("list")
    assert answer.out.count("/1.0.0") == 100
    assert answer.err == "the first 100; --limit shows more, --output json all\n"
    assert len(local.json("list")) == 103
    assert local.ok("list --limit 102").out.count("/1.0.0") == 102
    assert local.ok("list --models").err == answer.err
    assert local.ok("list --quiet").err == ""


def test_quiet_prints_what_was_asked_for_and_nothing_else(steady):
    assert steady.ok("show fraud/1.0.0 --quiet").out.startswith("version")
    assert steady.ok("promote fraud/1.0.0 --target-stage production --quiet").out == ""
    assert steady.ok("verify --quiet").out == ""


def on_a_terminal(arguments: list[str], folder: Path, **variables: str) -> str:
    """Run the program with a terminal of 80 columns as its standard output; return what the terminal got."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **variables}
    command = [sys.executable, "-m", "modelyard.cli.main", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, cwd=folder, env=environment) as program:
        os.close(theirs)
        pieces = []
        while select.select([ours], [], [], 60)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            pieces.append(piece)
        assert program.wait(60) == 0
    os.close(ours)
    return b"".join(pieces).decode()


@pytest.mark.parametrize("no_colour", [False, True])
def test_colours_are_for_terminals_that_want_them(no_colour, local):
    local.register("fraud", "1.0.0", more="--stage staging")
    variables = {"NO_COLOR": "1"} if no_colour else {}
    said = on_a_terminal(["--registry", local.target, "list"], local.folder, **variables)
    assert "fraud/1.0.0" in said
    assert ("\x1b[33m" in said) is not no_colour


def test_a_question_is_asked_on_a_terminal_and_a_live_screen_is_drawn(local):
    local.register("fraud", "1.0.0")
    said = on_a_terminal(["--registry", local.target, "monitor", "--count", "2", "--interval", "0.01"], local.folder)
    assert "version.registered" in said
    assert "{" not in said


@given(st.text())
def test_safe_text_never_holds_what_a_terminal_obeys(text):
    made = safe(text)
    assert all(character.isprintable() or character == "\xa0" or not character.isascii() for character in made)
    assert "\n" not in made
    made.encode()


@given(st.integers(0, 10**17))
def test_sizes_are_short(count):
    assert len(size(count)) <= 10


def test_small_texts():
    assert [size(n) for n in (0, 999, 1000, 1_234_567)] == ["0 B", "999 B", "1.0 kB", "1.2 MB"]
    assert size(None) == ""
    assert (number(0.123456789), number(1e-9), number(None)) == ("0.123457", "1e-09", "")
    assert pairs({"a": 0.5, "b": "x"}) == "a=0.5, b=x"
    assert (counted(1, "file"), counted(2000, "file")) == ("1 file", "2,000 files")
