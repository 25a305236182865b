"""`modelyard register --provider`: versions that run elsewhere, from the command line."""

from __future__ import annotations

import json

import pytest

FLASH = {"kind": "gemini", "model": "gemini-flash", "prompt": "Summarise: {input}"}


@pytest.mark.feature("REG-25")
def test_a_provider_is_given_as_json_or_as_a_file(terminal):
    path = terminal.file("provider.json", json.dumps(FLASH))
    terminal.ok(["register", "--name", "helper", "--version", "1.0.0", "--provider", str(path)])
    terminal.ok(["register", "--name", "helper", "--version", "1.1.0", "--provider", json.dumps(FLASH)])
    for version in ("1.0.0", "1.1.0"):
        assert terminal.json(f"show helper/{version}")["provider"] == FLASH


def test_a_wrong_provider_is_a_usage_error(terminal):
    answer = terminal.run(["register", "--name", "helper", "--provider", json.dumps({**FLASH, "key": "x"})])
    assert answer.code == 2
    assert "api_key_env" in answer.err
