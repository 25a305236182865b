"""Webhooks and deliveries go from schema 0005 back to 0004 and up again: what an older modelyard can read is kept."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from components.hooks import Takes, create, hook, listed, send_once
from components.schemas import downgrade
from components.templates import prepared
from components.yards import open_caller
from modelyard.metadata.database import Database
from modelyard.operations import REPLAY_DELIVERIES, ReplayDeliveries

BEFORE = "0004"
OWN = "whsec_" + base64.b64encode(b"Ein Geheimnis, das keiner kennt.").decode()


@pytest.mark.feature("STO-12")
def test_webhooks_and_what_waits_for_them_survive_the_way_down_and_up(database_url: str, tmp_path: Path):
    folder = tmp_path / "registry"
    url = database_url if database_url.startswith("postgresql") else ""
    with open_caller(prepared(folder, url), url) as caller:
        ours = hook(caller, events=["model.*"])
        theirs = hook(caller, format="mlflow", name="ci", events=["registered_model.created"])
        create(caller, "fraud")
    downgrade(database_url, BEFORE)
    old = Database(database_url)
    with old.write() as tx:
        assert {row.secret for row in tx.all(text("SELECT secret FROM webhooks"))} == {"[]"}
        assert [row.webhook_id for row in tx.all(text("SELECT webhook_id FROM deliveries"))] == [ours.id]
        written = {"id": ours.id, "secret": json.dumps([{"secret": OWN}])}
        tx.run(text("UPDATE webhooks SET secret = :secret WHERE id = :id"), written)
    old.close()
    with open_caller(folder, url) as caller:
        taken = Takes()
        send_once(caller, taken)
        assert [parcel.secrets for parcel in taken.parcels] == [(OWN,)]
        create(caller, "churn")
        assert [d.model for d in listed(caller, ours)] == ["churn", "fraud"]
        assert listed(caller, theirs) == []
        assert caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=ours.id, after=0)).queued == 1
