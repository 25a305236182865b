"""Bodies and answers of the three protocols as rows of features."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.features import MOST_ROWS, PROTOCOLS, answers_of, flat, rows_of, spread
from modelyard.domain.profiles import MOST_FEATURES, Profile, check_profile
from modelyard.runtimes.backend import CHAT, INFER, PREDICT

pytestmark = pytest.mark.feature("EXP-25")

LONG = "a text of more than forty characters, which is a lot"


def rows(body: Any, protocol: str = PREDICT) -> list[dict[str, object]]:
    """The rows of a body."""
    return rows_of(protocol, json.dumps(body).encode())


def answers(output: Any, protocol: str = PREDICT) -> list[dict[str, object]]:
    """The rows of an answer."""
    return answers_of(protocol, json.dumps(output).encode())


def tensor(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    """A tensor of the Open Inference Protocol."""
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


def test_every_protocol_of_the_back_ends_is_understood():
    assert {PREDICT, INFER, CHAT} == PROTOCOLS


@pytest.mark.parametrize(
    "body",
    [
        {"input": [{"age": 1, "city": "Bern"}, {"age": 2, "city": "Rom"}]},
        {"inputs": {"age": [1, 2], "city": ["Bern", "Rom"]}},
        {"instances": {"columns": ["age", "city"], "data": [[1, "Bern"], [2, "Rom"]]}},
        {"dataframe_split": {"columns": ["age", "city"], "data": [[1, "Bern"], [2, "Rom"]]}},
        {"dataframe_records": [{"age": 1, "city": "Bern"}, {"age": 2, "city": "Rom"}], "parameters": {"a": 1}},
        {"columns": ["age", "city"], "data": [[1, "Bern"], [2, "Rom"]]},
        [{"age": 1, "city": "Bern"}, {"age": 2, "city": "Rom"}],
    ],
)
def test_the_same_rows_in_every_form_are_the_same_features(body):
    assert rows(body) == [{"age": 1, "city": "Bern"}, {"age": 2, "city": "Rom"}]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": [[1, 2], [3, 4]]}, [{"[0]": 1, "[1]": 2}, {"[0]": 3, "[1]": 4}]),
        ({"input": [1, 2]}, [{"[0]": 1, "[1]": 2}]),
        ({"input": ["yes", "no"]}, [{"[0]": "yes"}, {"[0]": "no"}]),
        ({"input": 7}, [{"[0]": 7}]),
        ({"input": {"age": 1, "tags": [5, 6]}}, [{"age": 1, "tags[0]": 5, "tags[1]": 6}]),
        ({"input": {"a": {"b": {"c": 1}}}}, [{"a.b.c": 1}]),
        ({"input": [[[1, 2]], [[3, 4]]]}, [{"[0][0]": 1, "[0][1]": 2}, {"[0][0]": 3, "[0][1]": 4}]),
        ({"input": LONG}, [{"[0]": LONG, "[0].characters": len(LONG)}]),
        ({"input": [{"a": 1}, 5]}, [{"a": 1}, {"[0]": 5}]),
        ({"input": []}, []),
        ({"input": {"columns": ["a"], "data": ["x"]}}, []),
        ({"nothing": 1}, []),
        (7, []),
    ],
)
def test_other_forms_have_features_too(body, expected):
    assert rows(body) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([tensor("x", [2, 2], [1, 2, 3, 4])], [{"[0]": 1, "[1]": 2}, {"[0]": 3, "[1]": 4}]),
        ([tensor("x", [2, 2], [[1, 2], [3, 4]])], [{"[0]": 1, "[1]": 2}, {"[0]": 3, "[1]": 4}]),
        ([tensor("x", [2], [1, 2])], [{"[0]": 1}, {"[0]": 2}]),
        ([tensor("x", [2, 1], [[1], [2]])], [{"[0]": 1}, {"[0]": 2}]),
        ([tensor("x", [2, 1], [1, 2])], [{"[0]": 1}, {"[0]": 2}]),
        ([tensor("a", [2, 1], [1, 2]), tensor("b", [2, 2], [3, 4, 5, 6])],
         [{"a": 1, "b[0]": 3, "b[1]": 4}, {"a": 2, "b[0]": 5, "b[1]": 6}]),
        ([tensor("x", [2, 3], [1])], []),
        ([tensor("x", [0, 0], [])], []),
        ([tensor("x", [-1], [])], []),
        ([{"name": "x", "shape": [1]}, 5], []),
        ("nonsense", []),
    ],
)  # fmt: skip
def test_tensors_are_rows_by_their_first_dimension(inputs, expected):
    assert rows({"inputs": inputs}, INFER) == expected


def test_outputs_are_called_predictions_unless_they_have_names():
    assert answers([0, 1]) == [{"prediction": 0}, {"prediction": 1}]
    assert answers([[0.2, 0.8]]) == [{"prediction[0]": 0.2, "prediction[1]": 0.8}]
    assert answers("spam") == [{"prediction": "spam"}]
    assert answers({"label": ["a", "b"], "score": [1, 2]}) == [{"label": "a", "score": 1}, {"label": "b", "score": 2}]
    assert answers([{"label": "a"}]) == [{"label": "a"}]
    assert answers({"outputs": [tensor("y", [2], [1, 2])]}, INFER) == [{"prediction": 1}, {"prediction": 2}]
    assert answers({"outputs": [tensor("y", [1, 2], [1, 2])]}, INFER) == [{"prediction[0]": 1, "prediction[1]": 2}]
    two = {"outputs": [tensor("label", [1], ["a"]), tensor("score", [1], [0.5])]}
    assert answers(two, INFER) == [{"label": "a", "score": 0.5}]


def test_of_a_chat_only_numbers_are_taken():
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "user", "content": [{"type": "text", "text": "you"}, {"type": "image_url"}, "!"]},
        {"role": "assistant"},
        "nonsense",
    ]
    body = {"model": "m", "messages": messages, "temperature": 0.5, "max_tokens": "many", "tools": [1]}
    assert rows(body, CHAT) == [{"messages": 4, "characters": 9, "tools": 1, "temperature": 0.5}]
    choice = {"message": {"content": "Good day"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    told = {"characters": 8, "finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 2}
    assert answers({"choices": [choice, 7], "usage": usage}, CHAT) == [told]
    assert answers({"choices": [{"finish_reason": 5}]}, CHAT) == [{"characters": 0, "finish_reason": None}]
    others: list[Any] = [{"messages": "x"}, [], {"choices": 5}]
    for nonsense in others:
        assert rows(nonsense, CHAT) == answers(nonsense, CHAT) == []


def test_many_rows_are_thinned_evenly_and_wide_ones_cut():
    taken = rows({"input": [[number] for number in range(1000)]})
    assert [row["[0]"] for row in taken] == list(range(0, 1000, 1000 // MOST_ROWS))
    assert len(rows({"input": [list(range(5000))]})[0]) == MOST_FEATURES
    assert len(rows({"input": {str(number): number for number in range(5000)}})[0]) == MOST_FEATURES
    assert spread([1, 2, 3], 3) == [1, 2, 3]


def test_what_lies_too_deep_is_one_value():
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    (row,) = rows({"input": {"a": deep}})
    assert list(row) == ["a[0][0][0][0]"]
    assert flat("x", "name") == {"name": "x"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"NaN", b'{"input": [NaN]}', b'"\\ud800"', b"[" * 100_000, b"1e999", b"null"]
)
@pytest.mark.parametrize("protocol", [*sorted(PROTOCOLS), "other"])
def test_what_is_no_json_or_of_no_known_protocol_never_raises(body, protocol):
    assert isinstance(rows_of(protocol, body), list)
    assert isinstance(answers_of(protocol, body), list)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["a", "columns", "data", "shape", "content", "text", "\x00"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(VALUES, st.sampled_from(["input", "inputs", "messages", "choices", "outputs", "columns"]))
def test_any_json_at_all_becomes_a_sound_profile(value, key):
    body = json.dumps({key: value, "data": value, "usage": value}).encode()
    made = Profile()
    for protocol in PROTOCOLS:
        made.add(rows_of(protocol, body), answers_of(protocol, body))
    if made.rows or made.answers:
        check_profile(made.to_document(rare=5))
