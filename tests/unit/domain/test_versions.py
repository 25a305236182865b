"""Semantic versions and ranges: the standard's own examples, npm's semantics, and laws that hold for all versions."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.versions import (
    PARTS,
    SemVer,
    SemVerRange,
    latest,
    looks_like_range,
    next_version,
    precedence_key,
)
from modelyard.errors import InvalidRequest, InvalidVersion

# The pattern that semver.org suggests.
STANDARD = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?",
    re.ASCII,
)
NUMBERS = st.one_of(st.integers(0, 12), st.integers(0, 10**18 - 1))
WORDS = st.from_regex(r"[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,4}", fullmatch=True)
PRERELEASES = st.lists(st.one_of(NUMBERS, WORDS), max_size=4).map(tuple)
BUILDS = st.lists(st.from_regex(r"[0-9A-Za-z-]{1,5}", fullmatch=True), max_size=3).map(tuple)
VERSIONS = st.builds(SemVer, NUMBERS, NUMBERS, NUMBERS, PRERELEASES, BUILDS)
NEARBY = st.builds(SemVer, *[st.integers(0, 2)] * 3, st.sampled_from([(), (0,), ("rc", 1)]))


def version(text):
    return SemVer.parse(text)


@pytest.mark.feature("VER-01", "VER-02")
def test_a_version_is_read_into_its_parts():
    assert version("1.2.3-rc.1.x-y+build.007") == SemVer(1, 2, 3, ("rc", 1, "x-y"))
    assert version("1.2.3-rc.1.x-y+build.007").build == ("build", "007")
    assert version("1.0.0-0a.-").prerelease == ("0a", "-")
    assert not version("1.0.0+rc").is_prerelease
    assert version("1.0.0-rc").is_prerelease


@given(VERSIONS)
def test_a_version_reads_back_from_its_text(value):
    again = version(value.text)
    assert (again, again.build) == (value, value.build)
    assert str(again) == value.text
    assert STANDARD.fullmatch(value.text)


@given(st.text("0123456789.-+axv \n٣", max_size=14))
def test_exactly_the_texts_of_the_standard_are_versions(text):
    if STANDARD.fullmatch(text):
        assert version(text).text == text
    else:
        with pytest.raises(InvalidVersion, match="semantic version"):
            version(text)


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("", "has 0", "look like"),
        ("1" * 251, "has 251", "look like"),
        ("1.2", "'1.2' has 2 parts", "write 1.2.0$"),
        ("7", "has 1 parts", "write 7.0.0$"),
        ("1.2.3.4", "has 4 parts", "look like"),
        ("v1.2.3", "'v1' is not a number", "write 1.2.3$"),
        ("V1.2-rc", "'V1' is not a number", "write 1.2.0-rc$"),
        (" 1.2.3\n", "' 1' is not a number", "write 1.2.3$"),
        ("1.02.3", "'02' has a leading zero", "write 1.2.3$"),
        ("1..3", "'' is not a number", "write 1.0.3$"),
        ("1.2.x", "'x' is not a number", "look like"),
        ("1.2.³", "'³' is not a number", "look like"),
        ("1.2.-3", "'' is not a number", "write 1.2.0-3$"),
        ("1.2.3-", "a part of its prerelease is empty", "look like"),
        ("1.2.3-rc..1", "a part of its prerelease is empty", "look like"),
        ("1.2.3-rc.01", "'01' has a leading zero", "look like"),
        ("1.2.3-r_c", "'r_c' cannot be a part of its prerelease", "look like"),
        ("1.2.3+", "a part of its build metadata is empty", "look like"),
        ("1.2.3+a+b", "'a\\+b' cannot be a part of its build metadata", "look like"),
        ("1.2." + "9" * 19, "more than 18 digits", "look like"),
        ("1.2.3-" + "9" * 19, "more than 18 digits", "look like"),
        ("latest", "'latest' is not a number", "look like"),
    ],
)
def test_a_text_that_is_no_version_is_refused_with_reason_and_remedy(text, reason, hint):
    with pytest.raises(InvalidVersion, match=reason) as caught:
        version(text)
    assert re.search(hint, caught.value.hint)


@pytest.mark.parametrize("read", [SemVer.parse, SemVerRange.parse])
@pytest.mark.parametrize("value", [None, 1, 1.2, b"1.2.3", ["1.2.3"]])
def test_a_wrong_type_is_refused_by_its_name(read, value):
    with pytest.raises(InvalidVersion, match=f"of type {type(value).__name__}"):
        read(value)


@pytest.mark.feature("VER-03")
def test_precedence_is_that_of_the_standards_examples():
    below = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    above = ["1.0.0", "1.0.1", "1.9.0", "1.10.0", "1.11.0", "2.0.0", "2.1.0", "2.1.1", "10.0.0"]
    ascending = [f"1.0.0-{prerelease}" for prerelease in below] + above
    versions = [version(text) for text in ascending]
    descending = list(reversed(versions))
    assert sorted(descending) == versions
    assert all(one < two and two > one and one <= two and one != two for one, two in pairwise(versions))
    keys = [precedence_key(one) for one in versions]
    assert sorted(set(keys)) == keys


def test_build_metadata_does_not_count():
    one, two = version("1.0.0+a"), version("1.0.0+b")
    assert one == two
    assert hash(one) == hash(two)
    assert not one < two
    assert precedence_key(one) == precedence_key(two)
    assert one.text != two.text


def test_a_version_compares_with_versions_only():
    assert version("1.0.0") != "1.0.0"
    with pytest.raises(TypeError):
        assert version("1.0.0") < "2.0.0"


@given(VERSIONS, VERSIONS)
def test_the_key_orders_as_precedence_does(one, two):
    first, second = precedence_key(one), precedence_key(two)
    assert (first.encode("ascii") < second.encode("ascii")) == (one < two)
    assert (first == second) == (one == two)
    assert (one == two) <= (hash(one) == hash(two))


# Words that begin alike, with what the key itself is made of.
ALIKE = st.lists(st.sampled_from([0, 1, 10, "a", "a-", "a0", "a0a1", "a1a", "-", "-a"]), max_size=3).map(tuple)


@given(ALIKE, ALIKE)
def test_the_key_orders_prereleases_of_one_release(one, two):
    versions = [SemVer(1, 0, 0, one), SemVer(1, 0, 0, two)]
    assert sorted(versions) == sorted(versions, key=precedence_key)
    assert (precedence_key(versions[0]) == precedence_key(versions[1])) == (one == two)


@pytest.mark.parametrize("unit", ["1.", "a.", "-."])
def test_the_key_of_the_longest_version_fits_its_column(unit):
    text = "1.0.0-" + (unit * 122)[:-1]
    assert len(text) in range(249, 251)
    assert len(precedence_key(version(text))) <= 450


@pytest.mark.feature("VER-04")
@pytest.mark.parametrize(
    ("text", "major", "minor", "patch"),
    [
        ("1.2.3", "2.0.0", "1.3.0", "1.2.4"),
        ("0.0.0", "1.0.0", "0.1.0", "0.0.1"),
        ("1.2.3-rc.1+x", "2.0.0", "1.3.0", "1.2.3"),
        ("1.2.0-rc.1", "2.0.0", "1.2.0", "1.2.0"),
        ("2.0.0-rc.1", "2.0.0", "2.0.0", "2.0.0"),
        ("1.2.3+x", "2.0.0", "1.3.0", "1.2.4"),
    ],
)
def test_bump(text, major, minor, patch):
    assert [version(text).bump(part).text for part in PARTS] == [major, minor, patch]


@given(VERSIONS, st.sampled_from(PARTS))
def test_a_bumped_version_is_a_higher_release(value, part):
    try:
        bumped = value.bump(part)
    except InvalidVersion:
        assert 10**18 - 1 in (value.major, value.minor, value.patch)
        return
    assert bumped > value
    assert not bumped.is_prerelease
    assert not bumped.build


@pytest.mark.parametrize("part", ["build", "PATCH", "", None, 1, ["patch"]])
def test_bump_knows_three_parts(part):
    with pytest.raises(InvalidRequest, match="no part of a version"):
        version("1.0.0").bump(part)


@pytest.mark.feature("VER-06")
def test_versions_of_one_major_number_are_compatible():
    assert version("1.0.0").is_compatible(version("1.1.0-rc.1"))
    assert version("0.1.0").is_compatible(version("0.9.0"))
    assert not version("1.9.9").is_compatible(version("2.0.0"))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("^1.4", "1.4.0 1.4.9 1.99.0", "1.3.9 2.0.0 1.4.0-rc.1 2.0.0-0 1.9.0-rc.1"),
        ("^1.4.2-rc.1", "1.4.2-rc.1 1.4.2-rc.2 1.4.2 1.5.0", "1.4.2-beta 1.4.3-rc.1 2.0.0-0 2.0.0"),
        ("^0.3.1", "0.3.1 0.3.9", "0.3.0 0.4.0 1.0.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.0", "1.0.0"),
        ("~1.4", "1.4.0 1.4.9", "1.3.9 1.5.0"),
        ("~1.4.2", "1.4.2 1.4.9", "1.4.1 1.5.0 1.5.0-0"),
        ("~1", "1.0.0 1.9.0", "2.0.0 0.9.0"),
        (">=1,<2", "1.0.0 1.9.9", "0.9.9 2.0.0 2.0.0-0"),
        (">=1 <2", "1.0.0 1.9.9", "0.9.9 2.0.0"),
        (">= 1.2.3-a , < 1.2.3", "1.2.3-a 1.2.3-z", "1.2.3 1.2.2-b"),
        (">1.4", "1.5.0 2.0.0", "1.4.9"),
        (">1.4.2", "1.4.3", "1.4.2 1.4.2+b"),
        ("<=1.4", "1.4.9 0.0.0", "1.5.0 1.5.0-0"),
        ("<=1.4.2", "1.4.2", "1.4.3"),
        ("<=1 >=2.0.0-a", "", "2.0.0-b"),
        ("<1.4", "1.3.9", "1.4.0 1.4.0-0"),
        ("1.x", "1.0.0 1.9.0", "2.0.0 0.9.0"),
        ("1.*", "1.0.0 1.9.0", "2.0.0"),
        ("1", "1.0.0 1.9.0", "2.0.0"),
        ("1.4", "1.4.0 1.4.9", "1.5.0"),
        ("=1.4.X", "1.4.0 1.4.9", "1.5.0"),
        ("*", "0.0.0 9.9.9", "1.0.0-rc.1"),
        (">=*", "0.0.0", "1.0.0-rc.1"),
        ("<*", "", "0.0.0 0.0.0-0"),
        ("1.4.2", "1.4.2 1.4.2+b", "1.4.3 1.4.2-rc.1"),
        ("1.2 - 1.4", "1.2.0 1.4.9", "1.1.9 1.5.0"),
        ("^1.4 || ~3.1.0|| 5.0.0-rc.1", "1.5.0 3.1.9 5.0.0-rc.1", "2.0.0 3.2.0 5.0.0"),
    ],
)
def test_ranges_hold_what_npm_says(text, inside, outside):
    within = SemVerRange.parse(text)
    assert [one for one in inside.split() if not within.contains(version(one))] == []
    assert [one for one in outside.split() if within.contains(version(one))] == []
    assert str(within) == " ".join(text.split())
    assert SemVerRange.parse(str(within)) == within


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 0"),
        ("  ", "has 0"),
        ("1 ||" + " " * 250, "1 to 250"),
        (">=1,", "a comparator is missing"),
        ("1 ||", "a comparator is missing"),
        (">=1 <", "'<' is not a comparator"),
        ("!=1", "'!=1' is not a comparator"),
        (">=>=1", "is not a comparator"),
        ("1.2.3.4", "more than 3 parts"),
        ("1.x.3", "a number after a wildcard"),
        ("^v1", "'v1' is not a number"),
        ("^01", "leading zero"),
        ("1.2-rc", "a prerelease or build without"),
        ("1.x+b", "a prerelease or build without"),
        ("^1.2.3-", "prerelease is empty"),
        ("^1.2.3+", "build metadata is empty"),
        ("^" + "9" * 19, "more than 18 digits"),
        ("production", "is not a number"),
    ],
)
def test_a_text_that_is_no_range_is_refused_with_the_reason(text, reason):
    with pytest.raises(InvalidVersion, match=reason):
        SemVerRange.parse(text)


@given(NEARBY, NEARBY)
def test_comparators_agree_with_the_order(bound, value):
    for sign, holds in {"=": value == bound, ">": value > bound, "<=": value <= bound}.items():
        named = not value.is_prerelease or (bound.is_prerelease and bound.bump("patch") == value.bump("patch"))
        assert SemVerRange.parse(f"{sign}{bound}").contains(value) == (holds and named)


@given(VERSIONS)
def test_a_version_is_in_its_own_ranges(value):
    for sign in ("", "=", "^", "~", ">=", "<="):
        assert SemVerRange.parse(f"{sign}{value}").contains(value)
    for sign in ("<", ">"):
        assert not SemVerRange.parse(f"{sign}{value}").contains(value)


@given(st.text("0123456789.xX*^~<>=|, -+a", max_size=12))
def test_any_text_is_a_range_or_refused(text):
    try:
        within = SemVerRange.parse(text)
    except InvalidVersion:
        return
    assert SemVerRange.parse(within.text) == within


@pytest.mark.parametrize("text", ["^1.4", "~1", ">=1,<2", "< 2", "=1.0.0", "1.4", "3", "1.x", "*", "x", "X.x", " ^1"])
def test_texts_with_the_shape_of_a_range(text):
    assert looks_like_range(text)


@pytest.mark.parametrize("text", ["1.0.0 || 2.0.0", "production || 1", "1.2.3.4", ">=", "^"])
def test_the_shape_is_told_right_or_wrong(text):
    assert looks_like_range(text)


@pytest.mark.parametrize(
    "text", ["", "1.4.2", "1.4.2-rc.1+b", "production", "latest", "xgboost", "x-1", "@champion", "v1"]
)
def test_other_texts_are_no_ranges(text):
    assert not looks_like_range(text)


@pytest.mark.feature("VER-07")
@given(st.lists(VERSIONS, max_size=8))
def test_the_latest_is_the_highest(versions):
    highest = latest(versions)
    assert (highest is None) == (not versions)
    assert all(one <= highest for one in versions)


@pytest.mark.feature("VER-08")
def test_the_next_version():
    assert next_version([]).text == "0.1.0"
    assert next_version(map(version, ["1.2.9", "1.10.0+b", "1.9.0"])).text == "1.10.1"
    assert next_version([version("1.0.0"), version("2.0.0-rc.1")]).text == "2.0.0"
    assert next_version([version("0.0.0")]).text == "0.0.1"
