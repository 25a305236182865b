"""The Hugging Face Hub's own client, unmodified, on a registry: its API, its cache, its file system, its program."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    BadRequestError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import get_hf_file_metadata, http_get
from huggingface_hub.hf_api import RepoFile, RepoFolder

from components.servers import ThreadedServer
from modelyard import ModelRegistry
from modelyard.domain.hub import commit_of

pytestmark = pytest.mark.feature("EXP-39")

PROGRAM = Path(sys.executable).parent / "hf"
CLIENT = {"User-Agent": "unknown/None; hf_hub/2.4.0; python/3.11.2"}
OLD, NEW = b"0123456789" * 3_000, b"abcdefghij" * 3_000


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedServer]:
    running = ThreadedServer()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def url(server: ThreadedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that the tests of the module share; each registers models of its own, or only reads `fraud`."""
    with server.serving(tmp_path_factory.mktemp("hub") / "registry") as where:
        yield where


@pytest.fixture(scope="module")
def registry(url: str) -> Iterator[ModelRegistry]:
    with ModelRegistry(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def fraud(registry: ModelRegistry, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model with two versions of two files, one of them the same in both, an alias and a stage."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "sub").mkdir()
    (folder / "sub" / "config.json").write_text('{"layers": 2}')
    (folder / "model.bin").write_bytes(OLD)
    one = registry.register_model(folder, "fraud", version="1.0.0", tags={"team": "risk"}, framework="onnx")
    (folder / "model.bin").write_bytes(NEW)
    two = registry.register_model(folder, "fraud", version="1.1.0")
    registry.set_alias("fraud", "champion", "1.0.0")
    registry.promote_model("fraud/1.0.0", "staging")
    records = [registry.get_model(version) for version in (one, two)]
    return {record.version: commit_of(record.id, record.digest) for record in records}


@pytest.fixture(scope="module")
def api(url: str) -> HfApi:
    """The client, which sends no token."""
    return HfApi(endpoint=url, token=False)


@pytest.fixture
def name(registry: ModelRegistry, tmp_path: Path) -> str:
    """A model of a test's own, with one version of one file."""
    made = f"model-{uuid4().hex[:12]}"
    (tmp_path / "model.bin").write_bytes(made.encode())
    registry.register_model(tmp_path / "model.bin", made, version="1.0.0")
    return made


@pytest.mark.parametrize("repo", ["fraud", "modelyard/fraud"])
@pytest.mark.parametrize(
    ("revision", "content"),
    [
        (None, NEW),
        ("main", NEW),
        ("champion", OLD),
        ("@champion", OLD),
        ("staging", OLD),
        ("1", OLD),
        ("1.0.0", OLD),
        ("^1.0", NEW),
        ("latest", NEW),
    ],
)
def test_a_file_is_fetched_at_any_revision(url, fraud, tmp_path, repo, revision, content):
    options = {"endpoint": url, "cache_dir": tmp_path, "token": False}
    path = Path(hf_hub_download(repo, "model.bin", revision=revision, **options))
    assert path.read_bytes() == content
    commit = path.parent.name
    assert commit == fraud["1.0.0" if content == OLD else "1.1.0"]
    assert Path(hf_hub_download(repo, "model.bin", revision=commit, **options)) == path
    assert path.resolve().name == hashlib.sha256(content).hexdigest()


def test_a_commit_needs_no_server_any_more(url, fraud, tmp_path):
    options = {"cache_dir": tmp_path, "token": False, "revision": fraud["1.0.0"]}
    path = snapshot_download("fraud", endpoint=url, **options)
    assert snapshot_download("fraud", endpoint="http://127.0.0.1:9", local_files_only=True, **options) == path


def test_a_snapshot_keeps_what_two_versions_share_once(url, fraud, tmp_path):
    folders = [
        Path(snapshot_download("modelyard/fraud", revision=revision, endpoint=url, cache_dir=tmp_path, token=False))
        for revision in ("1.0.0", "1.1.0")
    ]
    assert [(folder / "model.bin").read_bytes() for folder in folders] == [OLD, NEW]
    assert len({(folder / "sub" / "config.json").resolve() for folder in folders}) == 1
    assert len(list((tmp_path / "models--modelyard--fraud" / "blobs").iterdir())) == 3


def test_a_download_that_broke_off_goes_on(url, fraud, tmp_path):
    path = tmp_path / "model.bin"
    with path.open("wb") as stream:
        # What is there of the file is not fetched again: other bytes in its place show that.
        stream.write(b"!" * 10_000)
        http_get(
            hf_hub_url("fraud", "model.bin", revision=fraud["1.0.0"], endpoint=url),
            stream,
            resume_size=10_000,
            headers=CLIENT,
            expected_size=len(OLD),
        )
    assert path.read_bytes() == b"!" * 10_000 + OLD[10_000:]


def test_the_metadata_of_a_file_are_the_hubs(url, fraud):
    found = get_hf_file_metadata(hf_hub_url("fraud", "model.bin", endpoint=url), token=False)
    assert (found.commit_hash, found.etag, found.size) == (fraud["1.1.0"], hashlib.sha256(NEW).hexdigest(), len(NEW))
    assert found.xet_file_data is None


def test_models_are_described_with_their_files(api, fraud):
    found = api.model_info("fraud", files_metadata=True, revision="champion")
    assert (found.id, found.author, found.sha) == ("modelyard/fraud", "modelyard", fraud["1.0.0"])
    assert (found.library_name, found.tags) == ("onnx", ["version:1.0.0", "stage:staging", "team:risk"])
    assert [(file.rfilename, file.size, file.lfs.sha256) for file in found.siblings] == [
        ("model.bin", len(OLD), hashlib.sha256(OLD).hexdigest()),
        ("sub/config.json", 13, hashlib.sha256(b'{"layers": 2}').hexdigest()),
    ]
    assert api.model_info("modelyard/fraud").sha == fraud["1.1.0"]
    assert api.list_repo_files("fraud") == ["model.bin", "sub/config.json"]


def test_names_of_versions_are_branches_and_tags(api, fraud, registry, name):
    refs = api.list_repo_refs("fraud", include_pull_requests=True)
    branches = {ref.name: (ref.ref, ref.target_commit) for ref in refs.branches}
    assert branches["main"] == ("refs/heads/main", fraud["1.1.0"])
    assert {key: commit for key, (_, commit) in branches.items()} == {
        "main": fraud["1.1.0"],
        "champion": fraud["1.0.0"],
        "staging": fraud["1.0.0"],
    }
    assert {ref.name: ref.target_commit for ref in refs.tags} == fraud
    assert [commit.commit_id for commit in api.list_repo_commits("fraud")] == [fraud["1.1.0"], fraud["1.0.0"]]
    assert [commit.title for commit in api.list_repo_commits("fraud", revision="champion")] == ["fraud 1.0.0"]
    registry.set_alias(name, "staging", "1.0.0")
    assert [ref.name for ref in api.list_repo_refs(name).branches] == ["main", "@staging"]
    assert api.revision_exists(name, "@staging")
    assert not api.revision_exists(name, "staging")


def test_an_alias_named_main_is_what_clients_get_by_default(api, registry, name, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"newer")
    registry.register_model(tmp_path / "model.bin", name, version="2.0.0")
    newest = api.model_info(name).sha
    assert newest == api.model_info(name, revision="2.0.0").sha
    registry.set_alias(name, "main", "1.0.0")
    assert api.model_info(name).sha == api.model_info(name, revision="1.0.0").sha != newest
    assert {ref.name: ref.target_commit for ref in api.list_repo_refs(name).branches}["main"] == api.model_info(
        name
    ).sha


def test_main_is_what_latest_is_where_the_highest_is_deprecated(api, registry, name, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"newer")
    registry.register_model(tmp_path / "model.bin", name, version="2.0.0")
    registry.deprecate_model(f"{name}/2.0.0", reason="leaks")
    first = api.model_info(name, revision="1.0.0").sha
    assert [ref.target_commit for ref in api.list_repo_refs(name).branches] == [first]
    assert api.model_info(name).sha == first


def test_it_is_told_what_is_there(api, fraud, name):
    assert api.repo_exists("fraud")
    assert not api.repo_exists("frodo")
    assert not api.repo_exists("google/fraud")
    assert not api.repo_exists("fraud", repo_type="dataset")
    assert api.file_exists("fraud", "sub/config.json")
    assert not api.file_exists("fraud", "sub")
    assert api.revision_exists("fraud", fraud["1.0.0"])
    assert not api.revision_exists("fraud", "0" * 40)
    # Another version would have other check digits, and another model's version is none of this one.
    assert not api.revision_exists("fraud", "00000000" + fraud["1.0.0"][8:])
    assert not api.revision_exists(name, fraud["1.0.0"])
    api.auth_check("fraud")


def test_trees_have_files_and_folders(api, fraud):
    tree = list(api.list_repo_tree("fraud", recursive=True, expand=True))
    assert [(type(one), one.path) for one in tree] == [
        (RepoFile, "model.bin"),
        (RepoFolder, "sub"),
        (RepoFile, "sub/config.json"),
    ]
    assert {one.last_commit.oid for one in tree} == {fraud["1.1.0"]}
    assert [one.path for one in api.list_repo_tree("fraud", "sub")] == ["sub/config.json"]
    found = api.get_paths_info("fraud", ["sub", "model.bin", "nothing"], revision="champion")
    assert [one.path for one in found] == ["sub", "model.bin"]
    with pytest.raises(RemoteEntryNotFoundError, match="has no 'nowhere'"):
        list(api.list_repo_tree("fraud", "nowhere"))


def test_models_are_listed_in_pages(api, url, registry):
    names = [f"many-{number:02}" for number in range(7)]
    for each in names:
        registry.create_model(each)
    assert [model.id for model in api.list_models(search="MANY-", sort="created_at")] == [
        f"modelyard/{each}" for each in names
    ]
    assert len(list(api.list_models(search="many-", limit=3))) == 3
    assert list(api.list_models(author="google")) == []
    first = httpx2.get(f"{url}/hf/api/models", params={"search": "many-", "limit": 4})
    second = httpx2.get(first.links["next"]["url"])
    assert [len(first.json()), [model["id"] for model in second.json()]] == [
        4,
        [f"modelyard/{each}" for each in names[4:]],
    ]
    assert "next" not in second.links
    with pytest.raises(BadRequestError, match="cannot be chosen by 'pipeline_tag'"):
        list(api.list_models(pipeline_tag="text-generation"))


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1e9", ""])
def test_a_limit_that_is_none_is_refused(url, limit):
    answer = httpx2.get(f"{url}/hf/api/models", params={"limit": limit})
    assert (answer.status_code, answer.json()["error"][:8]) == (400, "limit is")


def test_a_model_without_versions_is_there_and_empty(api, registry):
    registry.create_model("empty")
    assert (api.model_info("empty").sha, api.model_info("empty").siblings) == (None, [])
    refs = api.list_repo_refs("empty")
    assert (refs.branches, refs.tags) == ([], [])
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_files("empty", revision="main")


def test_a_version_without_files_is_an_empty_commit(api, registry, tmp_path, url):
    registry.register_version("llm", "1.0.0", create=True)
    assert api.list_repo_files("llm") == []
    folder = Path(snapshot_download("llm", endpoint=url, cache_dir=tmp_path, token=False))
    assert (folder.name, folder.exists()) == (api.model_info("llm").sha, False)


@pytest.mark.parametrize(
    "path",
    [
        "/api/models/%00",
        "/api/models/fraud%0d%0aX-Evil:1",
        "/api/models/fraud/revision/%F0%9F%98%80",
        "/api/models/fraud/revision/refs%2Fpr%2F1",
        "/api/models/fraud/tree/main/%00",
        "/api/models/fraud/commits/^^^",
        "/api/models?cursor=nonsense",
        "/api/models?search=%ff",
        "/fraud/resolve/main/..%2f..%2fetc%2fpasswd",
        "/fraud/resolve/main/",
        "/fraud/resolve/99999999999999999999/x",
    ],
)
def test_odd_requests_are_mistakes_of_who_sends_them(url, fraud, path):
    answer = httpx2.get(f"{url}/hf{path}")
    if answer.status_code != 200:
        assert answer.status_code in {400, 404}
        assert answer.json()["error"]
        assert answer.headers["x-error-message"]
        assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    ("repo", "revision", "error"),
    [
        ("frodo", None, RepositoryNotFoundError),
        ("google/fraud", None, RepositoryNotFoundError),
        ("fraud", "9.9.9", RevisionNotFoundError),
        ("fraud", "nobody", RevisionNotFoundError),
        ("fraud", "v1", RevisionNotFoundError),
        ("fraud", "f" * 40, RevisionNotFoundError),
        ("fraud", "production", RevisionNotFoundError),
        ("fraud", "main", RemoteEntryNotFoundError),
    ],
)
def test_what_is_missing_is_told_in_the_hubs_words(url, fraud, tmp_path, repo, revision, error):
    with pytest.raises(error) as caught:
        hf_hub_download(repo, "nothing.bin", revision=revision, endpoint=url, cache_dir=tmp_path, token=False)
    assert caught.value.response.status_code == 404


def test_that_a_file_is_missing_is_remembered_for_the_commit(url, fraud, tmp_path):
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download("fraud", "nothing.bin", endpoint=url, cache_dir=tmp_path, token=False)
    assert (tmp_path / "models--fraud" / ".no_exist" / fraud["1.1.0"] / "nothing.bin").exists()


def test_the_file_system_reads(url, fraud):
    files = HfFileSystem(endpoint=url, token=False, skip_instance_cache=True)
    assert files.ls("modelyard/fraud", detail=False) == ["modelyard/fraud/model.bin", "modelyard/fraud/sub"]
    assert files.find("modelyard/fraud@champion") == [
        "modelyard/fraud@champion/model.bin",
        "modelyard/fraud@champion/sub/config.json",
    ]
    assert files.cat("modelyard/fraud/sub/config.json") == b'{"layers": 2}'
    with files.open("modelyard/fraud@1.0.0/model.bin", "rb", block_size=4_096) as stream:
        stream.seek(20_005)
        assert stream.read(7) == OLD[20_005:20_012]
    assert not files.exists("modelyard/fraud/nothing")


@pytest.mark.parametrize(
    "write",
    [
        lambda api: api.create_repo("fraud", exist_ok=True),
        lambda api: api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id="fraud"),
        lambda api: api.delete_repo("fraud"),
        lambda api: api.create_tag("fraud", tag="v1"),
    ],
    ids=["create", "upload", "delete", "tag"],
)
def test_writing_is_refused_with_the_way_that_works(api, fraud, write):
    with pytest.raises(BadRequestError, match="modelyard register"):
        write(api)
    assert api.list_repo_files("fraud") == ["model.bin", "sub/config.json"]


