"""The test runner of the documentation runs real tests and writes what came out."""

from __future__ import annotations

import json

import pytest

from scripts import run_model_registry_tests as runner

TESTS = "import pytest\ndef test_good(): pass\ndef test_bad(): assert False\ndef test_later(): pytest.skip()\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Point the runner at a small project of its own."""
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "bench").mkdir()
    monkeypatch.setattr(runner, "PROJECT", tmp_path)
    return tmp_path


@pytest.mark.feature("API-06")
def test_counts_and_failures_are_written_as_json(project, capfd):
    (project / "tests" / "unit" / "test_it.py").write_text(TESTS, encoding="utf-8")
    output = project / "out" / "results.json"
    assert runner.main(["--test-type", "unit", "--output", str(output)]) == 1
    document = json.loads(output.read_text(encoding="utf-8"))
    group = document["groups"]["unit"]
    assert document["outcome"] == group["outcome"] == "failed"
    assert (group["tests"], group["passed"], group["failed"], group["skipped"]) == (3, 1, 1, 1)
    assert group["failures"] == ["tests.unit.test_it::test_bad"]
    assert group["seconds"] > 0
    assert "unit         failed" in capfd.readouterr().out


@pytest.mark.feature("API-06")
def test_benchmarks_run_in_their_short_mode(project):
    (project / "bench" / "fast.py").write_text("import sys\nassert sys.argv[1:] == ['--quick']\n", encoding="utf-8")
    assert runner.run_group("performance")["outcome"] == "passed"
    (project / "bench" / "slow.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    assert runner.run_group("performance")["programs"] == {"fast": "passed", "slow": "failed"}


@pytest.mark.feature("API-06")
def test_all_groups_are_run_and_empty_ones_are_skipped(project):
    (project / "tests" / "unit" / "test_it.py").write_text("def test_good(): pass\n", encoding="utf-8")
    output = project / "results.json"
    assert runner.main(["--output", str(output)]) == 0
    groups = json.loads(output.read_text(encoding="utf-8"))["groups"]
    assert {name: group["outcome"] for name, group in groups.items()} == {
        "unit": "passed",
        "functional": "skipped",
        "performance": "skipped",
    }


def test_an_unknown_kind_is_a_usage_error():
    with pytest.raises(SystemExit) as stopped:
        runner.main(["--test-type", "magic"])
    assert stopped.value.code == 2
