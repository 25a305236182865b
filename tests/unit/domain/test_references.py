"""References: each form of the table, their canonical text, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.ids import new_version_id
from modelyard.domain.names import model_name
from modelyard.domain.references import Reference
from modelyard.domain.versions import SemVer
from modelyard.errors import InvalidName, InvalidReference

ID = new_version_id(1469918176385, bytes(range(10)))
DIGEST = "0123456789abcdef" * 4

FORMS = [
    ("fraud", "latest", "latest", "fraud/latest"),
    ("fraud/latest", "latest", "latest", "fraud/latest"),
    ("fraud/LATEST", "latest", "latest", "fraud/latest"),
    ("fraud@Latest", "latest", "latest", "fraud/latest"),
    ("fraud@champion", "alias", "champion", "fraud@champion"),
    ("fraud@Champion-2", "alias", "Champion-2", "fraud@Champion-2"),
    ("fraud/3", "number", "3", "fraud/3"),
    ("fraud/1.4.2", "version", "1.4.2", "fraud/1.4.2"),
    ("fraud/1.4.2-rc.1+b.01", "version", "1.4.2-rc.1+b.01", "fraud/1.4.2-rc.1+b.01"),
    ("fraud/^1.4", "range", "^1.4", "fraud/^1.4"),
    ("fraud/1.4", "range", "1.4", "fraud/1.4"),
    ("fraud/1.x", "range", "1.x", "fraud/1.x"),
    ("fraud/*", "range", "*", "fraud/*"),
    ("fraud/>=1,  <2 ||\t3", "range", ">=1, <2 || 3", "fraud/>=1, <2 || 3"),
    ("fraud/Production", "stage", "production", "fraud/production"),
    ("fraud/None", "stage", "none", "fraud/none"),
    ("fraud/pre-prod_2", "stage", "pre-prod_2", "fraud/pre-prod_2"),
    (f"fraud/{ID}", "id", ID, f"fraud/{ID}"),
    (f"fraud/sha256:{DIGEST}", "digest", f"sha256:{DIGEST}", f"fraud/sha256:{DIGEST}"),
]


@pytest.mark.parametrize("prefix", ["", "models:/"])
@pytest.mark.parametrize(("text", "kind", "value", "canonical"), FORMS)
def test_every_form_is_read(prefix, text, kind, value, canonical):
    reference = Reference.parse(prefix + text)
    assert reference == Reference(model_name("fraud"), kind, value)
    assert str(reference) == canonical
    assert Reference.parse(canonical) == reference


@pytest.mark.parametrize("prefix", ["", "models:/"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (ID, "id"),
        (f"sha256:{DIGEST}", "digest"),
        (f"blake3:{DIGEST}", "digest"),
        (f"blake3:{DIGEST.upper()}", "digest"),
    ],
)
def test_identifiers_and_digests_need_no_model(prefix, text, kind):
    reference = Reference.parse(prefix + text)
    assert reference == Reference(None, kind, text.lower())
    assert str(reference) == text.lower()


@pytest.mark.parametrize("name", ["My Model 1", "1.4.2", "3", "v1", "latest", "production", "R&D (x), y!"])
def test_a_bare_name_is_the_latest_of_that_model_whatever_it_looks_like(name):
    assert Reference.parse(name) == Reference(model_name(name), "latest", "latest")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 0"),
        ("models:/", "has 0"),
        ("/fraud", "has 0"),
        ("models://fraud", "has 0"),
        ("@champion", "has 0"),
        ("models:fraud", "colon"),
        ("fraud/", "ends too early"),
        ("fraud@", "'' cannot be an alias"),
        ("fraud@a.b", "cannot be an alias"),
        ("fraud@v3", "fixed meaning"),
        ("fraud@a@b", "'a@b' cannot be an alias"),
        ("fraud@a/3", "'a/3' cannot be an alias"),
        ("fraud/a/b", "'a/b' is no number"),
        ("fraud/production@champion", "is no number"),
        ("fraud/@champion/3", "cannot be an alias"),
        ("fraud/0", "count from 1"),
        ("fraud/03", "count from 1"),
        ("fraud/-1", "is no number"),
        ("fraud/1234567890123456789", "more than 18 digits"),
        ("fraud/v1.4.2", "starts with a 'v'"),
        ("fraud/1.4.2.1", "more than 3 parts"),
        ("fraud/>=1,<", "not a comparator"),
        ("fraud/٣", "is not a semantic version"),
        ("fraud/ 3", "blank at its ends"),
        ("fraud/3\n", "blank at its ends"),
        (" fraud/3", "blank at its ends"),
        ("fraud/production\x00", "is no number"),
        ("fraud/" + "x" * 65, "is no number"),
        ("register/3", "reserved word"),
        ("sha256:abc", "is not a digest"),
        (f"blake3:{DIGEST}0", "is not a digest"),
        (f"md5:{DIGEST}", "colon"),
        (f"fraud/sha256:{DIGEST[1:]}", "is not a digest"),
        (ID.upper(), "looks like an identifier"),
        ("\U0001f680/3", "rocket"),
    ],
)
def test_what_names_no_version_is_refused_with_text_and_reason(text, reason):
    with pytest.raises(InvalidReference, match=reason) as caught:
        Reference.parse(text)
    assert caught.value.message.startswith(f"{text!r} names no version: ")
    assert caught.value.hint


@pytest.mark.parametrize("value", [None, 3, b"fraud", ["fraud"]])
def test_a_wrong_type_is_refused_by_its_name(value):
    with pytest.raises(InvalidReference, match=type(value).__name__):
        Reference.parse(value)
    with pytest.raises(InvalidReference, match=type(value).__name__):
        Reference.within("fraud", value)


def test_a_very_long_text_is_refused_with_a_short_message():
    with pytest.raises(InvalidReference) as caught:
        Reference.parse("fraud/" + "x" * 1_000_000)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("text", "kind", "value", "canonical"), [row for row in FORMS if "/" in row[0]])
def test_a_selector_apart_from_its_model_reads_the_same(text, kind, value, canonical):
    selector = text.removeprefix("fraud/")
    assert Reference.within("fraud", selector) == Reference.parse(text)


def test_a_selector_names_an_alias_with_its_sign():
    assert Reference.within("fraud", "@champion") == Reference.parse("fraud@champion")
    assert Reference.within("fraud", "champion").kind == "stage"
    assert Reference.parse("fraud/@champion") == Reference.parse("fraud@champion")


def test_a_selector_that_names_no_version_is_refused():
    with pytest.raises(InvalidReference, match="'v2' names no version of 'fraud'") as caught:
        Reference.within("fraud", "v2")
    assert caught.value.hint == "write 2"
    with pytest.raises(InvalidName, match="solidus"):
        Reference.within("a/b", "3")


MODELS = st.from_regex(r"[A-Za-z0-9_é](?:[A-Za-z0-9_.()é -]{0,20}[A-Za-z0-9_.()])?", fullmatch=True).filter(
    lambda text: text.strip("_.() -") and text.lower() not in {"register", "upload", "versions"}
)
NUMBERS = st.integers(0, 10**18 - 1)
SELECTORS = st.one_of(
    st.integers(1, 10**18 - 1).map(lambda number: f"/{number}"),
    st.builds(SemVer, NUMBERS, NUMBERS, NUMBERS, st.sampled_from([(), ("rc", 1)])).map(lambda version: f"/{version}"),
    st.from_regex(r"/[~^<>=]{0,2} ?[0-9x*]{1,2}(\.[0-9x*]){0,2}( ?(,|\|\|) ?[<>^]?[1-9])?", fullmatch=True),
    st.from_regex(r"/[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True),
    st.from_regex(r"@[A-Za-z0-9_-]{1,255}", fullmatch=True),
    st.just(f"/{ID}"),
    st.text(max_size=8).map(lambda text: f"/{text}"),
    st.just(""),
)


@given(MODELS, SELECTORS, st.sampled_from(["", "models:/"]))
def test_the_canonical_text_reads_back_as_the_same_reference(model, selector, prefix):
    try:
        reference = Reference.parse(prefix + model + selector)
    except InvalidReference:
        return
    assert reference.model == model
    assert Reference.parse(str(reference)) == reference
    assert str(Reference.parse(str(reference))) == str(reference)


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_refused(text):
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(reference)) == reference
