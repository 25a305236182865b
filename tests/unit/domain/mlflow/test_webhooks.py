"""Webhooks in MLflow's form: messages, samples, signatures, and what becomes of a failed attempt."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from modelyard.domain.mlflow import webhooks as rules
from modelyard.errors import InvalidRequest

AT = "2026-03-01T12:00:00.000000Z"


def told(kind: str, data: dict[str, Any], *, number: int | None = 3, is_prompt: bool = False) -> list[dict[str, Any]]:
    """The events of MLflow's that one of ours stands for, each with its name and its data."""
    happening = rules.Happening(kind=kind, model="fraud", at=AT, data=data, number=number, is_prompt=is_prompt)
    return [{"event": message.event, **message.body["data"]} for message in rules.messages(happening)]


def test_a_body_says_what_happened_to_what_and_when():
    happening = rules.Happening(
        kind="alias.set", model="fraud", at=AT, data={"alias": "champion"}, number=3, is_prompt=False
    )
    (message,) = rules.messages(happening)
    assert message.body == {
        "entity": "model_version_alias",
        "action": "created",
        "timestamp": "2026-03-01T12:00:00.000000+00:00",
        "data": {"name": "fraud", "alias": "champion", "version": "3"},
    }


@pytest.mark.feature("EXP-23")
def test_a_model_and_its_version_are_told_as_they_were_made():
    assert told("model.created", {"tags": {"a": "1"}, "description": "d"}) == [
        {"event": "registered_model.created", "name": "fraud", "tags": {"a": "1"}, "description": "d"}
    ]
    assert told("model.created", {}) == [
        {"event": "registered_model.created", "name": "fraud", "tags": {}, "description": ""}
    ]
    recorded = {"source": "s3://b/m", "training_run_id": "r1", "tags": {"a": "1"}, "description": "d"}
    version = {"event": "model_version.created", "name": "fraud", "version": "3"}
    assert told("version.registered", {"metadata": recorded}) == [
        {**version, "source": "s3://b/m", "run_id": "r1", "tags": {"a": "1"}, "description": "d"}
    ]
    assert told("version.registered", {"metadata": {}}) == [
        {**version, "source": "models:/fraud/3", "run_id": None, "tags": {}, "description": None}
    ]


def test_a_prompts_events_are_its_own_and_leave_out_what_marks_it():
    marks = {rules.IS_PROMPT: "true", "_mlflow_prompt_type": "text", "team": "a"}
    assert told("model.created", {"tags": marks, "description": "d"}, is_prompt=True) == [
        {"event": "prompt.created", "name": "fraud", "tags": {"team": "a"}, "description": "d"}
    ]
    tags = {**marks, rules.PROMPT_TEXT: "Hello {{name}}!"}
    assert told("version.registered", {"metadata": {"tags": tags, "source": "dummy-source"}}, is_prompt=True) == [
        {
            "event": "prompt_version.created",
            "name": "fraud",
            "version": "3",
            "template": "Hello {{name}}!",
            "tags": {"team": "a"},
            "description": None,
        }
    ]
    assert [each["event"] for each in told("alias.set", {"alias": "x"}, is_prompt=True)] == ["prompt_alias.created"]
    assert told("alias.removed", {"alias": "x"}, is_prompt=True) == [
        {"event": "prompt_alias.deleted", "name": "fraud", "alias": "x"}
    ]


@pytest.mark.feature("EXP-23")
def test_one_change_of_several_tags_is_as_many_events():
    changes = {"tags": [{"b": "1", "c": "1", "same": "1"}, {"a": "2", "b": "2", "same": "1"}]}
    version = {"name": "fraud", "version": "3"}
    assert told("version.updated", {"changes": changes}) == [
        {"event": "model_version_tag.set", **version, "key": "a", "value": "2"},
        {"event": "model_version_tag.set", **version, "key": "b", "value": "2"},
        {"event": "model_version_tag.deleted", **version, "key": "c"},
    ]
    assert [each["event"] for each in told("version.updated", {"changes": changes}, is_prompt=True)] == [
        "prompt_version_tag.set",
        "prompt_version_tag.set",
        "prompt_version_tag.deleted",
    ]
    assert told("model.updated", {"changes": {"tags": [None, {"a": "2"}]}}, is_prompt=True) == [
        {"event": "prompt_tag.set", "name": "fraud", "key": "a", "value": "2"}
    ]
    assert told("version.updated", {"changes": {"tags": [{"a": "2"}, None]}}) == [
        {"event": "model_version_tag.deleted", **version, "key": "a"}
    ]


def test_what_mlflow_does_not_tell_stands_for_nothing():
    assert told("model.updated", {"changes": {"tags": [{}, {"a": "2"}]}}) == []
    assert told("model.updated", {"changes": {"owner": ["a", "b"]}}, is_prompt=True) == []
    assert told("version.updated", {"changes": {"label": ["", "beta"]}}) == []
    assert told("version.stage_moved", {}) == []


def test_the_events_that_can_be_told_are_those_that_can_be_asked_for():
    tags = {"changes": {"tags": [{"a": "1"}, {"b": "1"}]}}
    data = {"metadata": {}, "alias": "x", **tags}
    found = {
        each["event"] for kind in rules.KINDS for prompt in (True, False) for each in told(kind, data, is_prompt=prompt)
    }
    assert found == set(rules.EVENTS)


