"""Training references and drift: what is recorded and refused, alike here, over HTTP, and on both databases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelyard import ModelRegistry
from modelyard.domain.profiles import hash_of
from modelyard.domain.wire import FeatureDocument, ProfileDocument
from modelyard.errors import (
    EndpointNotFound,
    InvalidRequest,
    ModelNotFound,
    ProfileNotFound,
    VersionNotFound,
)

pytestmark = pytest.mark.feature("EXP-25")

TABLE = pd.DataFrame({"age": [20.0, 30.0, None], "city": ["Bern", "Rom", "Rom"], "label": [0, 1, 1]})


@pytest.mark.every_way
def test_a_reference_is_recorded_replaced_and_told(registry: ModelRegistry):
    version = registry.register_version("fraud", "1.0.0", create=True)
    before = registry.get_model(version)
    made = registry.set_reference("fraud/1.0.0", TABLE, predictions="label")
    assert (made.name, made.version, made.rows, made.answers) == ("fraud", "1.0.0", 3, 3)
    assert (made.features, made.outputs) == (["age", "city"], ["prediction"])
    assert made.profile.inputs["city"].categories == {hash_of("Bern"): 1, hash_of("Rom"): 2}
    assert registry.get_reference("fraud/latest") == made
    again = registry.set_reference("fraud/1.0.0", {"age": [1, 2]})
    assert (again.rows, again.features, again.answers) == (2, ["age"], 0)
    assert registry.get_reference(version) == again
    told = [event for event in registry.get_history("fraud/1.0.0") if event.type == "version.reference_set"]
    assert [event.data["digest"] for event in told] == [made.digest, again.digest]
    # The version itself is what it was, and the record is still sound.
    assert registry.get_model(version) == before
    assert registry.verify_record().sound


@pytest.mark.every_way
def test_a_version_without_a_reference_says_so(registry: ModelRegistry):
    registry.register_version("fraud", "1.0.0", create=True)
    with pytest.raises(ProfileNotFound, match=r"fraud 1\.0\.0"):
        registry.get_reference("fraud/1.0.0")
    with pytest.raises(ProfileNotFound):
        registry.drift("fraud", against="reference")
    with pytest.raises(VersionNotFound):
        registry.get_reference("fraud/9.9.9")
    with pytest.raises(VersionNotFound):
        registry.set_reference("fraud/9.9.9", TABLE)


def test_without_traffic_there_is_not_enough_data(registry: ModelRegistry):
    for version in ("1.0.0", "2.0.0"):
        registry.register_version("fraud", version, create=True)
    nothing = registry.drift("fraud")
    assert (nothing.version, nothing.against, nothing.drift, nothing.features) == ("2.0.0", "", "not_enough_data", [])
    assert "set a reference" in nothing.reason
    registry.set_reference("fraud/1.0.0", TABLE)
    unseen = registry.drift("fraud", "1.0.0", since="7d")
    assert (unseen.against, unseen.drift, unseen.baseline_rows, unseen.rows) == ("reference", "not_enough_data", 3, 0)
    assert unseen.reason == "no prediction of this time was sampled"
    assert unseen.only_in_baseline == []
    assert registry.drift("fraud", "2.0.0", against="1.0.0").against == "1.0.0"


def test_what_cannot_be_asked_is_refused(either_registry: ModelRegistry):
    registry = either_registry
    registry.register_version("fraud", "1.0.0", create=True)
    with pytest.raises(ModelNotFound):
        registry.drift("nobody")
    with pytest.raises(VersionNotFound):
        registry.drift("fraud", "9.0.0")
    with pytest.raises(VersionNotFound):
        registry.drift("fraud", against="9.0.0")
    with pytest.raises(EndpointNotFound, match="never deployed"):
        registry.drift("fraud", environment="eu")
    for since in ("yesterday", "2999-01-01", "-3h", "24 hours"):
        with pytest.raises(InvalidRequest):
            registry.drift("fraud", since=since)


@pytest.mark.parametrize(
    "profile",
    [
        ProfileDocument(),
        ProfileDocument(rows=1, inputs={"age": FeatureDocument(other=5)}),
        ProfileDocument(rows=1, inputs={"age": FeatureDocument(bins=[(1 << 60, 1)])}),
        ProfileDocument(rows=1, inputs={"age": FeatureDocument(level=99)}),
    ],
)
def test_a_profile_that_nobody_counted_is_refused(either_registry: ModelRegistry, profile):
    either_registry.register_version("fraud", "1.0.0", create=True)
    with pytest.raises(InvalidRequest):
        either_registry.set_reference("fraud/1.0.0", profile)
    with pytest.raises(ProfileNotFound):
        either_registry.get_reference("fraud/1.0.0")


def test_a_large_reference_travels_whole(registry: ModelRegistry, tmp_path: Path):
    registry.register_version("fraud", "1.0.0", create=True)
    values = np.random.default_rng(1).normal(size=(300, 150))
    made = registry.set_reference("fraud/1.0.0", values)
    assert (made.rows, len(made.features)) == (300, 150)
    assert registry.get_reference("fraud/1.0.0").digest == made.digest
