"""`modelyard monitoring export`: the files for Prometheus and Grafana come out of the package as they are shipped."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.prometheus import SHIPPED
from modelyard.cli.app import app
from modelyard.watch.exposition import COUNTER, METRICS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "watch-with-prometheus.md"
FILES = [
    "alertmanager.yml",
    "grafana/model.json",
    "grafana/overview.json",
    "grafana/release.json",
    "modelyard.rules.yml",
    "prometheus.yml",
]


def export(folder: Path, *more: str) -> tuple[int, str, str]:
    """Run the command; gives its exit code and what it printed."""
    answer = CliRunner().invoke(app, ["monitoring", "export", str(folder), *more])
    return answer.exit_code, answer.stdout, answer.stderr


@pytest.mark.feature("OBS-01", "OBS-02")
def test_the_files_are_written_as_they_are_shipped(tmp_path):
    code, out, _ = export(tmp_path / "new" / "monitoring", "--output", "json")
    assert (code, json.loads(out)["files"]) == (0, FILES)
    for name in FILES:
        assert (tmp_path / "new" / "monitoring" / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_a_file_that_was_changed_is_replaced_only_when_asked_to(tmp_path):
    assert export(tmp_path)[1] == f"wrote 6 files to {tmp_path}\n"
    assert export(tmp_path)[0] == 0, "what did not change is no loss"
    (tmp_path / "prometheus.yml").write_text("mine")
    code, _, error = export(tmp_path)
    assert (code, (tmp_path / "prometheus.yml").read_text()) == (2, "mine")
    assert "prometheus.yml" in error
    assert export(tmp_path, "--yes", "--quiet")[:2] == (0, f"{tmp_path}\n")
    assert (tmp_path / "prometheus.yml").read_bytes() == (SHIPPED / "prometheus.yml").read_bytes()


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    code, _, error = export(tmp_path / "file")
    assert code == 2
    assert "cannot be written" in error


@pytest.mark.feature("OBS-01")
def test_the_page_names_every_metric_with_its_labels_and_no_other():
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    told = {
        name: set(labels.replace(",", "").split()) for names, labels in rows for name in re.findall(r"`(\w+)`", names)
    }
    ours = {f"{one.name}_total" if one.kind == COUNTER else one.name: set(one.labels) for one in METRICS}
    assert told.keys() == ours.keys()
    # A line about several metrics tells the labels of all of them.
    assert all(labels <= told[name] for name, labels in ours.items())


def test_the_commands_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 2
    for line in lines:
        answer = CliRunner().invoke(app, shlex.split(line)[1:])
        assert answer.exit_code == 0, answer.stderr
