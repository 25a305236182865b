"""A yard that nobody wants to look at: attacks, endless words, names of built-in things, extreme figures."""

from __future__ import annotations

from pathlib import Path

from components.yard_to_see import STEADY
from modelyard import ModelRegistry

HACK = "window.hacked='yes'"
IMAGE = f'<img src=x onerror="{HACK}">'
SCRIPT = f'"><script>{HACK}</script>'
ADDRESS = f"javascript:{HACK}"
TEMPLATE = "{{constructor.constructor('" + HACK + "')()}} ${" + HACK + "} <%= 1 %>"
UNSEEN = "a\u200bb\u200dc\ufeffd \u05e9\u05dc\u05d5\u05dd"
ENDLESS = "W" * 10_000
WORDS = f"{IMAGE} {SCRIPT} {ADDRESS} {TEMPLATE} {UNSEEN} {ENDLESS}"

MODEL = "evil"
LONGEST = "w" * 250
ODD_NAMES = (
    "my team (fraud), v=1 + 'x' & y!",
    "caf\u00e9",
    "\u6a21\u578b \u0627\u0644",
    "1.0",
    "latest",
    "constructor",
    "..a",
    LONGEST,
)
ODD_VERSION = "1.0.0-alpha.1+b.2"
STAGES = 60
TAGS = 300
ALIASES = 40
METRICS = {
    IMAGE: 1.0, SCRIPT: 2.0, "W" * 250: 3.0, "constructor": 0.5, "__proto__": 0.25, "toString": 0.1,
    "large": 1e308, "small": 5e-324, "minus_zero": -0.0,
}  # fmt: skip
PARAMETERS = {IMAGE: SCRIPT, "constructor": ADDRESS, "__proto__": 1, "long": ENDLESS, "deep": {"a": [IMAGE]}}
CARD = f"""# {IMAGE}

[a]({ADDRESS}) [b](data:text/html,<script>{HACK}</script>) ![c](data:image/svg+xml,<svg onload={HACK}>)
![d](https://elsewhere.example/x.png) [![e](https://elsewhere.example/y.png)](https://elsewhere.example) [f] {TEMPLATE}

<iframe src="https://elsewhere.example"></iframe><style>* {{ display: none }}</style>
<a href="{ADDRESS}" onclick="{HACK}">g</a>

[f]: {ADDRESS}

{ENDLESS}
"""
CARDS = {
    "attack": CARD,
    "quotes": ">" * 5_000 + " deep",
    "lists": "\n".join("  " * depth + "- x" for depth in range(300)),
    "brackets": "[" * 30_000 + "a" + "]" * 30_000,
    "links": "[a](b" * 30_000,
    "stars": "*" * 200_000,
    "table": "\n".join("|".join("x" * 301) for _ in range(60)).replace("x\n", "x|\n", 1),
    "long": "word **bold** `code` [l](https://elsewhere.example)\n\n" * 5_000,
    "megabyte": "word **bold** `code` [l](https://elsewhere.example)\n\n" * 20_000,
}
"""Files named README.md that keep a reader of Markdown busy, or lead it astray."""


def fill(registry: ModelRegistry, folder: Path) -> str:
    """Register all that; give the id of a promotion with comments."""
    _odd_names(registry)
    _cards(registry, folder)
    source = _folder(folder / "evil", CARD)
    (source / "empty.bin").write_bytes(b"")
    (source / f"<img src=x onerror={HACK}>.txt").write_text("x", encoding="utf-8")
    (source / ("w" * 200)).write_text("x", encoding="utf-8")
    tags = {"a": IMAGE, "b": ENDLESS[:4_000], "constructor": SCRIPT, "__proto__": ADDRESS}
    registry.create_model(MODEL, WORDS, owner=IMAGE, team=SCRIPT, tags=tags)
    for version in ("1.0.0+a.b", "2.0.0"):
        registry.register_model(
            str(source), MODEL, version, metrics=METRICS, description=WORDS, owner=IMAGE, created_by=SCRIPT,
            hyperparameters=PARAMETERS, tags={f"t{number}": IMAGE for number in range(TAGS)}, changelog=IMAGE,
            known_issues=[SCRIPT], training_data=IMAGE, code_version=ADDRESS,
            extra={"constructor": IMAGE, "__proto__": {"x": SCRIPT}},
        )  # fmt: skip
    for number in range(ALIASES):
        registry.set_alias(MODEL, f"alias-{number}-{'x' * 5 * number}", "2.0.0")
    registry.promote_model(f"{MODEL}/2.0.0", "staging")
    registry.report_tests(f"{MODEL}/2.0.0", "cloud", passed=False, output=WORDS)
    registry.deploy(MODEL, "2.0.0", wait=60)
    _failing(registry, folder)
    _alarming(registry)
    return _talk(registry)


def _odd_names(registry: ModelRegistry) -> None:
    moves = {
        f"s{one}": [f"s{other}" for other in (one - 1, one + 1, one + 3) if 0 <= other < STAGES]
        for one in range(STAGES)
    }
    registry.create_model("sixty")
    registry.set_stage_graph({"initial": "s0", "moves": moves}, "sixty")
    for name in ("sixty", *ODD_NAMES):
        provider = {"kind": "openai", "model": "gpt-4o", "api_key_env": "NO_API_KEY"}
        registry.register_version(name, ODD_VERSION, provider=provider, create=True)


def _cards(registry: ModelRegistry, folder: Path) -> None:
    for name, card in CARDS.items():
        registry.register_model(str(_folder(folder / name, card)), f"card {name}", "1.0.0")


def _failing(registry: ModelRegistry, folder: Path) -> None:
    source = _folder(folder / "failing", "x")
    (source / "predictor.py").write_text(f"raise RuntimeError({WORDS!r})\n", encoding="utf-8")
    registry.register_model(str(source), MODEL, "3.0.0")
    registry.deploy(MODEL, "3.0.0", wait=60)


def _alarming(registry: ModelRegistry) -> None:
    registry.set_alert_rule("constructor" * 9, "threshold", model="*", metric="p95", above=0.3)
    registry.set_channel("constructor", "webhook", url=f"http://127.0.0.1:9/{'x' * 500}")
    registry.silence_alerts(duration="900h", reason=WORDS[:900], model=MODEL)
    registry.create_user("constructor", "viewer")
    registry.create_user(f"a+b@{'x' * 120}", "viewer")
    registry.create_token("constructor", description=IMAGE + SCRIPT)
    registry.set_flag(MODEL, "constructor", "2.0.0", header="x-a", equals=IMAGE)
    registry.take_snapshot(MODEL, reason=IMAGE + SCRIPT)


def _talk(registry: ModelRegistry) -> str:
    told = WORDS[:9_000]
    asked = registry.request_promotion(
        f"{MODEL}/2.0.0", target_stage="production", requester="<b>ana</b>", comment=told
    )
    for words in (IMAGE, SCRIPT, TEMPLATE, UNSEEN, ENDLESS):
        registry.comment_promotion(asked, words, author=words[:200])
    other = registry.request_promotion(f"{MODEL}/1.0.0+a.b", target_stage="staging", requester="zoe", comment=IMAGE)
    registry.reject_promotion(other, SCRIPT, comment=told)
    registry.deprecate_model(f"{MODEL}/1.0.0+a.b", reason=IMAGE + SCRIPT)
    return asked.id


def _folder(place: Path, card: str) -> Path:
    place.mkdir()
    (place / "predictor.py").write_text(STEADY, encoding="utf-8")
    (place / "README.md").write_text(card, encoding="utf-8")
    return place
