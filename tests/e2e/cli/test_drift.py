"""`reference` and `drift` on the command line, on a folder and on a server."""

from __future__ import annotations

import pytest

from modelyard.domain.profiles import hash_of

pytestmark = pytest.mark.feature("EXP-25")

CSV = "age,city,score,label\n20,Bern,0.1,0\n30,Rom,0.9,1\n,Rom,0.8,1\n"


@pytest.fixture
def trained(terminal):
    """A version, and the data that it was trained on."""
    terminal.register("fraud", "1.0.0", "one")
    (terminal.folder / "train.csv").write_text(CSV)
    return terminal


def test_a_reference_is_set_and_shown(trained):
    file = trained.folder / "train.csv"
    told = trained.ok(f"reference fraud 1.0.0 {file} --predictions score --exclude label").out
    assert told.startswith("fraud 1.0.0: 3 rows of 2 features, 1 output; since 20")
    record = trained.json("reference fraud 1.0.0")
    assert (record["rows"], record["features"], record["outputs"]) == (3, ["age", "city"], ["prediction"])
    assert record["profile"]["inputs"]["city"]["categories"] == {hash_of("Bern"): 1, hash_of("Rom"): 2}, "they are rare"
    assert trained.ok("reference fraud 1.0.0 --quiet").out.strip() == record["digest"]


def test_drift_says_when_there_is_nothing_to_tell(trained):
    assert "there is nothing to compare with" in trained.ok("drift fraud").out
    trained.ok(f"reference fraud 1.0.0 {trained.folder / 'train.csv'}")
    out = trained.ok("drift fraud 1.0.0 --since 7d").out
    assert "no prediction of this time was sampled" in out
    assert "no features to compare" in out
    report = trained.json("drift fraud")
    assert (report["against"], report["drift"], report["rows"]) == ("reference", "not_enough_data", 0)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("drift nobody", 3),
        ("drift fraud 9.9.9", 3),
        ("drift fraud --environment mars", 3),
        ("drift fraud --since yesterday", 2),
        ("drift fraud --against reference", 3),
        ("reference fraud 1.0.0", 3),
        ("reference fraud 1.0.0 nothing.csv", 2),
        ("reference fraud 1.0.0 --exclude label", 2),
        ("reference fraud 1.0.0 train.parquet", 2),
    ],
)
def test_mistakes_end_with_their_exit_codes(trained, line, code):
    answer = trained.run(line)
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err
