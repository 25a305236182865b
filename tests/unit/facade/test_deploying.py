"""How the arguments of `deploy` become its request, and what is refused on the way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modelyard import InvalidName, InvalidReference, InvalidRequest, Limits, VersionRecord, Window
from modelyard.facade.deploying import DeployOptions, deploy_request, limits_of, options_of, version_apart, window_of
from modelyard.operations import Deploy

ID = "mv_" + "0" * 26
VERSION = VersionRecord(id=ID, name="fraud", number=1, version="1.0.0", stage="development")


@pytest.mark.parametrize(
    ("model", "version", "expected"),
    [
        ("fraud", "1.4.2", ("fraud", "1.4.2")),
        ("fraud", 3, ("fraud", "3")),
        ("fraud", "@champion", ("fraud", "@champion")),
        ("fraud", "fraud/1.4.2", ("fraud", "1.4.2")),
        ("fraud", VERSION, ("fraud", ID)),
        ("fraud", None, ("fraud", "latest")),
        ("fraud@champion", None, ("fraud", "@champion")),
        ("models:/fraud/^1.4", None, ("fraud", "^1.4")),
        ("fraud/Production", None, ("fraud", "production")),
        (ID, None, ID),
        (VERSION, None, ID),
        ("sha256:" + "a" * 64, None, "sha256:" + "a" * 64),
    ],
)
def test_a_version_is_named_in_every_way(model, version, expected):
    assert version_apart(model, version) == expected


@pytest.mark.parametrize(
    ("model", "version", "kind"),
    [("fraud@champion", "1.0.0", InvalidName), ("fraud/", None, InvalidReference), (3, None, InvalidReference)],
)
def test_what_names_no_version_is_refused(model, version, kind):
    with pytest.raises(kind):
        version_apart(model, version)


def test_every_option_of_the_operation_can_be_given():
    by_position = {"name", "version", "strategy", "dry_run"}
    assert set(DeployOptions.__annotations__) == set(Deploy.__dataclass_fields__) - by_position


def test_options_become_the_request():
    request = deploy_request(
        "fraud",
        "1.0.0",
        "canary",
        {
            "steps": (10, 100),
            "limits": {"max_error_rate": 0.05},
            "window": "sat, SUN 02:00-05:00 Europe/Berlin",
            "start_at": datetime(2030, 1, 2, 3, tzinfo=UTC),
            "split": {"0.9.0": 20},
            "dry_run": True,
        },
    )
    assert request == Deploy(
        name="fraud",
        version="1.0.0",
        strategy="canary",
        steps=[10.0, 100.0],
        limits=Limits(max_error_rate=0.05),
        window=Window(days=["sat", "sun"], start="02:00", end="05:00", timezone="Europe/Berlin"),
        start_at="2030-01-02T03:00:00+00:00",
        split={"0.9.0": 20.0},
        dry_run=True,
    )
    assert deploy_request("fraud", "1.0.0", "direct", {}) == Deploy(name="fraud", version="1.0.0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("02:00-05:00", Window(start="02:00", end="05:00")),
        ("monday 22:00-04:00", Window(days=["mon"], start="22:00", end="04:00")),
        ("02:00-05:00 America/New_York", Window(start="02:00", end="05:00", timezone="America/New_York")),
        ({"days": ["sat"]}, Window(days=["sat"])),
        (Window(days=["sun"]), Window(days=["sun"])),
        (None, None),
    ],
)
def test_a_window_is_a_text_a_mapping_or_a_record(text, expected):
    assert window_of(text) == expected


def test_limits_are_a_mapping_or_a_record():
    assert limits_of({"max_p95_s": 1}) == Limits(max_p95_s=1.0)
    assert limits_of(Limits(min_requests=5)) == Limits(min_requests=5)
    assert limits_of(None) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stepz": [10]}, "no option 'stepz' .*did you mean steps"),
        ({"colour": 1}, "the options are environment"),
        ({"limits": {"max_eror_rate": 0.1}}, "no field .*did you mean max_error_rate"),
        ({"limits": {"colour": 0.1}}, "there are max_error_rate"),
        ({"limits": 0.1}, "not a mapping"),
        ({"limits": {"max_error_rate": "much"}}, "max_error_rate"),
        ({"window": "at night"}, "write: sat,sun"),
        ({"window": ["sat"]}, "not a mapping"),
        ({"start_at": datetime(2030, 1, 1)}, "without a time zone"),  # noqa: DTZ001 - that is what is refused
    ],
)
def test_an_option_that_cannot_be_is_refused(given, message):
    with pytest.raises(InvalidRequest, match=message):
        options_of(given)


def test_a_value_of_the_wrong_type_is_refused():
    with pytest.raises(InvalidRequest, match="steps"):
        deploy_request("fraud", "1.0.0", "canary", {"steps": "10,50"})
