"""Prompt templates: fields, braces, and how they are filled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.prompt import MOST_MESSAGES, prompt_of, template_of, written
from modelyard.errors import InvalidInput, InvalidMetadata


@pytest.mark.parametrize(
    ("text", "fields", "filled"),
    [
        ("Hi {who}!", ("who",), "Hi Ann!"),
        ("{{who}} is {who}", ("who",), "{who} is Ann"),
        ("{{{who}}}", ("who",), "{Ann}"),
        ("{who}{who}", ("who", "who"), "AnnAnn"),
        ("no field", (), "no field"),
        ("", (), ""),
    ],
)
def test_fields_are_filled_and_doubled_braces_are_braces(text, fields, filled):
    template = template_of("prompt", text)
    assert template.fields == fields
    assert template.fill({"who": "Ann"}) == filled


@pytest.mark.parametrize("text", ["{", "}", "{}", "{a b}", "{1}", "a } b", "{a.b}", "{a!r}", "{a:>9}", "{{a}"])
def test_single_braces_are_refused(text):
    with pytest.raises(InvalidMetadata, match="single"):
        template_of("prompt", text)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_any_text_can_be_escaped(text):
    template = template_of("prompt", text.replace("{", "{{").replace("}", "}}"))
    assert (template.fields, template.fill({})) == ((), text)


@given(st.text())
def test_values_are_never_read_as_fields(value):
    assert template_of("prompt", "<{a}{b}>").fill({"a": value, "b": "{a}"}) == f"<{value}{{a}}>"


def test_values_other_than_texts_are_written_as_json():
    assert [written(value) for value in ("é", 1, None, ["é"], {"a": True})] == [
        "é",
        "1",
        "null",
        '["é"]',
        '{"a": true}',
    ]


def test_a_prompt_is_a_text_or_messages():
    assert prompt_of("Say {input}").fill({"input": "x"}) == [("user", "Say x")]
    messages = [{"role": "system", "content": "Speak {a}"}, {"role": "user", "content": "{b}{a}"}]
    prompt = prompt_of(messages)
    assert prompt.fields == ("a", "b")
    assert prompt.fill({"a": 1, "b": 2, "c": 3}) == [("system", "Speak 1"), ("user", "21")]
    with pytest.raises(InvalidInput, match="'b'") as caught:
        prompt.fill({"a": 1})
    assert caught.value.details == {"fields": ["a", "b"], "missing": ["b"]}
    assert '"a": …, "b": …' in caught.value.hint


@pytest.mark.parametrize(
    "prompt",
    [
        1,
        b"{input}",
        "no field",
        "",
        [],
        [{"role": "user", "content": "{a}"}] * (MOST_MESSAGES + 1),
        ["{input}"],
        [{"role": "user"}],
        [{"role": "user", "content": "{a}", "name": "x"}],
        [{"role": "wizard", "content": "{a}"}],
        [{"role": "user", "content": 1}],
        [{"role": "user", "content": "{a}"}, {"role": "assistant", "content": "yes"}],
        [{"role": "user", "content": "no field"}],
    ],
)
def test_what_is_no_prompt_is_refused(prompt):
    with pytest.raises(InvalidMetadata):
        prompt_of(prompt)
