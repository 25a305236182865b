/** A server with one promotion, for tests. */

import { answering as answer, type Asked, Refusal } from "../../testing/server";
import type { Promotion } from "../promotions/rights";

export { Refusal };
export type Answer = Partial<Promotion>;

const USUAL = {
  id: "pr_1",
  name: "fraud",
  version: "1.2.0",
  version_id: "mv_2",
  from_stage: "staging",
  target_stage: "production",
  state: "pending",
  requester: "dev",
  author: "dev",
  comment: "",
  verdicts: [{ requirement: "max_latency_ms", required: 20, actual: 27.4, met: false, reason: "latency_ms is 27.4" }],
  evaluated_at: "2026-01-01T00:00:00Z",
  approvals_needed: 2,
  approvers: [],
  votes: [{ by: "bob", decision: "approve", at: "2026-01-01T00:00:00Z", comment: "" }],
  created_at: "2026-01-01T00:00:00Z",
  expires_at: "2026-01-15T00:00:00Z",
  applied_at: "",
  archived: [],
  direct: false,
  revision: 1,
};

/** Answer for a promotion; `given` may be changed while the page is shown. */
export function answering(given: Answer, table: Record<string, unknown> = {}): Asked[] {
  const promotion = () => ({ ...USUAL, ...given });
  return answer({
    "GET /api/promotions": () => ({ promotions: [promotion()], next_page_token: "" }),
    "GET /api/promotions/pr_1": promotion,
    "POST /api/promotions/pr_1/approve": promotion,
    "GET /api/models/fraud/production/metadata": { id: "mv_1", name: "fraud", version: "1.1.0" },
    "GET /api/models/fraud/stage-graph": { document: { exclusive: ["production"], moves: { staging: ["production"] } } },
    "GET /api/events": { events: [], next_page_token: "" },
    ...table,
  });
}
