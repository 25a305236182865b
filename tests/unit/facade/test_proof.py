"""Evidence that somebody touched after it was exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from components.templates import prepared
from modelyard import ModelRegistry
from modelyard.errors import InvalidRequest, NotFound
from modelyard.facade.proof import check_evidence


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    with ModelRegistry(prepared(tmp_path / "registry"), actor="ana") as registry:
        for version in ("1.0.0", "1.1.0"):
            registry.create_model("fraud") if version == "1.0.0" else None
            registry.register_version("fraud", version=version, metrics={"accuracy": 0.9})
            registry.promote_model(f"fraud/{version}", "staging")
        registry.audit_checkpoint()
        registry.set_alias("fraud", "champion", 1)
        registry.configure_endpoint("fraud", timeout_s=5.0)
        return registry.export_audit(tmp_path / "evidence")


def edit(folder: Path, name: str, change: Callable[[list[dict]], None]) -> None:
    """Change the lines of a file, and the digest that the manifest names."""
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    change(lines)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / name).write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = blake3(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def found(folder: Path, anchor: str = "") -> str:
    report = check_evidence(folder, anchor)
    assert report.sound is not bool(report.findings)
    return "\n".join(f"{one.kind} {one.subject} {one.position}: {one.problem}" for one in report.findings)


def test_evidence_as_it_was_written_is_sound(evidence: Path):
    assert found(evidence) == ""
    assert check_evidence(evidence).unanchored_events == 3
    assert "no checkpoint here has the hash" in found(evidence, "0" * 64)


def test_evidence_tells_what_endpoints_were(evidence: Path):
    (line,) = [json.loads(line) for line in (evidence / "endpoints.jsonl").read_text().splitlines()]
    assert (line["environment"], line["version"], line["epoch"], line["by"]) == ("production", None, 0, "ana")
    assert line["configuration"]["timeout_s"] == 5.0


def test_evidence_from_before_there_were_endpoints_is_sound(evidence: Path):
    (evidence / "endpoints.jsonl").unlink()
    assert "endpoints.jsonl None: the file is missing" in found(evidence)
    manifest = json.loads((evidence / "manifest.json").read_text())
    del manifest["files"]["endpoints.jsonl"]
    (evidence / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))
    assert found(evidence) == ""


@pytest.mark.feature("SEC-08")
@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("events.jsonl", lambda lines: lines[2].update(actor="eve"), "event fraud 3: the event was changed"),
        ("events.jsonl", lambda lines: lines.pop(2), "event fraud 4: event 3 is missing before it"),
        ("events.jsonl", lambda lines: lines.pop(), "chain fraud None: event 8 is missing at the end"),
        ("events.jsonl", lambda lines: lines.insert(2, lines[1]), "second event at this position"),
        ("events.jsonl", lambda lines: lines[1].update(model_id="md_x"), "the manifest does not name its chain"),
        ("events.jsonl", lambda lines: lines[1].pop("hash"), "line 2 cannot be read"),
        ("events.jsonl", lambda lines: lines[1]["data"].pop("number"), "event fraud 2: the event was changed"),
        ("versions.jsonl", lambda lines: lines[0].update(stage="production"), "state fraud/1.0.0 None: the version is"),
        ("versions.jsonl", lambda lines: lines.pop(), "state fraud/1.1.0 None: the version is missing"),
        ("endpoints.jsonl", lambda lines: lines[0].update(epoch=7), "state fraud/production None: the endpoint is not"),
        ("endpoints.jsonl", lambda lines: lines.pop(), "state fraud/production None: the endpoint is missing"),
        ("checkpoints.jsonl", lambda lines: lines[0]["data"].update(chains=[]), "the checkpoint was changed"),
        (
            "checkpoints.jsonl",
            lambda lines: lines[0]["data"]["chains"][0].__setitem__(2, "x"),
            "that checkpoint 1 recorded",
        ),
    ],
)
def test_touched_evidence_is_found_even_with_a_new_digest(
    evidence: Path, name: str, change: Callable[[list[dict]], None], problem: str
):
    edit(evidence, name, change)
    assert problem in found(evidence)


@pytest.mark.feature("SEC-08")
def test_touched_files_are_found(evidence: Path):
    (evidence / "versions.jsonl").write_bytes((evidence / "versions.jsonl").read_bytes() + b"\n\n")
    assert "file versions.jsonl None: the file was changed" in found(evidence)
    manifest = json.loads((evidence / "manifest.json").read_text())
    del manifest["files"]["versions.jsonl"]
    (evidence / "manifest.json").write_text(json.dumps(manifest))
    assert "the manifest does not name the file" in found(evidence)
    (evidence / "manifest.json").write_text("{}")
    assert "file manifest.json None: it cannot be read" in found(evidence)
    (evidence / "manifest.json").unlink()
    assert "it is missing" in found(evidence)


def test_what_is_no_evidence_is_refused(tmp_path: Path):
    (tmp_path / "text").write_text("no zip file")
    with pytest.raises(InvalidRequest):
        check_evidence(tmp_path / "text")
    with pytest.raises(NotFound):
        check_evidence(tmp_path / "missing")
