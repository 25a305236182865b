"""`copy`: a version to another model, and to another registry."""

from __future__ import annotations

import pytest


@pytest.fixture
def original(terminal):
    """A version with an alias."""
    file = terminal.file("model.bin", "weights")
    made = terminal.json(f"register --model-path {file} --name fraud --version 1.0.0 --label beta")
    terminal.ok("alias fraud champion 1.0.0")
    return made


@pytest.mark.feature("EXP-28")
def test_a_copy_to_another_model_says_what_it_made_and_what_was_there(terminal, original):
    assert terminal.ok("copy fraud@champion --to fraud-eu").out.startswith(
        "copied fraud/1.0.0 to fraud-eu/1.0.0 (blake3"
    )
    assert terminal.ok("copy fraud@champion --to fraud-eu").out.startswith("already there: fraud-eu/1.0.0 (blake3")
    made = terminal.json("copy fraud/1 --to fraud-eu --version 2.0.0 --with-aliases")
    assert (made["copied"], made["version"]["digest"]) == (True, original["digest"])
    assert terminal.json("show fraud-eu@champion")["version"] == "2.0.0"


@pytest.mark.feature("EXP-28")
def test_a_copy_to_another_registry_has_the_same_digest(terminal, original):
    other = terminal.folder / "other"
    identifier = terminal.ok(f"--quiet copy fraud/1 --to-registry {other} --as candidate").out.strip()
    shown = terminal.json(f"show candidate --registry {other}")
    assert (shown["id"], shown["digest"], shown["label"]) == (identifier, original["digest"], "beta")
    taken = terminal.run(f"copy fraud/1 --to-registry {other} --as candidate --version wrong")
    assert taken.code == 2


@pytest.mark.parametrize("words", ["", "--to a --to-registry b", "--to a --as b"])
def test_a_copy_is_told_one_place_to_go(terminal, original, words):
    assert terminal.run(f"copy fraud/1 {words}").code == 2
