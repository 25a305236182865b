"""Forwards by the public interface: a folder and a server tell the same of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.deadlines import until
from components.forwarding import TO_MLFLOW, opened, send_once
from components.servers import ThreadedServer
from components.templates import prepared
from components.yards import register
from modelyard import Conflict, InvalidRequest, ModelRegistry, NotFound

NOWHERE = "http://ann:hunter22@127.0.0.1:9"
"""No address that is taken: what is to go there has failed at once."""


@pytest.fixture(params=["embedded", "remote"])
def registry(request, tmp_path: Path, monkeypatch, http_server: ThreadedServer) -> Iterator[ModelRegistry]:
    """A registry whose versions are sent on, in vain."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    folder = prepared(tmp_path / "registry")
    if request.param == "embedded":
        monkeypatch.setenv("MODELYARD_MLFLOW_ENABLED", "true")
        with ModelRegistry(folder) as found:
            yield found
        return
    with http_server.serving(folder, TO_MLFLOW) as url, ModelRegistry(url) as found:
        yield found


def given_up(registry: ModelRegistry, folder: Path) -> None:
    """Wait until nothing is pending any more; where no sender runs, do its work."""
    if registry.address.startswith("http"):
        with opened(folder, TO_MLFLOW) as caller:
            send_once(caller, TO_MLFLOW)
    until(lambda: not registry.forwards(state="pending"), "everything has been tried")


@pytest.mark.feature("INT-01")
@pytest.mark.every_way
def test_forwards_are_listed_and_tried_again(registry, tmp_path):
    for name in ("fraud", "churn"):
        registry.create_model(name)
    for version in ("1.0.0", "1.1.0"):
        registry.register_version("fraud", version)
    registry.register_version("churn", "1.0.0")
    given_up(registry, tmp_path / "registry")
    records = registry.forwards()
    assert [(one.name, one.version, one.target, one.state) for one in records] == [
        ("churn", "1.0.0", "mlflow", "failed"),
        ("fraud", "1.1.0", "mlflow", "failed"),
        ("fraud", "1.0.0", "mlflow", "failed"),
    ]
    assert "holds a user" in str(records[0].last_error)
    assert "hunter22" not in str(records)
    assert [one.version for one in registry.forwards("fraud")] == ["1.1.0", "1.0.0"]
    assert [one.name for one in registry.forwards("churn/latest")] == ["churn"]
    assert [one.name for one in registry.forwards(registry.get_model("churn"), limit=1)] == ["churn"]
    assert len(registry.forwards(target="mlflow", limit=2)) == 2
    assert registry.forwards(target="wandb") == []
    again = registry.retry_forward(records[0])
    assert (again.id, again.state, again.last_error) == (records[0].id, "pending", None)
    given_up(registry, tmp_path / "registry")
    assert {one.state for one in registry.forwards()} == {"failed"}


def test_what_makes_no_sense_is_refused(registry, tmp_path):
    registry.create_model("fraud")
    registry.register_version("fraud", "1.0.0")
    given_up(registry, tmp_path / "registry")
    for wrong in ({"state": "odd"}, {"target": "odd"}):
        with pytest.raises(InvalidRequest):
            registry.forwards(**wrong)
    with pytest.raises(NotFound):
        registry.forwards("churn")
    with pytest.raises(NotFound):
        registry.retry_forward(1 << 40)
    for odd in ("1", True, None):
        with pytest.raises(InvalidRequest):
            registry.retry_forward(odd)


def test_what_has_not_failed_is_not_tried_again(tmp_path):
    folder = prepared(tmp_path / "registry")
    with ModelRegistry(folder) as registry, opened(folder, TO_MLFLOW) as elsewhere:
        registry.create_model("fraud")
        registry.register_version("fraud", "1.0.0")
        assert registry.forwards() == []
        register(elsewhere, "churn")
        (record,) = registry.forwards()
        with pytest.raises(Conflict, match="has not failed"):
            registry.retry_forward(record)