def test_both_interfaces_answer_at_one_path(url, fraud):
    ours = httpx2.get(f"{url}/api/models/fraud")
    theirs = httpx2.get(f"{url}/api/models/fraud", headers=CLIENT)
    assert (ours.json()["name"], theirs.json()["id"]) == ("fraud", "modelyard/fraud")
    assert httpx2.get(f"{url}/api/models/fraud").json() == ours.json()
    assert httpx2.get(f"{url}/hf/api/models/fraud").json() == theirs.json()
    # What the Hub has not stays ours, whoever asks.
    assert httpx2.get(f"{url}/health", headers=CLIENT).status_code == 200


def test_another_client_takes_the_other_address(url, fraud, tmp_path):
    path = hf_hub_download("fraud", "model.bin", endpoint=f"{url}/hf", cache_dir=tmp_path, token=False)
    assert Path(path).read_bytes() == NEW
    plain = httpx2.get(f"{url}/hf/modelyard/fraud/resolve/1.0.0/model.bin", headers={"Range": "bytes=10-19"})
    assert (plain.status_code, plain.content) == (206, OLD[10:20])
    tag = {"If-None-Match": plain.headers["etag"]}
    assert httpx2.get(f"{url}/hf/fraud/resolve/champion/model.bin", headers=tag).status_code == 304


def test_json_asks_for_paths_too(url, fraud):
    ask = f"{url}/hf/api/models/fraud/paths-info/main"
    found = httpx2.post(ask, json={"paths": ["sub/"], "expand": True}).json()
    assert [(one["path"], one["lastCommit"]["id"]) for one in found] == [("sub", fraud["1.1.0"])]
    assert httpx2.post(ask, json={"paths": "sub"}).status_code == 400
    assert httpx2.post(ask, content=b"[", headers={"Content-Type": "application/json"}).status_code == 400


def test_the_program_downloads(url, fraud, tmp_path):
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    arguments = ["download", "modelyard/fraud", "--revision", "champion", "--local-dir", str(tmp_path / "here")]
    done = subprocess.run(
        [str(PROGRAM), *arguments], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "model.bin").read_bytes() == OLD
    assert json.loads((tmp_path / "here" / "sub" / "config.json").read_text()) == {"layers": 2}
