"""A yard that is worth looking at: models, versions in stages, an endpoint, and words that would like to be markup."""

from __future__ import annotations

from pathlib import Path

from modelyard import ModelRegistry

ATTACK = "<img src=x onerror=\"window.hacked='yes'\"><script>window.hacked='yes'</script>"
"""Stays text wherever it is shown; `window.hacked` tells if it did not."""
CARD = f"""# Fraud

Finds **fraud**.

[click](javascript:window.hacked='yes') {ATTACK}

| a | b |
|---|---|
| 1 | 2 |
"""

STEADY = """
class Predictor:
    inputs = "json"

    def predict(self, rows):
        return [0 for _ in rows]
"""
CARELESS = """
class Predictor:
    inputs = "json"

    def predict(self, rows):
        if any(row[0] % 2 for row in rows):
            raise ValueError("nobody told me of odd ones")
        return [0 for _ in rows]
"""
MODEL = "fraud"
STEADY_VERSIONS = ("1.0.0", "1.1.0")
CARELESS_VERSION = "1.2.0"


def fill(registry: ModelRegistry, folder: Path) -> None:
    """Register two models; the second one is served by a version that does its work, and has one that does not."""
    registry.create_model("churn", description=ATTACK, owner="dana", tags={"team": ATTACK[:200]})
    registry.register_version(
        "churn", "0.1.0", provider={"kind": "openai", "model": "gpt-4o", "api_key_env": "NO_API_KEY"}
    )
    for place, version in enumerate((*STEADY_VERSIONS, CARELESS_VERSION)):
        source = folder / version
        source.mkdir()
        (source / "predictor.py").write_text(CARELESS if version == CARELESS_VERSION else STEADY, encoding="utf-8")
        (source / "README.md").write_text(CARD, encoding="utf-8")
        registry.register_model(
            str(source),
            MODEL,
            version,
            metrics={"accuracy": 0.9 + place / 100, "f1": 0.8 - place / 100},
            hyperparameters={"depth": str(3 + place), "note": ATTACK},
            description=CARD,
        )
    registry.promote_model(f"{MODEL}/1.0.0", "staging")
    registry.promote_model(f"{MODEL}/1.0.0", "production")
    registry.set_alias(MODEL, "champion", "1.0.0")
    registry.deploy(MODEL, "1.0.0", wait=60)
