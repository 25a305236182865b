"""What a copy takes along, and when it is there already."""

from __future__ import annotations

import pytest

from modelyard.domain.copying import check_same, fields_of, is_copy_of
from modelyard.domain.wire import VersionRecord
from modelyard.errors import VersionExists


def version(**fields) -> VersionRecord:
    """A version with some of its fields."""
    return VersionRecord(
        **{"id": "mv_1", "name": "fraud", "number": 1, "version": "1.0.0", "stage": "staging", "digest": "d", **fields}
    )


def test_a_copy_takes_along_what_is_recorded_and_says_where_it_comes_from():
    fields = fields_of(version(label="beta", tags={"a": "1"}, extra={"note": "kept"}, aliases=["champion"]))
    assert fields == {
        "tags": {"a": "1"},
        "status": "beta",
        "allow_breaking": "copied from fraud/1.0.0",
        "extra": {
            "note": "kept",
            "copied_from": {"model": "fraud", "number": 1, "version": "1.0.0", "version_id": "mv_1", "digest": "d"},
        },
    }


def test_a_reason_that_the_original_brings_is_kept():
    assert fields_of(version(allow_breaking="agreed"))["allow_breaking"] == "agreed"


def test_a_copy_names_what_it_was_made_from_and_not_what_that_was_made_from():
    copy = version(id="mv_2", extra=fields_of(version())["extra"])
    assert is_copy_of(copy.extra, "mv_1")
    assert is_copy_of(fields_of(copy)["extra"], "mv_2")
    assert not is_copy_of(fields_of(copy)["extra"], "mv_1")
    assert not is_copy_of({"copied_from": "elsewhere"}, "mv_1")


def test_other_content_under_the_same_number_is_refused():
    check_same("fraud", "1.0.0", version(), version(id="mv_2"))
    with pytest.raises(VersionExists, match=r"fraud-eu/1\.0\.0 is there with other content than fraud/1\.0\.0"):
        check_same("fraud-eu", "1.0.0", version(), version(digest="e"))


def test_two_versions_without_files_are_the_same_only_where_one_is_the_copy_of_the_other():
    original = version(digest="")
    check_same("fraud-eu", "1.0.0", original, version(id="mv_2", digest="", extra=fields_of(original)["extra"]))
    with pytest.raises(VersionExists):
        check_same("fraud-eu", "1.0.0", original, version(id="mv_2", digest=""))
