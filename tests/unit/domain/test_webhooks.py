"""Webhooks: patterns, addresses, signatures, pauses."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.webhooks import (
    LONGEST_URL,
    PING,
    Patience,
    address_of,
    check_signature,
    check_text,
    event_patterns,
    is_delivered,
    matches,
    message_id,
    model_patterns,
    new_secret,
    origin_of,
    secret_bytes,
    sign,
    signed_headers,
    wants,
)
from modelyard.errors import InvalidRequest, Unauthenticated

SECRET = new_secret(bytes(range(32)))
OTHER = new_secret(b"x" * 24)
NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("*", "anything", True),
        ("version.*", "version.deleted", True),
        ("version.*", "model.created", False),
        ("fraud", "fraud", True),
        ("fraud", "fraud-2", False),
        ("fraud-*", "", False),
    ],
)
def test_only_a_star_at_the_end_is_special(pattern, text, fits):
    assert matches(pattern, text) is fits


def test_both_patterns_decide_and_no_ping_is_wanted_by_a_pattern():
    assert wants(["alias.*", "version.*"], ["fraud"], "version.deleted", "fraud")
    assert not wants(["version.*"], ["fraud"], "version.deleted", "churn")
    assert not wants(["model.*"], ["*"], "version.deleted", "churn")
    assert not wants(["*"], ["*"], PING, "")


def test_patterns_are_checked_and_none_stands_for_all():
    assert event_patterns([]) == model_patterns([]) == ["*"]
    assert event_patterns([" version.* ", "version.*", "alias.set"]) == ["version.*", "alias.set"]
    assert model_patterns(["Fraud é", "churn-*"]) == ["Fraud é", "churn-*"]
    for wrong in ([""], ["a*b"], ["x" * 251], ["a\nb"], ["x"] * 0 + [f"m{n}" for n in range(51)]):
        with pytest.raises(InvalidRequest):
            model_patterns(wrong)
    for wrong in (["Version.*"], ["version 1"], ["%"]):
        with pytest.raises(InvalidRequest):
            event_patterns(wrong)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://ci.example.com/hooks?x=1", ("https", "ci.example.com", 443, "/hooks?x=1")),
        ("HTTP://Host:8080", ("http", "host", 8080, "/")),
        ("http://host?x=1", ("http", "host", 80, "/?x=1")),
        ("https://[2001:db8::1]:444/x", ("https", "2001:db8::1", 444, "/x")),
    ],
)
def test_an_address_is_taken_apart(url, parts):
    found = address_of(url)
    assert (found.scheme, found.host, found.port, found.target) == parts


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://host/", "https://", "https:///x", "host/x", "https://u:p@host/", "https://token@host/", "http://a:b:c/",
        "https://host/#part", "https://ho st/", "http://host:0/", "http://host:70000/", "http://host:/", "http://é.example/",
        "https://host/" + "x" * LONGEST_URL, "http://[::1", "file:///etc/passwd", "http://host/\x00",
    ],
)  # fmt: skip
def test_an_impossible_address_is_refused_without_being_repeated(url):
    with pytest.raises(InvalidRequest) as caught:
        address_of(url)
    assert "token" not in str(caught.value)
    assert "u:p" not in str(caught.value)


def test_an_origin_holds_nothing_secret():
    assert origin_of("https://Hooks.Example.com:444/T0K3N?key=1") == "https://hooks.example.com:444"
    assert origin_of("nonsense") == ""


def test_a_signature_is_the_one_of_the_specification():
    # The example of standardwebhooks.com.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_signed_is_accepted_with_either_secret_and_any_case_of_the_headers():
    headers = signed_headers([SECRET, OTHER], "msg_1", NOW, b"{}")
    for secret in (SECRET, OTHER):
        check_signature(secret, {name.title(): value for name, value in headers.items()}, b"{}", now=NOW + 299)


@pytest.mark.feature("EXP-05")
@pytest.mark.parametrize(
    ("change", "body", "now"),
    [
        ({}, b"{} ", NOW),
        ({}, b"{}", NOW + 301),
        ({}, b"{}", NOW - 301),
        ({"webhook-id": "msg_2"}, b"{}", NOW),
        ({"webhook-timestamp": str(NOW + 1)}, b"{}", NOW),
        ({"webhook-timestamp": "soon"}, b"{}", NOW),
        ({"webhook-timestamp": "9" * 40}, b"{}", NOW),
        ({"webhook-signature": "v1,AAAA v2,é"}, b"{}", NOW),
        ({"webhook-signature": ""}, b"{}", NOW),
        ({"webhook-id": ""}, b"{}", NOW),
    ],
)
def test_anything_else_is_refused(change, body, now):
    headers = signed_headers([SECRET], "msg_1", NOW, b"{}") | change
    with pytest.raises(Unauthenticated):
        check_signature(SECRET, headers, body, now=now)
    with pytest.raises(Unauthenticated):
        check_signature(OTHER, signed_headers([SECRET], "msg_1", NOW, b"{}"), b"{}", now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "whsec_",
        "whsec_!!!!",
        base64.b64encode(b"x" * 32).decode(),
        new_secret(b"x" * 23),
        new_secret(b"x" * 65),
        "whsec_é",
    ],
)
def test_a_secret_that_is_none_is_not_repeated(wrong):
    with pytest.raises(InvalidRequest) as caught:
        secret_bytes(wrong)
    assert not wrong or wrong == "whsec_" or wrong not in str(caught.value)


@given(attempts=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_up_to_the_longest(attempts, chance):
    patience = Patience(first_pause=2, longest_pause=60)
    pause = patience.pause(attempts, chance)
    assert 1 <= pause <= 60
    assert pause <= patience.pause(attempts + 1, chance)
    assert patience.pause(1, 0.0) == 1


def test_small_things():
    assert message_id("wh_01abc", 7) == "msg_01abc_7"
    assert is_delivered(204)
    assert not is_delivered(302)
    assert check_text("fine", "it") == "fine"
    with pytest.raises(InvalidRequest, match="it has"):
        check_text("x" * 2_001, "it")
