"""The names of predictions: where they came from, and that nobody else can make them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from modelyard.domain.prediction_ids import LONGEST, PREFIX, Origin, Stamp, origin_of
from modelyard.errors import PredictionNotFound

SECRET = b"s" * 32
ENDPOINT, VERSION, DEPLOYMENT = ("ep_" + "0" * 26, "mv_" + "1" * 26, "dp_" + "2" * 26)
KEY = 2**64 - 1

pytestmark = pytest.mark.feature("DEP-22")


def stamp(epoch: int = 7, deployment: str = DEPLOYMENT, secret: bytes = SECRET) -> Stamp:
    """What names predictions of one version."""
    return Stamp(secret, ENDPOINT, epoch, VERSION, deployment)


def origin(deployment: str = DEPLOYMENT, key: int = KEY, epoch: int = 7) -> Origin:
    """Where they come from."""
    return Origin(endpoint_id=ENDPOINT, epoch=epoch, version_id=VERSION, deployment_id=deployment, key=key)


@pytest.mark.parametrize("epoch", [0, 7, 42, 123, 2**31 - 1])
def test_a_name_tells_where_the_prediction_came_from(epoch: int):
    name = stamp(epoch).name(5, drawn=True, key=KEY)
    assert origin_of(SECRET, name) == origin(epoch=epoch)
    assert len(name) <= LONGEST
    assert name.replace("-", "").replace("_", "").isalnum()


def test_without_lots_there_is_neither_deployment_nor_key():
    assert origin_of(SECRET, stamp().name(5, key=KEY)) == origin("", 0)
    assert origin_of(SECRET, stamp(deployment="").name(5)) == origin("", 0)


def test_two_predictions_have_two_names():
    one = stamp()
    assert len({one.name(chance, drawn=True, key=KEY) for chance in range(1000)}) == 1000


def test_another_registrys_names_are_not_found():
    with pytest.raises(PredictionNotFound) as refusal:
        origin_of(SECRET, stamp(secret=b"t" * 32).name(5))
    assert refusal.value.hint


def test_a_name_that_was_changed_anywhere_is_not_found():
    name = stamp().name(5, drawn=True, key=KEY)
    raw = bytearray(urlsafe_b64decode(name.removeprefix(PREFIX)))
    for place in range(len(raw)):
        changed = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        with pytest.raises(PredictionNotFound):
            origin_of(SECRET, PREFIX + urlsafe_b64encode(changed).decode())


@pytest.mark.parametrize(
    "text",
    ["", "pn_", "pn_AAAA", "dp_01", "pn_ä", "pn_A", "pn_" + "A" * 400, "pn_" + "!" * 80, "\ud800"],
)
def test_what_is_no_name_is_not_found(text: str):
    with pytest.raises(PredictionNotFound):
        origin_of(SECRET, text)


def test_a_name_has_one_spelling():
    name = stamp().name(5)
    for other in (f"{name[:20]}!{name[20:]}", f"{name}====", name.removeprefix(PREFIX), f" {name}"):
        with pytest.raises(PredictionNotFound):
            origin_of(SECRET, other)
