"""MLflow's registry protocol as its clients speak it: requests, answers and refusals over a real connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

PREFIX = "/api/2.0/mlflow/"
SOURCE = "s3://bucket/path/to/model"
"""Where the files of a version are said to be that is made only to be looked at."""
PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}
"""The tag that makes a model, or a version, a prompt."""


@dataclass(frozen=True)
class MlflowWire:
    """A connection to a server that speaks the protocol.

    Attributes:
        url: where the server listens, for clients of other kinds.
    """

    url: str
    client: httpx2.Client

    def send(self, method: str, path: str, /, **fields: Any) -> httpx2.Response:
        """Send a request as MLflow's clients do: GET has its fields in the query, others have them in a JSON body."""
        if method == "GET":
            return self.client.get(PREFIX + path, params=fields)
        return self.client.request(method, PREFIX + path, json=fields)

    def ask(self, method: str, path: str, /, **fields: Any) -> dict[str, Any]:
        """Send a request that has to succeed; return its answer."""
        response = self.send(method, path, **fields)
        assert response.status_code == 200, f"{method} {path}: {response.status_code} {response.text}"
        answer: dict[str, Any] = response.json()
        return answer

    def refusal(self, method: str, path: str, /, **fields: Any) -> tuple[int, str, str]:
        """Send a request that has to be refused; return the status, the code and the message."""
        return refusal_of(self.send(method, path, **fields))

    def model(self, name: str, **fields: Any) -> dict[str, Any]:
        """Make a registered model."""
        made: dict[str, Any] = self.ask("POST", "registered-models/create", name=name, **fields)["registered_model"]
        return made

    def version(self, name: str, source: str = SOURCE, **fields: Any) -> dict[str, Any]:
        """Make a version of a registered model."""
        answer = self.ask("POST", "model-versions/create", name=name, source=source, **fields)
        made: dict[str, Any] = answer["model_version"]
        return made

    def get_model(self, name: str) -> dict[str, Any]:
        """Read a registered model."""
        found: dict[str, Any] = self.ask("GET", "registered-models/get", name=name)["registered_model"]
        return found

    def get_version(self, name: str, version: int | str) -> dict[str, Any]:
        """Read a version."""
        found: dict[str, Any] = self.ask("GET", "model-versions/get", name=name, version=version)["model_version"]
        return found

    def move(self, name: str, version: int | str, stage: str, **fields: Any) -> dict[str, Any]:
        """Move a version to a stage."""
        named = {"name": name, "version": str(version), "stage": stage}
        moved: dict[str, Any] = self.ask("POST", "model-versions/transition-stage", **named, **fields)["model_version"]
        return moved

    def download_uri(self, name: str, version: int | str) -> str:
        """Where the files of a version are."""
        return str(self.ask("GET", "model-versions/get-download-uri", name=name, version=version)["artifact_uri"])

    def models(self, **search: Any) -> list[str]:
        """The names that a search of models finds, in order."""
        return [model["name"] for model in self.ask("GET", "registered-models/search", **search).get(MODELS, [])]

    def versions(self, **search: Any) -> list[tuple[str, int]]:
        """The names and numbers that a search of versions finds, in order."""
        found = self.ask("GET", "model-versions/search", **search).get(VERSIONS, [])
        return [(version["name"], int(version["version"])) for version in found]


MODELS, VERSIONS = "registered_models", "model_versions"


def refusal_of(response: httpx2.Response) -> tuple[int, str, str]:
    """The status, the code and the message of a response that refuses a request."""
    assert 400 <= response.status_code < 500, f"{response.request.url}: {response.status_code} {response.text}"
    told = response.json()
    assert {"error_code", "message"} <= set(told), told
    return response.status_code, told["error_code"], told["message"]


def tags_of(entity: dict[str, Any]) -> dict[str, str]:
    """The tags of a model or of a version."""
    return {tag["key"]: tag.get("value", "") for tag in entity.get("tags", [])}


def tagged(**tags: str) -> list[dict[str, str]]:
    """Tags as requests have them."""
    return [{"key": key, "value": value} for key, value in tags.items()]
