/** A deployment for tests: a canary of 1.4.2 at its first step of two, with a watch at the end. */

import type { Deployment } from "./state";

const OLD = { version_id: "mv_old", version: "1.4.1" };
const NEW = { version_id: "mv_new", version: "1.4.2" };
const step = { shadow: [], warm: [], min_seconds: 60, min_requests: 100, max_seconds: 3600, hold: false };

export const began = "2026-03-01T12:00:00.000000Z";

export function deploymentOf(other: Partial<Deployment>): Deployment {
  const line = { from_state: "", epoch: 1, actor: "ann", reason: "", evidence: {} };
  return {
    id: "dp_1",
    name: "fraud",
    environment: "production",
    endpoint_id: "ep_1",
    version: NEW.version,
    version_id: NEW.version_id,
    base: OLD.version,
    base_id: OLD.version_id,
    strategy: "canary",
    state: "STAGE",
    step: 0,
    weight: 0.1,
    reason: "",
    verdict: { state: "HEALTHY", reason: "nothing speaks against it", evidence: {} },
    plan: {
      steps: [
        { ...step, arms: [{ ...OLD, weight: 0.9 }, { ...NEW, weight: 0.1 }] },
        { ...step, arms: [{ ...NEW, weight: 1 }] },
      ],
      bake_seconds: 120,
      final: [{ ...NEW, weight: 1 }],
      warm: [],
    },
    options: {
      limits: null,
      on_inconclusive: "hold",
      probes: 3,
      max_probe_s: null,
      replicas: null,
      start_at: "",
      window: null,
      keep_warm_seconds: null,
      deprecate: false,
      judge: {
        mode: "act",
        alpha: 0.05,
        metrics: ["errors"],
        tolerate_errors: 1,
        tolerate_latency: 0,
        fast_enough_s: 0.005,
        tolerate_tokens: 0,
        max_error_rate: null,
        require_proof: null,
        beta: 0.05,
      },
      more: {},
    },
    epoch: 2,
    snapshot_id: "sn_1",
    since: began,
    resumes: "",
    unproven: [],
    skew_told: false,
    rollback: null,
    revision: 3,
    live: true,
    actor: "ann",
    due_at: "2026-03-01T12:01:00.000000Z",
    created_at: "2026-03-01T11:59:59.000000Z",
    updated_at: began,
    finished_at: null,
    history: [
      { ...line, position: 1, event: "created", to_state: "PENDING", step: 0, at: "2026-03-01T11:59:59.000000Z" },
      { ...line, position: 2, event: "preflight_passed", to_state: "STAGE", step: 0, at: began },
    ],
    observed: [
      { ...NEW, requests: 40, errors: 0, error_rate: 0, p50_s: 0.01, p95_s: 0.02, p99_s: 0.03, tokens: 0 },
    ],
    judgement: null,
    ...other,
  };
}

/** What the judge says of it. */
export const judgement = {
  state: "HEALTHY",
  reason: "nothing speaks against it",
  alpha: 0.05,
  limit: 20,
  challengers: [
    {
      ...NEW,
      e_value: 0.5,
      peak: 1.2,
      metrics: [{ metric: "errors", e_value: 0.5, weight: 1, detail: "" }],
      proof: 3,
      proof_ratio: 2,
      units: 40,
      base_units: 400,
      failed: 0,
      base_failed: 4,
      harm: 0,
      needed: 900,
    },
  ],
  skew: 1,
  void: "",
  position: 2,
  dropped: 0,
  damaged: 0,
};
