"""The tables, drawn once.

    models ─┬─< versions ──┬─< version_metrics     numbers to sort by; derived from the version's document
            │              └─< aliases             movable names
            └─< events                             hash-chained facts, one chain a model
    manifests ─< manifest_blobs                    which content a version has; shared by equal versions
    models ──< stage_graphs                         a graph of one's own; the registry's stands at its own row
    models ─── audit_marks                          where the newest checkpoint saw the end of the chain
    models ─┬─< promotions >── versions             requests to move a version, with verdicts and approvals
    versions ─┬─< placements                        stages that it holds in environments, besides its own stage
              └─< lineage_refs                      datasets, features, code and runs that it names, to look them up
    models ──< endpoints ─┬─< routes                 what an endpoint served, epoch by epoch
                          ├─< deployments ─< deployment_history   each change of a route, step by step
                          └─< snapshots              what it served at a moment; what a rollback restores
    versions ─┬─< observations                      what predictions did, by endpoint, epoch, and minute, hour or day
              ├─< feedback                          what the application said of a prediction later
              └─< profiles                          how inputs and outputs are spread: the reference, and hour by hour
    deployments ─┬─< evidence                        what the judge takes in, in the order in which he did
                 ├── judgements                      what he goes by, where he stands, and what he says
                 └── ab_tests                        how a test between versions stands
    secrets                                        what only this registry knows, such as what seals prediction ids
    alert_rules ─< alerts ─< notifications >── channels     what is watched, what was wrong, who is told; silences
    models ──< model_tags, versions ──< version_tags      tags to search by; derived from the documents
    proxied_files                                  files kept for MLflow's clients, by path; the bytes lie in the store
    versions ──< forwards                          versions to send on to other systems, and where they went
    recorders                                      which of its batches each recording process has written last
    exports                                        what processes have counted for Prometheus
    leases                                         who may control; with a fence that only grows
    principals, tokens                             who may do what; a token's secret is kept as its hash
    webhooks ─< deliveries >── events               what is still to be sent, and what was
    idempotency                                    answers to keep for a repeated request
    pending_views                                  readable trees still to be written after a commit
    versions_search                                words of a version; its form depends on the dialect (see search.py)

Rows of deleted versions stay as tombstones (`deleted_at`), so that no number and no SemVer is ever used twice. A
deleted model gives its name free: `live_name` is unique and NULL after deletion, which all dialects treat as "no
conflict".

Every table has a `workspace`, always `default` for now. Documents and tags are JSON text written by msgspec: the
database never looks into them.
"""

from __future__ import annotations

from modelyard.metadata.tables.delivery import *  # noqa: F403 - the schema is all tables of its modules
from modelyard.metadata.tables.ecosystem import *  # noqa: F403 - the schema is all tables of its modules
from modelyard.metadata.tables.registry import *  # noqa: F403 - the schema is all tables of its modules
from modelyard.metadata.tables.telemetry import *  # noqa: F403 - the schema is all tables of its modules
