"""The example from end to end: what it shows, that it can be repeated, and what it leaves behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.serving import serving
from modelyard import ModelRegistry

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def story(folder: Path, *arguments: str, example: str = "quickstart.py") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / example), "--quick", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=110)


@pytest.mark.slow
@pytest.mark.feature("API-07", "REG-26", "STG-04", "CMP-01", "RBK-01", "MET-14")
def test_the_example_runs_from_end_to_end_again_and_from_the_start(tmp_path):
    first = story(tmp_path)
    assert first.returncode == 0, first.stderr
    assert "digits/1.0.0 was refused" in first.stdout
    assert "digits/1.1.0 passed" in first.stdout
    assert "paired bootstrap" in first.stdout
    scores = re.findall(r"production scores (\d\.\d+)", first.stdout)
    assert [float(score) > 0.9 for score in scores] == [False, True]
    assert "store: refused" in " ".join(first.stdout.split())
    assert max(map(len, first.stdout.splitlines())) <= 80

    again = story(tmp_path)
    assert again.returncode == 0, again.stderr
    assert "digits/1.4.0 was refused" in again.stdout
    with ModelRegistry(tmp_path / "demo_registry") as registry:
        assert registry.get_model("digits@champion").version == "1.6.0"
        assert registry.get_model("digits", stage="production").version == "1.6.0"
        assert registry.get_model("digits/1.7.0").deprecated
        assert all(not verification.damage for verification in registry.verify())

    anew = story(tmp_path, "--clean", example="model_registry_example.py")
    assert anew.returncode == 0, anew.stderr
    assert "digits/1.0.0 was refused" in anew.stdout


@pytest.mark.slow
@pytest.mark.feature("API-07")
def test_the_example_tells_the_same_story_on_a_server(tmp_path):
    with serving(tmp_path / "served") as url:
        done = story(tmp_path, "--registry-path", url)
    assert done.returncode == 0, done.stderr
    assert "digits@champion is now digits/1.2.0" in done.stdout
    assert not (tmp_path / "demo_registry").exists()


def test_clean_removes_nothing_that_is_no_registry(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("mine")
    done = story(tmp_path, "--clean", "--registry-path", "precious")
    assert done.returncode == 1
    assert "is no registry" in done.stderr
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.feature("DEP-04", "RBK-01", "RBK-05", "RBK-08")
def test_the_example_of_releases_shows_a_good_canary_a_bad_one_and_the_way_back(tmp_path):
    first = story(tmp_path, example="release.py")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1.0.0 is SUCCEEDED" in first.stdout
    told = " ".join(first.stdout.split())
    # Whichever of the two sees it first: the limit that is set, or the judge.
    assert "error_rate is" in told or "it fails more often" in told
    assert "1.0.0 serves again" in first.stdout
    assert max(map(len, first.stdout.splitlines())) <= 80
    with ModelRegistry(tmp_path / "demo_registry") as registry:
        states = [one.state for one in registry.list_deployments("digits-live") if one.strategy == "canary"]
        assert states == ["ROLLED_BACK", "SUCCEEDED"]
