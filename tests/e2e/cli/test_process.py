"""The program as people start it: real processes, signals, pipes."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from components.serving import serving

PROJECT = Path(__file__).resolve().parents[3]
PROGRAM = [str(Path(sys.executable).parent / "modelyard")]
SCRIPT = [sys.executable, str(PROJECT / "scripts" / "manage_models.py")]


def run(arguments: list[str], folder: Path, program: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*(program or PROGRAM), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.feature("API-02")
@pytest.mark.parametrize("program", [PROGRAM, SCRIPT], ids=["modelyard", "scripts/manage_models.py"])
def test_the_program_has_two_names(program, tmp_path):
    (tmp_path / "model.joblib").write_text("weights")
    line = "register --model-path ./model.joblib --name fraud_detector --version 1.0.0 --metrics '{\"accuracy\": 0.92}'"
    assert run(shlex.split(line), tmp_path, program).returncode == 0
    assert "fraud_detector/1.0.0" in run(["list"], tmp_path, program).stdout
    assert run(["show", "nope"], tmp_path, program).returncode == 3


@pytest.mark.feature("API-02")
@pytest.mark.parametrize("line", ["monitor --interval 60", "serve --port 0"])
def test_an_interrupt_ends_a_running_command_without_a_word(line, tmp_path):
    run(["create", "fraud"], tmp_path)
    with subprocess.Popen(
        [*PROGRAM, *line.split()], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        program.send_signal(signal.SIGINT)
        said, complaint = program.communicate(timeout=60)
    # Being interrupted is how a server ends when all is well.
    assert program.returncode == (130 if line.startswith("monitor") else 0)
    assert (said, complaint.strip()) == ("", "")


@pytest.mark.parametrize("buffered", [False, True])
def test_nobody_reading_the_output_is_no_reason_to_complain(buffered, tmp_path):
    entries = ", ".join(f'{{"name": "m{n:03}", "version": "1.0.0", "description": "{"x" * 500}"}}' for n in range(300))
    (tmp_path / "plan.json").write_text(f"[{entries}]")
    assert run(["bulk-register", "plan.json", "--quiet"], tmp_path).returncode == 0
    with subprocess.Popen(
        [*PROGRAM, "--output", "json", "list"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"},
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.read(10)
        program.stdout.close()
        complaint = program.stderr.read()
    assert program.returncode == 141
    assert complaint == b""


def test_an_output_that_cannot_hold_a_character_gets_its_escape(tmp_path):
    run(["create", "東京"], tmp_path)
    done = subprocess.run(
        [*PROGRAM, "list", "--models"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert rb"\u6771\u4eac" in done.stdout


def test_a_full_disk_below_the_output_is_a_failure(tmp_path):
    run(["create", "fraud"], tmp_path)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "list"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.feature("API-01", "API-02")
def test_a_served_registry_and_its_folder_tell_the_same(tmp_path):
    (tmp_path / "model.bin").write_text("weights")
    run(["register", "--model-path", "model.bin", "--name", "fraud", "--version", "1.0.0"], tmp_path)
    with serving(tmp_path / "model_registry") as url:
        for line in ("show fraud/1.0.0 --output json", "history fraud", "verify"):
            here = run(shlex.split(line), tmp_path).stdout
            there = run(["--registry", url, *shlex.split(line)], tmp_path).stdout
            folder = f"{tmp_path}/model_registry/"
            assert here.replace(folder, "") == there.replace(folder, "")
        status = "from urllib.request import urlopen; import sys; sys.exit(urlopen(sys.argv[1]).status != 200)"
        assert run(["-c", status, f"{url}/health/ready"], tmp_path, [sys.executable]).returncode == 0


def test_serve_prints_its_address_alone_with_quiet_and_takes_a_token_of_json(tmp_path):
    for options, expected in (("--quiet", "http://127.0.0.1:"), ("--output json", "{")):
        line = f"serve --port 0 --home home {options}".split()
        with subprocess.Popen([*PROGRAM, *line], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            said = program.stdout.readline()
            program.terminate()
            assert program.wait(60) == 0
        assert said.startswith(expected)


def test_a_port_in_use_is_named(tmp_path):
    run(["create", "fraud"], tmp_path)
    with serving(tmp_path / "model_registry") as url:
        done = run(["serve", "--port", url.rpartition(":")[2]], tmp_path)
    assert done.returncode == 2
    assert "in use" in done.stderr


def cost(command: list[str]) -> float:
    """Return the seconds of processor time that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_version_costs_little_more_than_the_interpreter():
    program = PROGRAM[0]
    bare, versions = [], []
    for _ in range(15):
        bare.append(cost([sys.executable, "-c", "pass"]))
        versions.append(cost([program, "--version"]))
    assert statistics.median(versions) <= 2.5 * statistics.median(bare)


def test_the_version_is_the_packages(tmp_path):
    assert run(["--version"], tmp_path).stdout == run(["-V"], tmp_path).stdout
    assert run(["list", "--version"], tmp_path).returncode == 2
