"""The texts of tokens, and when they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.ids import new_id
from modelyard.domain.tokens import SECRET_BYTES, TOKEN_PREFIX, credential, ends_at, token_text
from modelyard.errors import InvalidRequest

pytestmark = pytest.mark.feature("SEC-01")

NOW = "2026-03-01T12:00:00.000000Z"
ID = new_id(TOKEN_PREFIX, 1, b"\0" * 10)


@given(st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
def test_a_token_says_which_it_is_and_keeps_its_secret(entropy):
    text = token_text(ID, entropy)
    found = credential(text)
    assert found is not None
    assert found.id == ID
    secret = text.rpartition("_")[2]
    assert secret not in found.hash
    assert found != credential(token_text(ID, bytes(byte ^ 1 for byte in entropy)))


def test_a_short_secret_is_a_defect():
    with pytest.raises(ValueError, match="32 bytes"):
        token_text(ID, b"short")


@pytest.mark.parametrize(
    "text", ["", "myd_", "myd__", ID, "Bearer x", token_text(ID, b"x" * 32) + "\n", "myd_x_y", "é"]
)
def test_what_is_no_token(text):
    assert credential(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("90d", "2026-05-30T12:00:00.000000Z"),
        ("1h", "2026-03-01T13:00:00.000000Z"),
        ("2027-01-31", "2027-01-31T00:00:00.000000Z"),
        ("2027-01-31T12:00Z", "2027-01-31T12:00:00.000000Z"),
        ("2027-01-31T12:00+02:00", "2027-01-31T10:00:00.000000Z"),
    ],
)
def test_when_a_token_ends(text, moment):
    assert ends_at(text, NOW) == moment


@pytest.mark.parametrize(
    "text", ["soon", "-1d", "0d", "90", "2026-03-01T12:00Z", "2020-01-01", "0001-01-01T00:00+14:00", "200000w"]
)
def test_an_end_that_is_none(text):
    with pytest.raises(InvalidRequest) as refused:
        ends_at(text, NOW)
    assert refused.value.hint
