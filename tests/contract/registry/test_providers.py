"""Versions that run elsewhere: what is recorded with them, alike here and over HTTP."""

from __future__ import annotations

import pytest

from modelyard import ModelRegistry
from modelyard.errors import InvalidMetadata, VersionExists
from modelyard.operations import UPDATE_VERSION, UpdateVersion

FLASH = {"kind": "gemini", "model": "gemini-flash", "prompt": "Summarise: {input}", "parameters": {"temperature": 0.2}}


@pytest.mark.feature("REG-25")
def test_a_version_records_its_provider_model_parameters_and_prompt(either_registry: ModelRegistry):
    registry = either_registry
    registry.create_model("helper", "Answers questions")
    first = registry.register_version("helper", "1.0.0", provider=FLASH)
    second = registry.register_version("helper", "1.1.0", provider={**FLASH, "prompt": "In one line: {input}"})
    assert registry.get_model(first).provider == FLASH
    assert registry.get_model(second).provider["prompt"] == "In one line: {input}"
    probed = registry.register_version("helper", "1.2.0", provider=FLASH, input_example="good morning")
    assert registry.get_model(probed).input_example == "good morning"
    assert (registry.get_model(first).files, registry.get_model(first).digest) == ([], "")
    with pytest.raises(VersionExists):
        registry.register_version("helper", "1.0.0", provider=FLASH)


@pytest.mark.feature("REG-25")
@pytest.mark.parametrize(
    ("name", "kind"), [("gemini", "gemini"), ("openai", "openai"), ("claude", "anthropic"), ("Anthropic", "anthropic")]
)
def test_a_model_named_after_a_provider_has_its_usual_model_on_record(either_registry, name, kind):
    either_registry.create_model(name)
    version_id = either_registry.register_version(name, "1.0.0", "stable")
    provider = either_registry.get_model(version_id).provider
    assert (provider["kind"], bool(provider["model"])) == (kind, True)
    own = either_registry.register_version(name, "1.1.0", provider={"kind": "claude", "model": "mine"})
    assert either_registry.get_model(own).provider == {"kind": "anthropic", "model": "mine"}


def test_files_and_other_models_tell_no_provider(either_registry, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    with_files = either_registry.register_model(weights, "gemini", "1.0.0")
    without = either_registry.register_version("fraud", "1.0.0", create=True)
    assert either_registry.get_model(with_files).provider == {}
    assert either_registry.get_model(without).provider == {}
    with pytest.raises(InvalidMetadata, match="files or a provider"):
        either_registry.register_model(weights, "fraud", "2.0.0", provider=FLASH)


def test_a_wrong_record_registers_nothing(either_registry):
    either_registry.create_model("helper")
    for provider, words in [
        ({"kind": "gemini", "model": "m", "promt": "{input}"}, "did you mean prompt"),
        ({"kind": "gemini", "model": "m", "api_key": "x"}, "looks like a key"),
        ({"kind": "gemini", "model": "m", "prompt": "{input"}, "single"),
    ]:
        with pytest.raises(InvalidMetadata, match=words):
            either_registry.register_version("helper", "1.0.0", provider=provider)
    assert either_registry.list_versions("helper") == []


def test_the_provider_of_a_version_stays(either_registry):
    version_id = either_registry.register_version("helper", "1.0.0", provider=FLASH, create=True)
    for other in ({**FLASH, "prompt": "Other: {input}"}, {}, None):
        with pytest.raises(InvalidMetadata, match="stays"):
            either_registry._caller.call(*changing(version_id, other))
    changed = either_registry._caller.call(*changing(version_id, FLASH, description="better"))
    assert (changed.description, changed.provider) == ("better", FLASH)


def changing(version_id, provider, **more):
    """The operation and the request that give a version another provider."""
    return UPDATE_VERSION, UpdateVersion(reference=version_id, metadata={"provider": provider, **more})
