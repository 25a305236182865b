"""Tests before a promotion: commands of the configuration, outcomes from elsewhere, gates of one's own."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from components.asking import Asking
from components.yards import open_caller, register
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.evidence import Finding
from modelyard.domain.gates import DEFAULT_SUITE
from modelyard.errors import GateRefused, InvalidConfig, InvalidRequest
from modelyard.registry.extensions import GateRequest, TestCommands

CHECK = """
import os, pathlib, sys
files = sorted(path.name for path in pathlib.Path(os.environ["MODELYARD_FILES"]).iterdir())
print(os.environ["MODELYARD_REFERENCE"], os.environ["MODELYARD_SUITE"], files, "MODELYARD_TOKEN" in os.environ)
sys.exit(0 if files == ["model.bin"] else 3)
"""
FAIL = "print('x' * 50_000); print('recall fell'); raise SystemExit(4)"


def commanded(caller: EmbeddedCaller, timeout_s: float = 60.0, **programs: str) -> ModelRegistry:
    """A registry whose suites run small Python programs."""
    commands = {suite: (sys.executable, "-c", program) for suite, program in programs.items()}
    yard = replace(caller.yard, commands=TestCommands(commands=commands, timeout_s=timeout_s, folder="/"))
    object.__setattr__(caller, "yard", yard)
    return Asking(caller)


def runs_of(registry: ModelRegistry) -> list[dict]:
    return [event.data for event in registry.get_history("fraud") if event.type == "version.tested"]


@pytest.mark.feature("STG-15")
def test_the_configured_command_is_run_before_the_move_and_counts_as_its_evidence(caller, monkeypatch):
    monkeypatch.setenv("MODELYARD_TOKEN", "secret")
    register(caller, "fraud")
    registry = commanded(caller, default=CHECK)
    moved = registry.promote_model("fraud/1", "staging", requirements={"tests": True})
    assert moved.verdicts[0].actual[DEFAULT_SUITE] == {
        "passed": True,
        "at": registry.test_results("fraud/1")[0].at,
        "by": "local",
        "exit_code": 0,
    }
    (result,) = registry.test_results("fraud/1")
    assert result.output == "fraud/0.1.0 default ['model.bin'] False"
    # A run of the same files that passed lately is not repeated.
    registry.promote_model("fraud/1", "production", requirements={"tests": True})
    assert len(runs_of(registry)) == 1
    assert registry.run_tests("fraud/1").passed
    assert len(runs_of(registry)) == 2


def test_a_failed_run_refuses_the_move_and_keeps_the_end_of_its_output(caller):
    register(caller, "fraud")
    registry = commanded(caller, default=FAIL)
    with pytest.raises(GateRefused, match="the tests of default failed"):
        registry.promote_model("fraud/1", "staging", requirements={"tests": True})
    (result,) = registry.test_results("fraud/1")
    assert (result.passed, result.exit_code, result.output[-11:]) == (False, 4, "recall fell")
    assert len(result.output) <= 20_000
    # The next attempt runs them again.
    with pytest.raises(GateRefused):
        registry.promote_model("fraud/1", "staging", requirements={"tests": True})
    assert len(runs_of(registry)) == 2


def test_what_outlives_its_time_is_ended_with_its_children(caller, tmp_path: Path):
    note = tmp_path / "child"
    program = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    register(caller, "fraud")
    result = commanded(caller, timeout_s=3.0, default=program).run_tests("fraud/1")
    assert (result.passed, result.exit_code) == (False, None)
    assert "ended after 3 seconds" in result.output
    child = int(note.read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


@pytest.mark.feature("STG-17")
def test_cloud_and_edge_are_both_asked(caller):
    register(caller, "fraud")
    registry = commanded(caller, cloud="pass")
    wanted = {"tests": ["cloud", "edge"]}
    with pytest.raises(GateRefused, match="no tests of edge"):
        registry.promote_model("fraud/1", "staging", requirements=wanted)
    registry.report_tests("fraud/1", "edge", passed=False, output="device 7: wrong answer")
    with pytest.raises(GateRefused, match="the tests of edge failed"):
        registry.promote_model("fraud/1", "staging", requirements=wanted)
    reported = registry.report_tests("fraud/1", "edge", passed=True, seconds=12.5)
    assert (reported.source, reported.seconds) == ("report", 12.5)
    assert registry.promote_model("fraud/1", "staging", requirements=wanted).version.stage == "staging"
    assert [one.suite for one in registry.test_results("fraud/1")] == ["cloud", "edge"]


def test_odd_suites_and_commands_are_refused_or_fail_clearly(caller):
    register(caller, "fraud")
    registry = commanded(caller)
    with pytest.raises(InvalidRequest, match=r"tests\.command|no command") as refused:
        registry.run_tests("fraud/1")
    assert "tests.command" in refused.value.hint
    for suite in ("scan", "signature", "", "a\x00b"):
        with pytest.raises(InvalidRequest):
            registry.report_tests("fraud/1", suite, passed=True)
    yard = replace(caller.yard, commands=TestCommands(commands={"default": ("/no/such/program",)}))
    object.__setattr__(caller, "yard", yard)
    result = registry.run_tests("fraud/1")
    assert (result.passed, result.exit_code) == (False, None)
    assert "cannot be started" in result.output


def test_checking_the_gates_runs_nothing_and_moves_nothing(caller):
    register(caller, "fraud")
    registry = commanded(caller, default="pass")
    report = registry.check_gates("fraud/1", "staging", {"tests": True})
    assert (report.met, report.from_stage, report.target_stage) == (False, "development", "staging")
    assert runs_of(registry) == []


ODD_FINDINGS: dict[Any, Finding] = {
    "numpy": Finding(actual=np.float64(0.5), met=np.bool_(True), reason="fine"),  # type: ignore[arg-type] # noqa: FBT003
    "text": Finding(actual=1, met="no", reason="x"),  # type: ignore[arg-type]
    "nan": Finding(actual=float("nan"), met=True, reason="x"),
    "set": Finding(actual={1}, met=True, reason="x"),
    "mute": Finding(actual=1, met=True, reason=None),  # type: ignore[arg-type]
}


def gap(request: GateRequest) -> Finding | bool:
    if request.wanted == "crash":
        raise RuntimeError("no data")
    if request.wanted == "exit":
        raise SystemExit(0)
    if request.wanted in ODD_FINDINGS:
        return ODD_FINDINGS[request.wanted]
    if request.wanted == "odd":
        return "maybe"  # type: ignore[return-value]
    if request.wanted is True:
        return request.holder is None and request.target_stage == "staging"
    found = request.version.metrics["gap"]
    return Finding(actual=found, met=found <= request.wanted, reason=f"the gap is {found}")


@pytest.mark.parametrize(
    ("wanted", "met", "reason"),
    [
        (0.1, True, "the gap is 0.05"),
        (0.01, False, "the gap is 0.05"),
        (True, True, "agrees"),
        ("crash", False, "RuntimeError: 'no data'"),
        ("exit", False, "SystemExit"),
        ("numpy", True, "fine"),
        ("text", False, "no proper Finding: met is 'no'"),
        ("nan", False, "no proper Finding"),
        ("set", False, "no proper Finding"),
        ("mute", False, "no proper Finding"),
        ("odd", False, "neither a Finding"),
    ],
)
def test_a_gate_of_ones_own(caller, wanted, met, reason):
    register(caller, "fraud", metrics={"gap": 0.05})
    object.__setattr__(caller, "yard", replace(caller.yard, gates={"fairness": gap}))
    (verdict,) = Asking(caller).check_gates("fraud/1", "staging", {"fairness": wanted}).verdicts
    assert (verdict.met, verdict.required) == (met, wanted)
    assert reason in verdict.reason
    # What a gate answers can be written down, whatever it is.
    registry = Asking(caller)
    if met:
        registry.promote_model("fraud/1", "staging", {"fairness": wanted})
    else:
        with pytest.raises(GateRefused):
            registry.promote_model("fraud/1", "staging", {"fairness": wanted})
    assert registry.list_promotions("fraud")[0].verdicts[0].met is met


GATES = """
from modelyard import Finding, GateRequest


