"""A copy to a registry that asks who comes: it gets the token that is meant for it, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.servers import ThreadedServer
from modelyard import ModelRegistry
from modelyard.errors import Unauthenticated


@pytest.mark.feature("EXP-28")
def test_the_other_registry_gets_a_token_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with ModelRegistry(tmp_path / "other") as boss:
        token = boss.create_token("ana", "developer").token
    server = ThreadedServer()
    with (
        server.serving(tmp_path / "other", {"auth.enabled": True}) as url,
        ModelRegistry(tmp_path / "own") as registry,
    ):
        registry.register_version("fraud", "1.0.0", create=True)
        # Were the first registry's token sent, this would be enough.
        monkeypatch.setenv("MODELYARD_TOKEN", token)
        with pytest.raises(Unauthenticated):
            registry.copy_version("fraud/1.0.0", to=url)
        monkeypatch.setenv("MODELYARD_OTHER_TOKEN", token)
        assert registry.copy_version("fraud/1.0.0", to=url).copied
    server.stop()
