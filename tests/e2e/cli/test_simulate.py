"""`simulate`: a table and sentences for people, JSON for programs, and errors that say what to write."""

from __future__ import annotations

import pytest

import modelyard

pytestmark = pytest.mark.feature("EXP-22")
FEW = "--runs 5 --requests 2000"


def test_people_get_a_table_and_sentences(terminal):
    out = terminal.ok(f"simulate --traffic 500/min --error-rate 0.5% {FEW}").out
    assert "NEW VERSION" in out
    assert "errors x5" in out
    assert "no change: rolled back in" in out
    assert "Only errors were simulated" in out


def test_programs_get_json_and_the_same_seed_gives_the_same(terminal):
    line = f"simulate --error-rate 1% --effect 'errors 100%' --effect 'no change' {FEW} --seed 4"
    found = terminal.json(line)
    assert found == terminal.json(line)
    assert [row["effect"] for row in found["effects"]] == ["errors 100%", "no change"]
    assert found["effects"][0]["rolled_back"] == 1.0
    assert found["effects"][0]["requests"] <= 12
    assert found["per_minute"] == 500.0


def test_latency_tokens_steps_and_proof_are_simulated_where_they_are_described(terminal):
    line = (
        "simulate --traffic 20/s --p50 80ms --p99 400ms --tokens 200 --steps 10,50% --step-seconds 20 "
        "--require-proof 2 --alpha 1% --slo-error-rate 20% --runs 2 --requests 3000"
    )
    found = terminal.json(line)
    effects = {row["effect"]: row for row in found["effects"]}
    assert {"latency +20%", "latency +100%", "tokens +50%"} < set(effects)
    assert effects["latency +100%"]["rolled_back"] == 1.0
    assert (found["alpha"], found["proof_ratio"], found["steps"]) == (0.01, 2.0, [0.1, 0.5, 1.0])
    assert "Only errors" not in terminal.ok(line).out


def test_users_who_stay_with_their_version_are_simulated(terminal):
    assert terminal.json(f"simulate --sticky 500 --troubled 10% --drift 2 {FEW}")["effects"]


def test_no_registry_is_needed(terminal, tmp_path):
    assert terminal.run(["--registry", str(tmp_path / "nowhere"), "simulate", *FEW.split()]).code == 0
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("--traffic fast", "500/min"),
        ("--error-rate 5", "0.5%"),
        ("--p50 80", "80ms"),
        ("--p50 80ms --p99 80ms", "give both"),
        ("--p99 80ms", "give both"),
        ("--p50 soon", "80ms"),
        ("--tokens 0", "0.001"),
        ("--weight 100%", "such as 10"),
        ("--weight 10% --steps 10", "leave --weight or --steps out"),
        ("--steps 10,x", "10, 50, 100"),
        ("--steps 50,10", "10, 50, 100"),
        ("--step-seconds 0 --steps 10", "10m"),
        ("--alpha 0.9", "alpha"),
        ("--judge off", "leave --judge out"),
        ("--metrics errors,cost", "errors"),
        ("--effect 'cost x2'", "errors x2"),
        ("--effect 'latency +20%'", "80ms"),
        ("--error-rate 0 --effect 'errors x2'", "errors 1%"),
        ("--requests 0", "100,000,000"),
        ("--sticky 2000000", "1,000,000"),
        ("--drift 0", "0.001"),
        ("--require-proof 1", "1.01"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_what_to_write(terminal, options, hint):
    answer = terminal.run(f"simulate {options}")
    assert answer.code == 2, answer.out
    assert hint in answer.err


def test_the_function_takes_numbers_and_texts_and_tells_its_progress():
    told: list[int] = []
    found = modelyard.simulate(
        traffic=500, error_rate=0.02, steps=[10, 50], step_seconds="1m", effects=["errors x9"], runs=3, alpha=0.01,
        progress=told.append,
    )  # fmt: skip
    assert told == [1, 1, 1]
    assert isinstance(found, modelyard.Simulation)
    assert found.steps == [0.1, 0.5, 1.0]
    assert found.step_seconds == 60.0
    assert found.alpha == 0.01


def test_a_bound_of_time_ends_it_early_but_every_effect_is_simulated_once():
    found = modelyard.simulate(runs=100_000, seconds=0.0)
    assert [row.runs for row in found.effects] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": 0},
        {"runs": 2.5},
        {"runs": True},
        {"sticky": -1},
        {"requests": "9"},
        {"colour": "red"},
        {"tokens": "x"},
        {"metrics": 5},
        {"effects": [3]},
        {"effects": "errors x2"},
        {"seconds": "x"},
        {"steps": [0]},
        {"traffic": None},
    ],
)
def test_wrong_arguments_of_the_function_are_our_errors(wrong):
    with pytest.raises(modelyard.InvalidRequest):
        modelyard.simulate(**wrong)
