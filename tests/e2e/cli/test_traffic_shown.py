"""What takes traffic is shown wherever versions are: by `show`, `as-of`, `used-by`, `lineage`, `stats`, `delete`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.delivering import deploy, open_idle
from components.yards import register
from e2e.cli.conftest import Terminal


@pytest.fixture
def served(tmp_path: Path) -> Terminal:
    """A registry in a folder whose model has two versions in production, and one at the edge."""
    folder = tmp_path / "registry"
    with open_idle(folder) as caller:
        for number in (1, 2, 3):
            register(caller, "fraud", b"%d" % number, version=f"{number}.0.0", data_version="payments@3")
        deploy(caller, "1.0.0")
        deploy(caller, "2.0.0", strategy="canary", steps=[25.0, 100.0])
        deploy(caller, "1.0.0", environment="eu", kind="edge")
    return Terminal(target=str(folder), folder=tmp_path, kind="path")


def words(text: str) -> str:
    """A text without its line breaks and columns."""
    return " ".join(text.split())


@pytest.mark.feature("DEP-16")
def test_a_version_and_its_model_show_what_they_serve(served: Terminal):
    assert "serving 75 % of production" in words(served.ok("show fraud/1.0.0").out).replace("100 % of eu, ", "")
    assert served.json("show fraud/2.0.0")["serving"] == {"production": 0.25}
    assert "serving" not in served.ok("show fraud/3.0.0").out
    assert served.json("describe fraud")["serving"] == {"eu": "1.0.0", "production": "1.0.0"}


@pytest.mark.feature("EXP-31", "DEP-16")
def test_as_of_shows_the_traffic_of_that_moment(served: Terminal):
    at = datetime.now(UTC).isoformat()
    told = served.json(f"as-of fraud --at {at}")
    assert [(one["environment"], one["version"], one["epoch"]) for one in told["endpoints"]] == [
        ("eu", "1.0.0", 1),
        ("production", "1.0.0", 2),
    ]
    shown = words(served.ok(f"as-of fraud --at {at}").out)
    assert "no version of fraud stood in production" in shown
    assert "1.0.0 75 %, 2.0.0 25 %" in shown
    assert told["endpoints"][1]["deployment_id"] in shown


@pytest.mark.feature("LIN-06")
def test_lineage_shows_what_is_live(served: Terminal):
    assert "25 % of production" in words(served.ok("used-by dataset payments").out)
    assert [use["version"] for use in served.json("used-by dataset payments")] == ["1.0.0", "2.0.0"]
    assert len(served.json("used-by dataset payments --all")) == 3
    assert "[25 % of production]" in served.ok("lineage fraud/2.0.0 --output tree").out


@pytest.mark.feature("EXP-34")
def test_what_serves_is_not_deleted(served: Terminal):
    answer = served.run("--yes delete fraud/1.0.0 --force")
    assert answer.code == 5
    assert "force does not help" in words(answer.err)


def test_statistics_count_what_serves(served: Terminal):
    shown = words(served.ok("stats").out)
    assert "endpoints 2, 2 serving" in shown
    assert "deployments STAGE=1, SUCCEEDED=2" in shown


@pytest.mark.feature("SEC-04")
def test_the_check_of_the_record_tells_what_it_leaves_out(served: Terminal):
    answer = served.ok("audit verify")
    assert "the record is as it was written" in answer.out
    assert "leases" in answer.err
    log = words(served.ok("audit log fraud --type 'deployment.*'").out)
    assert "deployment.preflight_passed" in log
    assert "max_seconds" not in log
