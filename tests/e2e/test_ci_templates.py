"""The GitHub Action and the GitLab template: their steps run in bash, against a real server, as a CI would run them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.deadlines import until
from components.servers import ThreadedServer
from modelyard import ModelRegistry
from modelyard.domain.wire import Promotion

pytestmark = pytest.mark.feature("API-08", "STG-12")

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "ci"
PAGE = ROOT / "docs" / "how-to" / "promote-from-ci.md"
INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")
GRAPH = {
    "initial": "staging",
    "moves": {"staging": {"production": {"requirements": {"min_auc": 0.9}, "approvals": 1}}, "production": []},
}
ACTION: dict[str, Any] = yaml.safe_load((CI / "github" / "action.yml").read_text(encoding="utf-8"))
GITLAB: dict[str, Any] = yaml.safe_load((CI / "gitlab" / "modelyard.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = ThreadedServer()
    with server.serving(tmp_path_factory.mktemp("ci") / "registry") as where:
        yield where
    server.stop()


@pytest.fixture(scope="module")
def registry(url: str) -> Iterator[ModelRegistry]:
    """A registry whose production needs a good model and a second person."""
    with ModelRegistry(url) as opened:
        opened.set_stage_graph(GRAPH)
        yield opened


@pytest.fixture
def reference(registry: ModelRegistry, request: pytest.FixtureRequest) -> str:
    """A version of a model of the test's own, which meets the gate."""
    name = re.sub(r"\W+", "-", request.node.name)
    registry.register_version(name, "1.0.0", create=True, metrics={"auc": 0.95})
    return f"{name}/1.0.0"


