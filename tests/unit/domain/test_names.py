"""The grammar of names: what passes unchanged, what is refused, and what the refusal says."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelyard.domain.names import alias_name, metric_name, model_name, printable, shown, tag_key
from modelyard.errors import InvalidName

GRAMMARS = [model_name, alias_name, tag_key, metric_name]


@pytest.mark.parametrize(
    "name",
    [
        "fraud_detector",
        "My Model 1",
        "R&D churn (v2), 2026!",
        "Modèle-préféré",
        "詐欺検出",
        "मॉडल",
        "_private",
        "3",
        "1.4.2",
        "v1",
        "registers",
        "a=b+c's",
        "x" * 250,
    ],
)
def test_model_names_pass_unchanged(name):
    assert model_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "has 0"),
        (" ", "blank"),
        ("x" * 251, "has 251"),
        ("a/b", "solidus"),
        ("a:b", "colon"),
        ("a@b", "commercial at"),
        ("a\\b", "reverse solidus"),
        ("a\nb", "a control character"),
        ("a\x85b", "a control character"),
        ("a%2fb", "percent sign"),
        ("rocket \U0001f680", "rocket"),
        ("1\ufe0f\u20e3", "keycap"),
        ("a\ufe0f", "variation selector"),
        ("a\u3164b", "hangul filler"),
        ("a\u200db", "zero width joiner"),
        ("a\u202eb", "right-to-left override"),
        ("a\ud800", "U\\+D800"),
        ("a\ue000", "U\\+E000, no name"),
        (" a", "blank at its ends"),
        ("a ", "blank at its ends"),
        ("a\u00a0b", "no-break space"),
        ("e\u0301", "form NFC"),
        ("-a", "starts with '-'"),
        ("\u0301a", "starts with"),
        (".", "no letter and no digit"),
        ("..", "no letter and no digit"),
        ("()", "no letter and no digit"),
        ("register", "reserved word"),
        ("Upload", "reserved word"),
        ("VERSIONS", "reserved word"),
        ("mv_" + "0" * 26, "looks like an identifier"),
        ("MD_" + "0" * 26, "looks like an identifier"),
        ("sha256:" + "0" * 64, "colon"),
    ],
)
def test_model_names_that_break_a_rule_are_refused_with_the_reason(name, reason):
    with pytest.raises(InvalidName, match=reason) as caught:
        model_name(name)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["champion", "A-1_b", "v", "v1a", "vv1", "latest-1", "x" * 255])
def test_aliases_pass_unchanged(name):
    assert alias_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a.b", "é", "a\n", "x" * 256, "latest", "LATEST", "v1", "V007"])
def test_aliases_that_break_a_rule_are_refused(name):
    with pytest.raises(InvalidName):
        alias_name(name)


@pytest.mark.feature("MET-01")
@pytest.mark.parametrize("key", ["domain", "mlflow.prompt.is_prompt", "team/owner", "a b:c-d_e", "équipe", "x" * 250])
def test_tag_keys_pass_unchanged(key):
    assert tag_key(key) == key


@pytest.mark.parametrize("key", ["", " ", " a", "a=b", "a\tb", "a\x00", "\U0001f600", "e\u0301", "x" * 251])
def test_tag_keys_that_break_a_rule_are_refused(key):
    with pytest.raises(InvalidName, match="a tag key"):
        tag_key(key)


@pytest.mark.parametrize("name", ["accuracy", "recall@5", "loss/val", "F1 (macro), %", "exactitude équilibrée"])
def test_metric_names_pass_unchanged(name):
    assert metric_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[31m", "a\u2028b", "a\udfff", "a\u2066", "e\u0301", "x" * 251])
def test_metric_names_that_break_a_rule_are_refused(name):
    with pytest.raises(InvalidName, match="a metric name"):
        metric_name(name)


@pytest.mark.parametrize("check", GRAMMARS)
@pytest.mark.parametrize("value", [None, 3, 1.5, b"name", ["name"], {"name": 1}])
def test_a_wrong_type_is_refused_by_its_name(check, value):
    with pytest.raises(InvalidName, match=f"of type {type(value).__name__}"):
        check(value)


@pytest.mark.parametrize("check", GRAMMARS)
@given(text=st.text(max_size=300))
def test_any_text_passes_unchanged_or_is_refused(check, text):
    try:
        name = check(text)
    except InvalidName:
        return
    assert name == text == unicodedata.normalize("NFC", text)
    assert name.isprintable() or any(unicodedata.category(c) in {"Cf", "Cn", "Co", "Zs"} for c in name)
    assert name.encode("utf-8")


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=250))
def test_letters_and_digits_of_any_script_are_a_model_name(text):
    name = unicodedata.normalize("NFC", text)
    assume(len(name) <= 250 and name.lower() not in {"register", "upload", "versions"})
    assume(unicodedata.category(name[0])[0] != "M")
    assert model_name(name) == name


def test_printable_leaves_the_length_to_its_caller():
    text = "é \U0001f680" * 100_000
    assert printable(text, "a note") is text
    with pytest.raises(InvalidName, match=r"^a note cannot have '\\x07' \(U\+0007"):
        printable(text + "\a", "a note")


def test_messages_show_values_quoted_escaped_and_cut():
    assert shown("a\n") == r"'a\n'"
    assert shown("x" * 80) == repr("x" * 80)
    assert shown("x" * 10_000_000) == "'" + "x" * 79 + "…"
    assert shown("\0" * 80) == r"'\x00\x00" + shown("\0" * 80)[9:]
    assert len(shown("\0" * 80)) == 81
    assert shown(None) == "None"
    assert len(shown(list(range(1000)))) == 81
    assert shown(10**5000) == "a value of type int that is too long to show"
