"""A yard with all that a page can show: a release under way, one that failed, talk, rules of alerts, people.

It is what `components.yard_to_see` fills, and more.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from components.yard_to_see import CARELESS_VERSION, MODEL, fill
from modelyard import ModelRegistry, ModelyardError

MANY = "ranker"
"""A model with more versions than fit a window, and a long card."""
VERSIONS = 130
PARAGRAPH = "It tells what the model is for, what it was made from, and where it must not be used. " * 8
LONG_CARD = "# About\n\n" + "\n\n".join(f"## Part {part}\n\n{PARAGRAPH}\n\n- one\n- another" for part in range(12))


def crowd(registry: ModelRegistry, folder: Path) -> dict[str, str]:
    """Fill a registry; return the ids of the deployments that are `live` and `ended`, and of an open `promotion`."""
    fill(registry, folder)
    registry.create_model(MANY, description=LONG_CARD, owner="dana", tags={"team": "search"})
    provider = {"kind": "openai", "model": "gpt-4o", "api_key_env": "NO_API_KEY"}
    for number in range(VERSIONS):
        registry.register_version(MANY, f"1.{number}.0", provider=provider, metrics={"ndcg": 0.5 + number / 1000})
    _meet(registry)
    promotion = registry.request_promotion(f"{MODEL}/1.1.0", target_stage="staging", comment="better on all segments")
    for number in range(4):
        registry.comment_promotion(promotion.id, f"What of segment {number}?")
    ended = registry.deploy(MODEL, CARELESS_VERSION, "canary", steps=[50], step_seconds=60, min_requests=20)
    for number in count():
        _ask(registry, number)
        if number % 50 == 0 and not registry.get_deployment(ended.id).live:
            break
    live = registry.deploy(MODEL, "1.1.0", "canary", steps=[20, 50], step_seconds=86_400, min_requests=1_000_000)
    for number in range(100):
        _ask(registry, number)
    return {"live": live.id, "ended": ended.id, "promotion": promotion.id}


def _meet(registry: ModelRegistry) -> None:
    """Let people in, and tell them things."""
    for name in ("ada", "bob"):
        registry.create_user(name, ["developer"])
        registry.create_token(name, description="laptop")
    registry.set_default_alert_rules()
    registry.silence_alerts(duration="2h", reason="we know", model=MANY)
    registry.create_webhook("http://127.0.0.1:9/nobody", ["version.*"], description="to the wiki")
    registry.set_flag(MODEL, "beta", "1.1.0", header="x-channel", equals="beta")
    registry.take_snapshot(MODEL, reason="before the release")


def _ask(registry: ModelRegistry, number: int) -> None:
    try:
        registry.predict(MODEL, [[number]], key=f"user-{number % 100}")
    except ModelyardError:
        return  # The careless version gives some of them no answer.
