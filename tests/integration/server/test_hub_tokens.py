"""Tokens of a registry in the hands of the Hugging Face Hub's own client."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import RepositoryNotFoundError

from components.servers import ThreadedServer
from modelyard import ModelRegistry


@pytest.mark.feature("EXP-39", "SEC-01", "SEC-02")
def test_tokens_open_what_they_open_elsewhere(tmp_path):
    server = ThreadedServer()
    folder = tmp_path / "registry"
    (tmp_path / "model.bin").write_bytes(b"weights")
    with ModelRegistry(folder) as boss:
        for each in ("fraud", "secret"):
            boss.register_model(tmp_path / "model.bin", each, version="1.0.0")
        token = boss.create_token("vera", {"allow": "viewer", "model": "fraud"}).token
    with server.serving(folder, {"auth.enabled": True}) as where:
        api = HfApi(endpoint=where, token=token)
        assert api.list_repo_files("fraud") == ["model.bin"]
        assert [model.id for model in api.list_models()] == ["modelyard/fraud"]
        assert api.whoami()["name"] == "vera"
        path = hf_hub_download("fraud", "model.bin", endpoint=where, cache_dir=tmp_path / "cache", token=token)
        assert Path(path).read_bytes() == b"weights"
        # What one may not see is not told from what is not there.
        statuses = set()
        for repo in ("secret", "nothing"):
            with pytest.raises(RepositoryNotFoundError, match=r"version\.read") as caught:
                api.model_info(repo)
            statuses.add(caught.value.response.status_code)
        assert statuses == {403}
        for bad in (False, "hf_wrong"):
            with pytest.raises(RepositoryNotFoundError) as caught:
                HfApi(endpoint=where, token=bad).model_info("fraud")
            assert caught.value.response.status_code == 401
            assert caught.value.response.headers["www-authenticate"].startswith("Bearer")
    server.stop()
