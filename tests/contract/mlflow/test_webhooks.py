"""Webhooks over MLflow's protocol: made, listed, changed and tried out, and sent what MLflow's clients change."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from components.hooks import sending
from components.mlflow_wire import PROMPT, MlflowWire
from components.needs import need
from components.receiver import Heard, Receiver
from components.servers import ThreadedServer
from components.templates import prepared
from components.yards import open_caller
from modelyard import ModelRegistry
from modelyard.domain.mlflow.webhooks import EVENTS, sample

HOOK = "https://example.com/webhook"
CREATED = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
INVALID, ABSENT = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowWire]:
    """A server that may reach this machine, and a sender on the same registry."""
    folder = prepared(tmp_path_factory.mktemp("served") / "registry")
    server = ThreadedServer()
    try:
        with (
            server.serving(folder, {"webhooks.allow_private": True}) as url,
            open_caller(folder) as caller,
            sending(caller),
            httpx2.Client(base_url=url, timeout=60) as client,
        ):
            yield MlflowWire(url, client)
    finally:
        server.stop()


@pytest.fixture
def receiver(wire: MlflowWire) -> Iterator[Receiver]:
    """A receiver; the webhooks of its test are deleted in the end."""
    with Receiver() as listening:
        yield listening
        for webhook in wire.ask("GET", "webhooks")["webhooks"]:
            wire.ask("DELETE", f"webhooks/{webhook['webhook_id']}")


def made(wire: MlflowWire, url: str = HOOK, **fields: Any) -> dict[str, Any]:
    """Make a webhook."""
    given = {"name": "ci", "url": url, "events": CREATED} | fields
    webhook: dict[str, Any] = wire.ask("POST", "webhooks", **given)["webhook"]
    return webhook


def event(name: str) -> dict[str, str]:
    """An event as it stands on the wire."""
    entity, _, action = name.upper().partition(".")
    return {"entity": entity, "action": action}


def is_signed(heard: Heard, secret: str) -> bool:
    """Whether the signature is what a receiver with this secret expects."""
    signed = f"{heard.headers['x-mlflow-delivery-id']}.{heard.headers['x-mlflow-timestamp']}.".encode() + heard.body
    wanted = "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
    return heard.headers["x-mlflow-signature"] == wanted


@pytest.mark.feature("EXP-23")
def test_a_webhook_is_made_read_changed_and_deleted(wire: MlflowWire):
    webhook = made(wire, description="d", secret="s3cr3t", events=[event(name) for name in reversed(EVENTS)])
    one = f"webhooks/{webhook['webhook_id']}"
    assert webhook == wire.ask("GET", one)["webhook"]
    stamps = {"creation_timestamp", "last_updated_timestamp"}
    assert {key: value for key, value in webhook.items() if key not in stamps | {"webhook_id"}} == {
        "name": "ci",
        "url": HOOK,
        "description": "d",
        "status": "ACTIVE",
        "events": [event(name) for name in reversed(EVENTS)],
    }
    assert "s3cr3t" not in str(webhook)
    changed = wire.ask("PATCH", one, name="cd", url=HOOK + "2", events=CREATED, status="DISABLED", secret="other")
    kept = wire.ask("PATCH", one, name="", description="", url="", events=[], secret="")
    again = wire.ask("PATCH", one)
    told = [each["webhook"] for each in (changed, kept, again)]
    assert all((w["name"], w["url"], w["events"], w["status"]) == ("cd", HOOK + "2", CREATED, "DISABLED") for w in told)
    assert all(w["description"] == "d" for w in told)
    moments = [webhook["last_updated_timestamp"], *(w["last_updated_timestamp"] for w in told)]
    assert moments == sorted(set(moments)), "the time of the last change always grows"
    assert wire.ask("DELETE", one) == {}
    for method, path in (("GET", one), ("PATCH", one), ("DELETE", one), ("POST", one + "/test")):
        assert wire.refusal(method, path) == (404, ABSENT, f"Webhook with ID {webhook['webhook_id']} not found.")


@pytest.mark.parametrize("secret", [{"is": "12345"}, "12345\0"])
def test_a_secret_that_is_refused_is_not_repeated(wire: MlflowWire, secret: object):
    status, code, message = wire.refusal("POST", "webhooks", name="ci", url=HOOK, events=CREATED, secret=secret)
    assert (status, code) == (400, INVALID)
    assert "'secret'" in message
    assert "12345" not in message


@pytest.mark.feature("EXP-23")
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": ""}, "Missing value for required parameter 'name'"),
        ({"url": None}, "Missing value for required parameter 'url'"),
        ({"events": []}, "Missing value for required parameter 'events'"),
        ({"name": "-a"}, "is invalid"),
        ({"name": "x" * 64}, "is invalid"),
        ({"url": "   "}, "Webhook URL cannot be empty or just whitespace"),
        ({"url": "ftp://example.com"}, "Invalid webhook URL scheme"),
        ({"url": "example.com"}, "Invalid webhook URL scheme"),
        ({"url": "http://[invalid"}, "Invalid webhook URL"),
        ({"url": "https://user:pass@example.com/"}, "Invalid webhook URL"),
        ({"events": "MODEL_VERSION"}, "for parameter 'events' supplied"),
        ({"events": [{"entity": "MODEL_VERSION"}]}, "for parameter 'events' supplied"),
        ({"events": [{"entity": "MODEL", "action": "CREATED"}]}, "for parameter 'events' supplied"),
        ({"events": [{"entity": "MODEL_VERSION", "action": "DELETED"}]}, "Invalid action 'deleted' for entity"),
        ({"status": "PAUSED"}, "for parameter 'status' supplied"),
        ({"secret": "x" * 2000}, "the secret has 2000 bytes"),
        ({"description": "x" * 5000}, "the description has 5000 characters"),
    ],
)
def test_what_cannot_be_is_refused_in_mlflows_words(wire: MlflowWire, fields: dict[str, Any], text: str):
    status, code, message = wire.refusal(
        "POST", "webhooks", **({"name": "ci", "url": HOOK, "events": CREATED} | fields)
    )
    assert (status, code) == (400, INVALID)
    assert text in message


@pytest.mark.feature("EXP-23")
def test_webhooks_are_listed_in_pages_and_those_of_our_own_format_are_not_among_them(wire: MlflowWire, receiver):
    webhooks = [made(wire, name=f"w{number}")["webhook_id"] for number in range(5)]
    with ModelRegistry(wire.url) as registry:
        ours = registry.create_webhook(HOOK)
        theirs = registry.create_webhook(HOOK, ["model_version*"], mlflow_name="from-the-sdk")
        assert {record.format for record in registry.list_webhooks()} == {"modelyard", "mlflow"}
    seen: list[str] = []
    token = ""
    while not seen or token:
        page = wire.ask("GET", "webhooks", max_results=2, page_token=token)
        assert len(page["webhooks"]) == 2
        seen += [webhook["webhook_id"] for webhook in page["webhooks"]]
        token = page.get("next_page_token", "")
    assert seen == [*webhooks, theirs.id]
    assert wire.refusal("GET", f"webhooks/{ours.id}")[:2] == (404, ABSENT)
    for wrong in (-1, 1001):
        assert wire.refusal("GET", "webhooks", max_results=wrong) == (
            400, INVALID, "max_results must be between 1 and 1000.",
        )  # fmt: skip
    assert wire.refusal("GET", "webhooks", page_token="?")[:2] == (400, INVALID)


@pytest.mark.feature("EXP-23")
def test_what_mlflows_clients_change_is_sent(wire: MlflowWire, receiver: Receiver):
    made(wire, receiver.url, events=[event(name) for name in EVENTS], secret="s3cr3t")
    wire.model("fraud", description="d", tags=[{"key": "a", "value": "1"}])
    wire.version("fraud", source="s3://bucket/m", run_id="r1", tags=[{"key": "b", "value": "2"}], description="v")
    named = {"name": "fraud", "version": "1"}
    wire.ask("POST", "model-versions/set-tag", **named, key="c", value="3")
    wire.ask("DELETE", "model-versions/delete-tag", **named, key="c")
    wire.ask("POST", "registered-models/alias", **named, alias="champion")
    wire.ask("DELETE", "registered-models/alias", name="fraud", alias="champion")
    wire.ask("POST", "registered-models/set-tag", name="fraud", key="x", value="y")
    wire.model("greeting", tags=[PROMPT, {"key": "_mlflow_prompt_type", "value": "text"}], description="hello")
    text = {"key": "mlflow.prompt.text", "value": "Hello {{name}}!"}
    wire.version("greeting", source="dummy-source", tags=[PROMPT, text, {"key": "t", "value": "1"}])
    wire.ask("POST", "registered-models/set-tag", name="greeting", key="x", value="y")
    heard = receiver.wait(9)
    assert all(is_signed(one, "s3cr3t") for one in heard)
    told = {f"{one.message['entity']}.{one.message['action']}": one.message["data"] for one in heard}
    assert told == {
        "registered_model.created": {"name": "fraud", "description": "d", "tags": {"a": "1"}},
        "model_version.created": {
            **named, "source": "s3://bucket/m", "run_id": "r1", "tags": {"b": "2"}, "description": "v",
        },
        "model_version_tag.set": {**named, "key": "c", "value": "3"},
        "model_version_tag.deleted": {**named, "key": "c"},
        "model_version_alias.created": {**named, "alias": "champion"},
        "model_version_alias.deleted": {"name": "fraud", "alias": "champion"},
        "prompt.created": {"name": "greeting", "description": "hello", "tags": {}},
        "prompt_version.created": {
            "name": "greeting", "version": "1", "template": "Hello {{name}}!", "tags": {"t": "1"}, "description": None,
        },
        "prompt_tag.set": {"name": "greeting", "key": "x", "value": "y"},
    }  # fmt: skip


@pytest.mark.feature("EXP-23")
def test_what_our_own_sdk_changes_is_sent_too_and_a_disabled_webhook_hears_nothing(
    wire: MlflowWire, receiver: Receiver
):
    made(wire, receiver.url + "/off", events=[event("registered_model.created")], status="DISABLED")
    made(wire, receiver.url, events=[event("registered_model.created")])
    with ModelRegistry(wire.url) as registry:
        registry.create_model("churn", description="from the SDK")
    (heard,) = receiver.wait(1)
    assert heard.path == "/hook"
    assert heard.message["data"] == {"name": "churn", "description": "from the SDK", "tags": {}}


@pytest.mark.feature("EXP-23")
def test_a_test_sends_a_sample_and_tells_what_came_of_it(wire: MlflowWire, receiver: Receiver):
    names = ["model_version.created", "registered_model.created"]
    webhook = made(wire, receiver.url, events=[event(name) for name in names], secret="s3cr3t", status="DISABLED")
    path = f"webhooks/{webhook['webhook_id']}/test"
    assert wire.ask("POST", path)["result"] == {"success": True, "response_status": 204, "response_body": ""}
    receiver.answer = lambda _heard: 401
    refused = wire.ask("POST", path, event=event("prompt_tag.set"))["result"]
    assert refused == {"success": False, "response_status": 401, "response_body": "sorry"}
    for one, name in zip(receiver.heard, ("model_version.created", "prompt_tag.set"), strict=True):
        assert is_signed(one, "s3cr3t")
        assert one.message["data"] == sample(name)
    receiver.answer = lambda _heard: 200
    assert wire.ask("POST", path)["result"]["response_body"] == "sorry", "what a success says is told too"
    assert wire.refusal("POST", path, event={"entity": "x"})[:2] == (400, INVALID)


@pytest.mark.feature("EXP-23")
def test_a_test_of_what_nobody_answers_tells_why(wire: MlflowWire, receiver: Receiver):
    webhook = made(wire, receiver.url)
    receiver.stop()
    result = wire.ask("POST", f"webhooks/{webhook['webhook_id']}/test")["result"]
    assert result["success"] is False
    assert result["error_message"].startswith("Failed to test webhook: 127.0.0.1 cannot be reached")


@pytest.mark.feature("EXP-23")
@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "[::1]", "10.0.0.1", "169.254.169.254"])
def test_without_the_setting_no_private_address_is_taken(mlflow_server: MlflowWire, host: str):
    given = {"name": "ci", "url": f"http://{host}/x", "events": CREATED}
    status, code, message = mlflow_server.refusal("POST", "webhooks", **given)
    assert (status, code) == (400, INVALID)
    assert "non-public IP address" in message
    webhook = made(mlflow_server)["webhook_id"]
    assert mlflow_server.refusal("PATCH", f"webhooks/{webhook}", url=given["url"])[:2] == (400, INVALID)


@pytest.mark.slow
@pytest.mark.feature("EXP-23")
def test_the_unmodified_client_works_with_webhooks(wire: MlflowWire, receiver: Receiver):
    need("mlflow")
    from mlflow import MlflowClient  # noqa: PLC0415 - it takes seconds to import
    from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent, WebhookStatus  # noqa: PLC0415

    client = MlflowClient(tracking_uri=wire.url, registry_uri=wire.url)
    wanted = WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED)
    webhook = client.create_webhook("ci", receiver.url, [wanted], description="d", secret="s3cr3t")
    assert (webhook.events, webhook.secret, webhook.status) == ([wanted], None, WebhookStatus.ACTIVE)
    assert [one.webhook_id for one in client.list_webhooks()] == [webhook.webhook_id]
    client.create_registered_model("from-mlflow")
    client.create_model_version("from-mlflow", "s3://bucket/m", tags={"a": "1"})
    (heard,) = receiver.wait(1)
    assert is_signed(heard, "s3cr3t")
    assert heard.message["data"]["tags"] == {"a": "1"}
    result = client.test_webhook(webhook.webhook_id, WebhookEvent(WebhookEntity.PROMPT, WebhookAction.CREATED))
    assert (result.success, result.response_status, result.error_message) == (True, 204, None)
    changed = client.update_webhook(webhook.webhook_id, name="cd", status=WebhookStatus.DISABLED)
    assert (changed.name, changed.status, changed.description) == ("cd", WebhookStatus.DISABLED, "d")
    client.delete_webhook(webhook.webhook_id)
    assert client.list_webhooks() == []
