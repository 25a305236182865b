"""What took traffic when, by the events of endpoints."""

from __future__ import annotations

import pytest

from components.served import configured, deployed, made, rerouted, route
from modelyard.domain.history import fold
from modelyard.domain.served import main_id, main_version, shares, uses, words
from modelyard.domain.wire import EventRecord
from modelyard.errors import IntegrityError

CREATED = ("model.created", None, {"id": "md_1"})
RULE = {"name": "beta", "version": "3.0.0", "version_id": "mv_3", "header": "x", "equals": "", "percentage": 5.0}
SHADOW = {"version_id": "mv_4", "version": "4.0.0", "weight": 0.5}


def at(place: int) -> str:
    return f"2026-03-01T00:00:{place:02d}.000000Z"


def chain(*told) -> list[EventRecord]:
    """Events of a model, a second apart."""
    return [
        EventRecord(
            sequence=place, model="fraud", position=place, type=kind, at=at(place), actor="ana",
            version_id=version, data=data, previous="", hash="",
        )
        for place, (kind, version, data) in enumerate((CREATED, *told), 1)
    ]  # fmt: skip


@pytest.mark.feature("RBK-07")
def test_the_route_at_a_moment_is_that_of_the_last_change_before_it():
    events = chain(
        made(),
        rerouted(route(1, ("mv_1", 1.0))),
        rerouted(route(2, ("mv_1", 0.9), ("mv_2", 0.1))),
        ("alias.none", None, {}),
    )
    seen = [fold(events[:count]).endpoints.get("production") for count in range(1, 6)]
    assert seen[0] is None
    assert [(one.epoch, shares(one.route), one.since, one.position) for one in seen[1:] if one] == [
        (0, {}, at(2), 2),
        (1, {"mv_1": 1.0}, at(3), 3),
        (2, {"mv_1": 0.9, "mv_2": 0.1}, at(4), 4),
        (2, {"mv_1": 0.9, "mv_2": 0.1}, at(4), 4),
    ]
    now = fold(events).endpoints["production"]
    assert (now.kind, now.by, now.cause) == ("cloud", "ana", "deployment.advanced")


def test_environments_have_endpoints_of_their_own():
    eu = {"endpoint": "ep_2", "environment": "eu"}
    state = fold(chain(made(), made(**eu), rerouted(route(1, ("mv_2", 1.0)), **eu)))
    assert {name: (one.id, one.epoch) for name, one in state.endpoints.items()} == {
        "production": ("ep_1", 0),
        "eu": ("ep_2", 1),
    }


def test_a_configuration_is_the_one_that_was_set_last():
    state = fold(chain(made(), configured(timeout_s=5.0), configured(timeout_s=7.0)))
    assert (state.endpoints["production"].configuration or {})["timeout_s"] == 7.0
    assert fold(chain(made())).endpoints["production"].configuration is None


def test_a_deployment_is_live_from_its_making_to_its_end():
    events = chain(
        made(),
        deployed("created", "", "PENDING"),
        deployed("preflight_started", "PENDING", "PREFLIGHT"),
        deployed("rejected", "PREFLIGHT", "REJECTED"),
        deployed("created", "", "SUCCEEDED", key="dp_2"),
    )
    assert [fold(events[:count]).endpoints["production"].deployment for count in range(2, 7)] == [
        "", "dp_1", "dp_1", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        (made(), made()),
        (rerouted(route(1)),),
        (made(), rerouted(route(2))),
        (made(), rerouted(route(1)), rerouted(route(1))),
        (made(), rerouted(route(1) | {"epoch": True})),
        (made(), rerouted(route(1), endpoint="ep_9")),
        (made(), rerouted(route(1, arms=[{"version_id": "mv_1"}]))),
        (made(), rerouted(route(1, arms=[{"version_id": "mv_1", "weight": "x"}]))),
        (made(), deployed("created", "", "PENDING", environment="eu")),
        (made(), ("endpoint.configured", None, {"endpoint": "ep_1", "environment": "production"})),
    ],
    ids=str,
)
def test_an_event_that_does_not_fit_is_refused(told):
    with pytest.raises(IntegrityError, match="does not fit those before it"):
        fold(chain(*told))


def test_a_route_tells_what_it_needs_each_version_for():
    document = route(
        1, ("mv_2", 0.25), ("mv_1", 0.75), ("mv_9", 0.0), rules=[RULE], shadow=[SHADOW], warm=["mv_1", "mv_5"]
    )
    assert list(shares(document)) == ["mv_1", "mv_2"]
    assert (main_id(document), main_version(document)) == ("mv_1", "1.0.0")
    assert uses(document) == {
        "mv_1": "traffic", "mv_2": "traffic", "mv_3": "rule", "mv_4": "shadow", "mv_5": "warm",
    }  # fmt: skip
    assert [words(document, f"mv_{number}") for number in (1, 2, 3, 4, 5, 9)] == [
        "75 %", "25 %", "rule", "shadow", "warm", "",
    ]  # fmt: skip


def test_a_route_that_serves_nothing_names_nobody():
    assert (shares({}), main_id({}), main_version({}), uses({})) == ({}, None, None, {})
    assert (main_id(route(1, ("mv_1", 0.0))), main_version(route(1, ("mv_1", 0.0)))) == (None, None)