@pytest.mark.parametrize(("value", "answer"), [("true", True), ("True", True), ("false", False), ("", False)])
def test_a_prompt_is_known_by_its_tag(value, answer):
    assert rules.is_prompt({rules.IS_PROMPT: value}) is answer
    assert not rules.is_prompt({})


SAMPLE = {"tags": {"example_key": "example_value"}}
MODEL, PROMPT = {"name": "example_model"}, {"name": "example_prompt"}
KEY, ALIAS, ONE = {"key": "example_key"}, {"alias": "example_alias"}, {"version": "1"}
VALUE = {"value": "example_value"}
SAMPLES = {
    "registered_model.created": {**MODEL, **SAMPLE, "description": "An example registered model"},
    "model_version.created": {
        **MODEL,
        **ONE,
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        **SAMPLE,
        "description": "An example model version",
    },
    "model_version_tag.set": {**MODEL, **ONE, **KEY, **VALUE},
    "model_version_tag.deleted": {**MODEL, **ONE, **KEY},
    "model_version_alias.created": {**MODEL, **ALIAS, **ONE},
    "model_version_alias.deleted": {**MODEL, **ALIAS},
    "prompt.created": {**PROMPT, **SAMPLE, "description": "An example prompt"},
    "prompt_version.created": {
        **PROMPT,
        **ONE,
        "template": "Hello {{name}}!",
        **SAMPLE,
        "description": "An example prompt version",
    },
    "prompt_tag.set": {**PROMPT, **KEY, **VALUE},
    "prompt_tag.deleted": {**PROMPT, **KEY},
    "prompt_version_tag.set": {**PROMPT, **ONE, **KEY, **VALUE},
    "prompt_version_tag.deleted": {**PROMPT, **ONE, **KEY},
    "prompt_alias.created": {**PROMPT, **ALIAS, **ONE},
    "prompt_alias.deleted": {**PROMPT, **ALIAS},
}


@pytest.mark.parametrize("event", rules.EVENTS)
def test_a_test_sends_the_sample_of_its_event(event):
    assert rules.sample(event) == SAMPLES[event]


def test_events_are_chosen_by_name_or_by_pattern():
    assert rules.event_names(["prompt_tag.*", "prompt_tag.set", "registered_model.created"]) == [
        "prompt_tag.set",
        "prompt_tag.deleted",
        "registered_model.created",
    ]
    assert rules.event_names([]) == list(rules.EVENTS)
    with pytest.raises(InvalidRequest, match=r"version\.registered"):
        rules.event_names(["version.registered"])


@pytest.mark.parametrize("name", ["a", "A1", "a.b_c-d", "x" * 63])
def test_a_name_that_can_be(name):
    assert rules.check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "é", "x" * 64, "a\n", ".a"])
def test_a_name_that_cannot_be(name):
    with pytest.raises(InvalidRequest, match="is invalid"):
        rules.check_name(name)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("   ", "Webhook URL cannot be empty or just whitespace"),
        ("", "Webhook URL cannot be empty or just whitespace"),
        ("ftp://example.com", "Invalid webhook URL scheme"),
        ("example.com/hook", "Invalid webhook URL scheme"),
        ("http://[invalid", "Invalid webhook URL"),
        ("https://", "Invalid webhook URL: "),
    ],
)
def test_an_address_that_cannot_be_is_refused_in_mlflows_words(url, text):
    with pytest.raises(InvalidRequest, match=text):
        rules.check_url(url)


def test_http_and_https_are_addresses():
    for url in ("https://example.com/webhook", "http://127.0.0.1:5000/x"):
        assert rules.check_url(url) == url


def test_a_secret_is_any_text_that_is_not_too_long_and_never_repeated():
    assert rules.check_secret("hünter2") == "hünter2"
    for wrong in ("s3cr3t" * 500, "s3cr3t\ud800"):
        with pytest.raises(InvalidRequest) as refused:
            rules.check_secret(wrong)
        assert "s3cr3t" not in str(refused.value)


def test_an_attempt_is_signed_by_the_newest_secret_or_by_none():
    headers = rules.signed_headers(["new", "old"], "msg_1", 1700000000, b'{"a":1}')
    digest = hmac.new(b"new", b'msg_1.1700000000.{"a":1}', hashlib.sha256).digest()
    assert headers == {
        "X-MLflow-Delivery-Id": "msg_1",
        "X-MLflow-Timestamp": "1700000000",
        "X-MLflow-Signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    assert set(rules.signed_headers([], "msg_1", 1, b"")) == {"X-MLflow-Delivery-Id", "X-MLflow-Timestamp"}


@pytest.mark.parametrize("status", [None, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_three_times_more_after_pauses_that_double(status):
    pauses = [rules.pause_after(attempts, status, asked=0.0, first=1.0) for attempts in (1, 2, 3, 4)]
    assert pauses == [1.0, 2.0, 4.0, None]
    assert rules.pause_after(1, status, asked=17.0, first=1.0) == 17.0
    assert rules.pause_after(1, status, asked=1e9, first=1.0) == rules.LONGEST_WAIT_S
    assert rules.pause_after(4, status, asked=17.0, first=1.0) is None


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 501])
def test_what_will_not_pass_is_tried_once(status):
    assert rules.pause_after(1, status, asked=5.0, first=1.0) is None