def fairness(request: GateRequest) -> Finding:
    found = request.version.metrics.get("fairness_gap", 1.0)
    return Finding(actual=found, met=found <= request.wanted, reason=f"the gap is {found}")


def broken(request):
    raise ImportError("its library is gone")
"""


@pytest.mark.feature("STG-06")
def test_gates_are_found_in_installed_packages(tmp_path, monkeypatch):
    site = tmp_path / "site"
    facts = site / "ourgates-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "ourgates.py").write_text(GATES)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: ourgates\nVersion: 1.0\n")
    points = ["[modelyard.gates]", "fairness = ourgates:fairness", "broken = ourgates:broken", "gone = nowhere:gate"]
    (facts / "entry_points.txt").write_text("\n".join(points))
    monkeypatch.syspath_prepend(str(site))
    with open_caller(tmp_path / "registry") as caller:
        register(caller, "fraud", metrics={"fairness_gap": 0.05})
        registry = Asking(caller)
        wanted = {"fairness": 0.1, "broken": True, "gone": True}
        verdicts = {it.requirement: it for it in registry.check_gates("fraud/1", "staging", wanted).verdicts}
        assert (verdicts["fairness"].met, verdicts["fairness"].reason) == (True, "the gap is 0.05")
        assert "its library is gone" in verdicts["broken"].reason
        assert "ModuleNotFoundError" in verdicts["gone"].reason
        assert registry.promote_model("fraud/1", "staging", {"fairness": 0.1}).version.stage == "staging"


def test_a_gate_that_is_not_installed_any_more_lets_nothing_pass(caller):
    register(caller, "fraud")
    registry = Asking(caller)
    object.__setattr__(caller, "yard", replace(caller.yard, gates={"fairness": gap}))
    rule = {"requirements": {"fairness": True}}
    registry.set_stage_graph({"initial": "development", "moves": {"development": {"staging": rule}, "staging": []}})
    object.__setattr__(caller, "yard", replace(caller.yard, gates={}))
    with pytest.raises(GateRefused, match="not installed"):
        registry.promote_model("fraud/1", "staging")


def test_commands_are_read_from_the_configuration(tmp_path):
    settings: dict[str, Any] = {"tests.timeout_s": 5.0}
    settings["tests.command"] = shlex.join([sys.executable, "-c", "print('a b')"])
    with open_caller(tmp_path / "registry", **settings) as caller:
        register(caller, "fraud")
        assert Asking(caller).run_tests("fraud/1").output == "a b"
    with pytest.raises(InvalidConfig, match="cannot be read"):
        open_caller(tmp_path / "registry", **{"tests.command": "python 'open"})
