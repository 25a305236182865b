"""A loopback server that answers what the real SDK of Weights & Biases asks when it reads artifacts of a project."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from components.scripted import Reply, ScriptedServer, Seen

ENTITY, PROJECT = "acme", "fraud"
_OPERATION = re.compile(r"(?:query|mutation) (\w+)")


@dataclass(frozen=True, kw_only=True)
class StubArtifact:
    """One version of a collection; `references` are paths that are only referred to."""

    files: Mapping[str, bytes]
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    references: tuple[str, ...] = ()
    damaged: bool = False
    """The bytes that are sent are not those that the manifest states."""


class WandbStub:
    """Serves collections of the type `model` of the project acme/fraud.

    Attributes:
        url: where it listens; give it to the SDK as WANDB_BASE_URL.
    """

    def __init__(self, collections: Mapping[str, list[StubArtifact]]) -> None:
        self._collections = collections
        self._server = ScriptedServer(self._answer)
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    @property
    def asked(self) -> list[str]:
        """The methods and paths of all requests."""
        return [f"{seen.method} {seen.target}" for seen in self._server.seen]

    def _answer(self, seen: Seen) -> Reply:
        if seen.target.startswith("/graphql"):
            document = json.loads(seen.body)
            found = _OPERATION.search(document["query"])
            data = getattr(self, f"_on_{found[1]}", _nothing)(document.get("variables") or {}) if found else {}
            return Reply(body=json.dumps({"data": data}).encode())
        _, kind, collection, place, *path = seen.target.split("/", 4)
        artifact = self._collections[collection][int(place)]
        if kind == "manifest":
            return Reply(body=json.dumps(self._manifest(artifact)).encode())
        content = artifact.files[path[0]]
        return Reply(body=content[::-1] if artifact.damaged else content, headers={})

    def _manifest(self, artifact: StubArtifact) -> dict[str, Any]:
        contents: dict[str, Any] = {
            path: {"digest": _md5(content), "size": len(content), "birthArtifactID": "x"}
            for path, content in artifact.files.items()
        }
        contents |= {
            path: {"digest": "etag", "ref": f"s3://elsewhere/{path}", "size": 1} for path in artifact.references
        }
        return {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": contents,
        }

    def _on_Viewer(self, _: Any) -> Any:  # noqa: N802 - named as the SDK's query is, as are the others
        return {
            "viewer": {"id": "u", "entity": ENTITY, "username": "ana", "email": "", "flags": "{}", "teams": _page([])}
        }

    def _on_GetDefaultEntity(self, _: Any) -> Any:  # noqa: N802
        return {"viewer": {"id": "u", "entity": ENTITY}}

    def _on_ServerFeaturesQuery(self, _: Any) -> Any:  # noqa: N802
        return {"serverInfo": {"features": []}}

    def _on_ProjectArtifactType(self, variables: Any) -> Any:  # noqa: N802
        if variables["project"] != PROJECT:
            return {"project": None}
        kind = {"__typename": "ArtifactType", "id": "T", "name": "model", "description": None, "createdAt": _AT}
        return {"project": {"artifactType": kind}}

    def _on_ArtifactTypeArtifactCollections(self, _: Any) -> Any:  # noqa: N802
        listed = [{**_collection(name), "description": f"about {name}"} for name in self._collections]
        return {"project": {"artifactType": {"artifactCollections": _page(listed)}}}

    def _on_ProjectArtifacts(self, variables: Any) -> Any:  # noqa: N802
        name = variables["collection"]
        listed = [self._artifact(name, place) for place in range(len(self._collections[name]))]
        page = _page(listed)
        for place, edge in enumerate(page["edges"]):
            edge["version"] = f"v{place}"
        page["edges"].reverse()
        return {
            "project": {"artifactType": {"artifactCollection": {"__typename": "ArtifactSequence", "artifacts": page}}}
        }

    def _on_FetchArtifactManifest(self, variables: Any) -> Any:  # noqa: N802
        _, name, place = variables["id"].split(":")
        return {"artifact": {"currentManifest": {"file": {"directUrl": f"{self.url}/manifest/{name}/{place}"}}}}

    def _on_GetArtifactMembershipFileUrls(self, variables: Any) -> Any:  # noqa: N802
        name, place = variables["collection"], int(variables["alias"].removeprefix("v"))
        base = f"{self.url}/file/{name}/{place}"
        paths = self._collections[name][place].files
        files = _page([{"__typename": "File", "name": path, "directUrl": f"{base}/{path}"} for path in paths])
        found = {"__typename": "ArtifactSequence", "artifactMembership": {"files": files}}
        return {"project": {"artifactCollection": found}}

    def _artifact(self, name: str, place: int) -> dict[str, Any]:
        artifact = self._collections[name][place]
        return {
            "__typename": "Artifact",
            "id": f"A:{name}:{place}",
            "artifactSequence": _collection(name),
            "versionIndex": place,
            "artifactType": {"name": "model"},
            "description": artifact.description,
            "metadata": json.dumps(artifact.metadata),
            "ttlDurationSeconds": -2,
            "ttlIsInherited": True,
            "tags": [{"__typename": "Tag", "id": tag, "name": tag} for tag in artifact.tags],
            "historyStep": None,
            "state": "COMMITTED",
            "size": sum(map(len, artifact.files.values())),
            "digest": hashlib.md5(json.dumps(sorted(map(_md5, artifact.files.values()))).encode()).hexdigest(),
            "commitHash": f"c{place}",
            "fileCount": len(artifact.files),
            "createdAt": _AT,
            "updatedAt": _AT,
            "aliases": [
                {"__typename": "ArtifactAlias", "id": alias, "alias": alias, "artifactCollection": _collection(name)}
                for alias in artifact.aliases
            ],
        }


_AT = "2026-03-01T12:00:00Z"


def _nothing(_variables: Any) -> dict[str, Any]:
    return {}


def _collection(name: str) -> dict[str, Any]:
    project = {"id": "P", "internalId": "P", "name": PROJECT, "entity": {"name": ENTITY}}
    return {
        "__typename": "ArtifactSequence",
        "id": f"C:{name}",
        "name": name,
        "description": None,
        "createdAt": _AT,
        "updatedAt": _AT,
        "project": project,
        "type": {"name": "model"},
        "tags": _page([]),
    }


def _page(nodes: list[Any]) -> dict[str, Any]:
    end = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
    return {"totalCount": len(nodes), "pageInfo": end, "edges": [{"node": node} for node in nodes]}


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()
