"""What a version was made from is read from whatever people wrote, and reading never fails."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.checks import check_json
from modelyard.domain.inputs import LONGEST, MOST, check_kind, commit_of, input_name, inputs_of, prefix_end
from modelyard.domain.metadata import check_fields
from modelyard.errors import InvalidMetadata, InvalidRequest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["dataset", "datasets", "name", "source", "version", "features", "feature_set", "from", "train", "Päyments", ""]
    ) | st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def datasets(lineage: object) -> list[str]:
    return [name for kind, name in inputs_of({"data_lineage": lineage}).found if kind == "dataset"]


@pytest.mark.feature("LIN-02", "LIN-03", "LIN-04", "LIN-05")
def test_the_fields_of_a_document_name_their_inputs():
    document = {
        "training_data": "payments",
        "data_version": "2026-03",
        "feature_version": "fs-7",
        "code_version": "4f2a91c+dirty",
        "training_run_id": "run-9",
    }
    assert inputs_of(document).found == {
        ("dataset", "payments"): {},
        ("dataset", "2026-03"): {},
        ("feature", "fs-7"): {},
        ("code", "4f2a91c"): {"state": "uncommitted changes"},
        ("run", "run-9"): {},
    }
    assert inputs_of({}).found == {}


@pytest.mark.feature("LIN-03")
@pytest.mark.parametrize(
    ("lineage", "names"),
    [
        ({"dataset": "scans_v2", "training_date": "2024-01-15", "preprocessing": "normalised"}, ["scans_v2"]),
        ({"dataset": "payments-2026-03", "source": "s3://lake/p", "version": 4}, ["payments-2026-03@4"]),
        ({"dataset": "payments v4", "version": 4}, ["payments v4"]),
        ({"dataset": "payments-2026-03", "version": "2026-03"}, ["payments-2026-03"]),
        ({"dataset": "payments-2026-03", "version": 3}, ["payments-2026-03@3"]),
        ({"Dataset-Name": "payments", "revision": "r1"}, ["payments@r1"]),
        ({"source": "s3://lake/p"}, ["s3://lake/p"]),
        ({"path": "a.csv", "dataset": None}, ["a.csv"]),
        ({"datasets": ["a", {"name": "b", "version": 2.5}, 3, None, True, []]}, ["a", "b@2.5", "3"]),
        ({"datasets": {"a": 3, "b": {"version": 1}, "c": {"rows": 9}, "d": ["e"], "f": None}},
         ["a@3", "b@1", "c", "e", "f"]),
        ({"train": "p1", "test": {"dataset": "p2"}, "holdout": {"uri": "s3://p3"}}, ["p1", "p2", "s3://p3"]),
        ({"payments": {"version": 3, "rows": 10}, "remark": {"by": "ana"}}, ["payments@3"]),
        ({"steps": [{"dataset": "x"}, "not a dataset", {"dataset": {"name": "y"}}]}, ["x", "y"]),
        ({"dataset": {"name": "z", "source": "s3://z", "version": 1}, "source": "git"}, ["git", "z@1"]),
        ({"dataset": "twice", "data": "twice"}, ["twice"]),
        (["no mapping"], []),
        ("no mapping", []),
    ],
)  # fmt: skip
def test_entries_of_data_lineage_name_datasets(lineage, names):
    assert datasets(lineage) == names


def test_where_data_lies_and_its_version_are_kept():
    found = inputs_of({"data_lineage": {"dataset": "payments", "source": "s3://lake/p", "version": 4}}).found
    assert found == {("dataset", "payments@4"): {"source": "s3://lake/p", "version": "4"}}
    told_twice = {"datasets": [{"name": "a", "source": "s3://1"}, {"name": "a", "source": "s3://2"}]}
    assert inputs_of({"data_lineage": told_twice}).found == {("dataset", "a"): {"source": "s3://1"}}


@pytest.mark.feature("LIN-06")
@pytest.mark.parametrize(
    ("lineage", "derived"),
    [
        ({"dataset": "p", "features": ["age", "income"]}, [("age", "p"), ("income", "p")]),
        ({"datasets": ["p", "q"], "feature_version": "fs-7"}, [("fs-7", "p"), ("fs-7", "q")]),
        ({"dataset": "p", "features": {"name": "fs", "version": 2}}, [("fs@2", "p")]),
        ({"datasets": ["p", "q"], "features": {"fs": {"from": "q"}, "gs": {"version": 1}, "hs": "int64"}},
         [("fs", "q"), ("gs@1", "p"), ("gs@1", "q"), ("hs", "p"), ("hs", "q")]),
        ({"features": {"feature_set": "fs", "derived_from": ["p", {"name": "q", "version": 3}]}},
         [("fs", "p"), ("fs", "q@3")]),
        ({"features": "fs"}, []),
    ],
)  # fmt: skip
def test_features_come_from_the_data_that_their_entry_names(lineage, derived):
    assert list(inputs_of({"data_lineage": lineage}).derived) == derived


def test_a_text_that_is_json_is_read_as_such():
    assert list(inputs_of({"data_version": '{"dataset": "p", "version": 3}'}).found) == [("dataset", "p@3")]
    assert list(inputs_of({"feature_version": '["a", "b"]'}).found) == [("feature", "a"), ("feature", "b")]
    for text in ("[broken", "{" * 100_000):
        assert list(inputs_of({"data_version": text}).found) == [("dataset", input_name(text))]


@pytest.mark.parametrize(
    ("code", "commit", "dirty"),
    [
        ("4f2a91c", "4f2a91c", False),
        ("4f2a91c-dirty", "4f2a91c", True),
        ("v1.2-3-gabc.dirty", "v1.2-3-gabc", True),
        ("4f2a91c (dirty)", "4f2a91c", True),
        ("4f2a91c*", "4f2a91c", True),
        ("dirty", "dirty", False),
        ("*", "*", False),
    ],
)
def test_code_is_named_by_its_commit(code, commit, dirty):
    assert commit_of(code) == (commit, dirty)


@given(VALUES, VALUES)
def test_no_value_breaks_the_reading(value, text):
    try:
        document = check_fields({"data_lineage": check_json("data_lineage", {"x": value, "datasets": value})})
        document |= check_fields({"data_version": text, "feature_version": text, "code_version": value})
    except InvalidMetadata:
        document = {"data_lineage": {"x": value, "dataset": value}, "data_version": text}
    found = inputs_of(document)
    assert all(name == input_name(name) and 0 < len(name) <= LONGEST for _kind, name in found.found)
    assert all(("feature", one) in found.found and ("dataset", two) in found.found for one, two in found.derived)
    assert inputs_of(json.loads(json.dumps(document))) == found


def test_a_version_names_a_bounded_number_of_inputs_down_to_a_bounded_depth():
    assert len(datasets({"datasets": [f"d{number}" for number in range(MOST + 100)]})) == MOST
    for key in ("datasets", "features", "x"):
        deep: object = {"dataset": "deep", "features": ["deep"]}
        for _ in range(60):
            deep = {key: deep}
        assert inputs_of({"data_lineage": deep}).found == {}
    nested: object = "deep"
    for _ in range(60):
        nested = [nested]
    assert inputs_of({"data_lineage": {"datasets": nested, "features": nested}}).found == {}


def test_names_are_stored_as_they_are_looked_up():
    assert input_name("  two \n blanks ") == "two blanks"
    assert input_name("e\u0301") == "\u00e9"
    assert input_name("a\x00b\u202e\ud800") == "a\ufffdb\ufffd\ufffd"
    assert (input_name(3), input_name(2.5), input_name(None)) == ("3", "2.5", "")
    assert [input_name(value) for value in (True, 10**5000)] == ["", ""]
    long = [input_name("x" * 300 + end) for end in ("a", "b")]
    assert long[0] != long[1]
    assert all(len(name) <= LONGEST and name.startswith("x" * 200) for name in long)
    assert input_name(long[0]) == long[0]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.text(max_size=5))
def test_the_end_of_a_beginning_follows_all_that_begin_so(prefix, rest):
    end = prefix_end(prefix)
    assert prefix <= prefix + input_name(rest) < end
    assert end > prefix
    if prefix and ord(prefix[-1]) < 0x10FFFF:
        assert not prefix_end(prefix).startswith(prefix)


def test_the_end_of_a_beginning_is_a_text_that_can_be_stored():
    assert prefix_end("a\ud7ff") == "a\ue000"
    assert prefix_end("a\U0010ffff") == "b"
    assert prefix_end("") > "\U0010ffff" * LONGEST


def test_kinds_have_some_other_names():
    words = ("dataset", "Datasets", "data", "feature", "features", "commit", "code", "training run", "runs")
    assert {check_kind(word) for word in words} == {"dataset", "feature", "code", "run"}
    with pytest.raises(InvalidRequest, match="of the kind 'cat'") as refusal:
        check_kind("cat")
    assert "dataset, feature" in refusal.value.hint
