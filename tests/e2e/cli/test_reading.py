"""What commands read from files: documents, rows to predict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.cli.options import changes, pairs, parse_json, read_document
from modelyard.cli.predicting import predictions_of, read_rows
from modelyard.errors import InvalidArtifact, InvalidRequest

KEYS = st.text(st.characters(exclude_characters="=", exclude_categories=["Cs"]), min_size=1).filter(
    lambda k: k[-1] != "-"
)


def test_a_document_is_a_text_a_file_or_standard_input(terminal, tmp_path):
    terminal.file("metrics.yaml", "accuracy: 0.9\n")
    terminal.file("model.bin")
    line = "--output json register --model-path model.bin --name fraud --metrics"
    assert terminal.run(f"{line} metrics.yaml").json["metrics"] == {"accuracy": 0.9}
    assert terminal.run(f"{line} -", stdin='{"accuracy": 0.8}').json["metrics"] == {"accuracy": 0.8}
    assert terminal.run(f"{line} ' {{}}'").json["metrics"] == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"\xff\xfe", "not UTF-8"),
        ("a.json", b"", "not valid JSON"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.yaml", b"a: [", "not valid YAML"),
        ("a.json", b'{"a": 1, "a": 2}', "'a' is given twice"),
        ("a.json", b'{"a": Infinity}', "Infinity is no JSON number"),
    ],
)
def test_a_file_that_holds_no_document_is_refused_with_the_reason(name, content, message, tmp_path):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_document(str(file))


def test_a_file_beyond_reason_is_not_read(tmp_path):
    file = tmp_path / "huge.json"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ValueError, match="is larger than"):
        read_document(str(file))


@given(st.dictionaries(KEYS, st.text(), max_size=5), st.lists(KEYS, max_size=3, unique=True))
def test_pairs_and_changes_read_back_what_was_written(given_pairs, removed):
    written = [f"{key}={value}" for key, value in given_pairs.items()]
    assert pairs(written) == given_pairs
    gone = [key for key in removed if key not in given_pairs]
    assert changes([*written, *(f"{key}-" for key in gone)]) == {**given_pairs, **dict.fromkeys(gone)}


@pytest.mark.parametrize("text", ["", "=x", "nonsense"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(click.BadParameter):
        pairs([text])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_json_is_read_as_python_reads_it(value):
    assert parse_json(json.dumps(value), "here") == value


class Model:
    """Adds up each row."""

    def predict(self, rows: Any) -> Any:
        return rows.sum(axis=1)


class Named(Model):
    """Wants its features by name, the other way round."""

    feature_names_in_ = ("b", "a")

    def predict(self, rows: Any) -> Any:
        return rows[:, 0]


class Stream:
    """Answers with what has no `tolist`."""

    def predict(self, rows: Any) -> Any:
        return ("yes", "no") if len(rows) > 1 else "yes"


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("r.json", "[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("r.json", '{"data": [[1, 2]]}', [[1, 2]]),
        ("r.json", '{"inputs": [{"a": 1}]}', [{"a": 1}]),
        ("r.json", '{"a": 1, "b": 2}', [{"a": 1, "b": 2}]),
        ("r.csv", "1,2\n3,4\n\n", [[1.0, 2.0], [3.0, 4.0]]),
        ("r.csv", "a,b\n3,x\n", [{"a": 3.0, "b": "x"}]),
        ("r.csv", "\ufeffa,b\r\n1,2\r\n", [{"a": 1.0, "b": 2.0}]),
    ],
)
def test_rows_come_as_json_or_csv(name, text, rows, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_rows(tmp_path / name) == rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.json", b"[]", "holds no rows"),
        ("r.json", b'"text"', "cannot be read as a file|holds no list"),
        ("r.json", b"{", "not valid JSON"),
        ("r.json", b"[[1, 2], [3]]", "different numbers of values: 1, 2"),
        ("r.csv", b"", "holds no rows"),
        ("r.csv", b"a,b\n", "holds no rows"),
        ("r.csv", b"a,b\n1,2,3\n", "line 2 has 3 values, and the header has 2"),
        ("r.csv", b"1,2\n3\n", "different numbers"),
        ("r.csv", b"\xff\xfe", "cannot be read as CSV"),
    ],
)
def test_what_holds_no_rows_is_refused(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidRequest, match=message):
        read_rows(tmp_path / name)


def models() -> Iterator[tuple[object, list[Any], list[Any]]]:
    yield Model(), [[1, 2], [3, 4]], [3, 7]
    yield Model(), [{"x": 1, "y": 2}], [3]
    yield Named(), [{"a": 1, "b": 2}], [2]
    yield Stream(), [[1], [2]], ["yes", "no"]
    yield Stream(), [[1]], ["yes"]


@pytest.mark.parametrize(("model", "rows", "expected"), list(models()))
def test_predictions_are_plain_values(model, rows, expected):
    assert predictions_of(model, rows) == expected


def test_a_model_that_cannot_predict_these_rows_says_so():
    with pytest.raises(InvalidArtifact, match="has no predict method"):
        predictions_of(object(), [[1]])
    with pytest.raises(InvalidRequest, match="have no 'b'"):
        predictions_of(Named(), [{"a": 1}])
    with pytest.raises(InvalidRequest, match="does not take these rows"):
        predictions_of(Model(), [[[1]], [["x"]]])