def start(script: str, folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    """Begin to run a script in bash, with these variables and none that the tests were given."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "PROMOTE_", "GITHUB_"))
    }
    environment = {**own, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **variables}
    return subprocess.Popen(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def act(folder: Path, given: Mapping[str, str]) -> subprocess.Popen[str]:
    """Begin the only step of the action, with inputs as a workflow gives them; those left out have their defaults."""
    (step,) = ACTION["runs"]["steps"]
    values = {name: given.get(name, str(told.get("default", ""))) for name, told in ACTION["inputs"].items()}
    variables = {name: INPUT.sub(lambda found: values[found[1]], text) for name, text in step["env"].items()}
    runner = {"GITHUB_ACTION_PATH": str(CI / "github"), "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return start(step["run"], folder, {**variables, **runner})


def asked(registry: ModelRegistry, reference: str, job: subprocess.Popen[str]) -> Promotion:
    """The open request for a version, as soon as a job has made it."""
    name = reference.partition("/")[0]
    until(lambda: job.poll() is not None or registry.list_promotions(name, state="open"), "a request")
    assert job.poll() is None, ended(job)
    return registry.list_promotions(name, state="open")[0]


def ended(job: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code of a job, and what it printed."""
    printed, _ = job.communicate(timeout=100)
    return job.returncode, printed


def test_the_action_uses_the_inputs_that_it_declares():
    (step,) = ACTION["runs"]["steps"]
    assert (ACTION["runs"]["using"], step["shell"]) == ("composite", "bash")
    used = {name for text in step["env"].values() for name in INPUT.findall(text)}
    assert used == set(ACTION["inputs"])
    assert not INPUT.findall(step["run"]), "an input in a script would be run as one"
    script = (CI / "promote.sh").read_text(encoding="utf-8")
    assert {name for name in step["env"] if name not in script} <= {"MODELYARD_TOKEN"}
    assert all(told["description"] for told in ACTION["inputs"].values())


def test_the_action_waits_for_an_approval_and_moves_the_version(url, registry, reference, tmp_path):
    requirements = '{"min_auc": 0.5}'
    job = act(tmp_path, {"registry": url, "reference": reference, "requirements": requirements, "comment": "nightly"})
    request = asked(registry, reference, job)
    registry.approve_promotion(request, "bob", comment="checked")
    code, printed = ended(job)
    assert (code, f"moved from staging to production by {request.id}" in printed) == (0, True), printed
    done = registry.get_promotion(request)
    assert (done.state, done.comment, done.requirements) == ("applied", "nightly", {"min_auc": 0.5})
    summary = (tmp_path / "summary.md").read_text()
    assert "is applied." in summary
    assert "bob: approve, checked" in summary
    assert "| gate | required | found | met | why |" in summary
    assert registry.get_model(reference).stage == "production"


def test_the_action_fails_when_people_refuse(url, registry, reference, tmp_path):
    job = act(tmp_path, {"registry": url, "reference": reference})
    registry.reject_promotion(asked(registry, reference, job), "bob", comment="recall fell")
    code, printed = ended(job)
    assert (code, "recall fell" in printed) == (6, True), printed
    assert "is rejected." in (tmp_path / "summary.md").read_text()


def test_the_action_only_looks_if_told_so(url, registry, reference, tmp_path):
    inputs = {"registry": url, "reference": reference, "check-only": "true"}
    code, printed = ended(act(tmp_path, {**inputs, "requirements": '{"min_f1": 0.8}'}))
    assert (code, "min_f1" in printed) == (6, True), printed
    assert ended(act(tmp_path, inputs))[0] == 0
    assert (tmp_path / "summary.md").read_text().count("### ") == 2
    assert registry.list_promotions(reference.partition("/")[0]) == []


def test_an_undecided_request_is_left_for_the_next_run(url, registry, reference, tmp_path):
    code, printed = ended(act(tmp_path, {"registry": url, "reference": reference, "timeout": "0.5s"}))
    (request,) = registry.list_promotions(reference.partition("/")[0], state="open")
    assert (code, f"{request.id} is still pending" in printed) == (8, True), printed
    job = act(tmp_path, {"registry": url, "reference": reference})
    registry.approve_promotion(request, "bob")
    assert ended(job)[0] == 0
    assert registry.get_promotion(request).state == "applied"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_job_leaves_its_request_open_and_says_so(url, registry, reference, tmp_path, number):
    job = act(tmp_path, {"registry": url, "reference": reference})
    request = asked(registry, reference, job)
    assert job.stdout is not None
    assert "waits for approval" in job.stdout.readline()
    job.send_signal(number)
    code, printed = ended(job)
    assert (code, f"{request.id} stays open" in printed) == (130, True), printed
    assert registry.get_promotion(request).state == "pending"
    assert "is pending." in (tmp_path / "summary.md").read_text()


def test_the_gitlab_job_does_the_same(url, registry, reference, tmp_path):
    template = GITLAB[".modelyard-promote"]
    own = {"MODELYARD_URI": url, "PROMOTE_REFERENCE": reference, "PROMOTE_SCRIPTS": str(CI)}
    job = start("\n".join(template["script"]), tmp_path, {**template["variables"], **own})
    request = asked(registry, reference, job)
    registry.approve_promotion(request, "bob")
    code, printed = ended(job)
    assert code == 0, printed
    (kept,) = template["artifacts"]["paths"]
    assert f"{request.version} to production" in (tmp_path / kept).read_text()


def test_a_variable_that_is_missing_is_named(tmp_path):
    code, printed = ended(start(str(CI / "promote.sh"), tmp_path, {"MODELYARD_URI": "http://127.0.0.1:9"}))
    assert (code != 0, "PROMOTE_REFERENCE: names the version" in printed) == (True, True)


def test_the_page_shows_what_there_is(url, registry, reference):
    text = PAGE.read_text(encoding="utf-8")
    github, gitlab = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    (step,) = (step for step in github["jobs"]["promote"]["steps"] if "modelyard" in step["uses"])
    path = step["uses"].partition("@")[0].removeprefix("OWNER/modelyard/")
    assert (ROOT / path / "action.yml").is_file()
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert {name for name, told in ACTION["inputs"].items() if told.get("required")} <= set(step["with"])
    (included,) = gitlab["include"]
    assert (ROOT / included["file"]).is_file()
    assert gitlab["promote"]["extends"] in GITLAB
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert [target for target in targets if not (PAGE.parent / target).exists()] == []
