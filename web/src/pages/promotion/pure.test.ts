import { describe, expect, it } from "vitest";

import type { Promotion } from "../promotions/rights";
import { facts, isAddress } from "./evidence";
import { entries, type Happened } from "./history";
import { leaves } from "./holder";
import { missingVotes, steps } from "./progress";

function promotion(given: Partial<Promotion> = {}): Promotion {
  return { state: "pending", approvals_needed: 2, votes: [], approvers: [], verdicts: [], direct: false, ...given } as Promotion;
}

const vote = (by: string) => ({ by, decision: "approve", at: "", comment: "" });
const verdict = (met: boolean) => ({ requirement: "min_auc", required: 0.9, actual: 0.8, met, reason: "" });

describe("progress", () => {
  const states = (given: Partial<Promotion>) => steps(promotion(given)).map((one) => `${one.name} ${one.state}`);

  it("waits for approvals, then for being applied", () => {
    expect(states({ verdicts: [verdict(true)] })).toEqual(["asked done", "gates done", "votes current", "applied later"]);
    expect(states({ state: "approved", votes: [vote("bob"), vote("cleo")] }).at(-1)).toBe("applied current");
    expect(states({ state: "applied", votes: [vote("bob"), vote("cleo")] }).at(-1)).toBe("applied done");
  });

  it("is not applied while a gate is not met", () => {
    const given = { state: "approved", votes: [vote("bob"), vote("cleo")], verdicts: [verdict(true), verdict(false)] };
    expect(states(given)).toEqual(["asked done", "gates failed", "votes done", "applied later"]);
  });

  it("ends where it was rejected, and asks nobody where it was decided in one call", () => {
    expect(states({ state: "rejected" })).toEqual(["asked done", "gates done", "votes ended", "applied ended"]);
    expect(states({ state: "applied", direct: true, approvals_needed: 0 })).toEqual(["asked done", "gates done", "applied done"]);
  });

  it("counts what is missing, never less than nothing", () => {
    expect(missingVotes(promotion({ votes: [vote("bob")] }))).toBe(1);
    expect(missingVotes(promotion({ approvals_needed: 0, votes: [vote("bob")] }))).toBe(0);
  });
});

describe("evidence", () => {
  it("is told in lines, whatever JSON a gate gave", () => {
    expect(facts(0.93456)).toEqual([{ about: "", text: "0.9346" }]);
    expect(facts(["accuracy", "f1"])[0]?.text).toBe("accuracy, f1");
    expect(facts(null)[0]?.text).toBe("nothing");
    expect(facts({ edge: { at: "2026-03-01T12:00:00Z", passed: false } })).toEqual([{ about: "edge", text: "failed" }]);
    expect(facts({ stage: "production", tolerance: 0.01 })).toEqual([
      { about: "stage", text: "production" },
      { about: "tolerance", text: "0.01" },
    ]);
  });

  it("sets metrics beside those of who stands in the stage", () => {
    const found = facts({ holder: "1.1.0", metrics: { auc: [0.957, 0.948] } });
    expect(found).toEqual([{ about: "auc", text: "0.957 against 0.948 of 1.1.0" }]);
    expect(facts({ holder: "1.1.0", metrics: { auc: 1 } }).map((one) => one.about)).toEqual(["holder", "metrics"]);
  });

  it("is followed only where it is an address of the web", () => {
    expect(isAddress("https://reports.example/1")).toBe(true);
    expect(isAddress("javascript:alert(1)")).toBe(false);
    expect(isAddress("see https://reports.example/1")).toBe(false);
  });
});

describe("history", () => {
  const event = (type: string, data: Record<string, unknown>, sequence = 1) =>
    ({ type, data, sequence, at: "2026-01-01T00:00:00Z", actor: "local" }) as unknown as Happened;

  it("has the events of this promotion, with who spoke and what was missing", () => {
    const found = entries(
      [
        event("promotion.requested", { promotion: "pr_1", requester: "dev", comment: "why not", verdicts: [verdict(false)] }),
        event("promotion.approved", { promotion: "pr_2", by: "bob" }),
        event("version.stage_moved", { promotion: "pr_1" }),
        event("promotion.applied", { promotion: "pr_1" }),
      ],
      "pr_1",
    );
    expect(found.map((one) => [one.who, one.what, one.text, one.missing])).toEqual([
      ["dev", "requested", "why not", ["min_auc"]],
      ["local", "applied", "", null],
    ]);
  });

  it("has the move where that is all there is", () => {
    expect(entries([event("version.stage_moved", { promotion: "pr_1" })], "pr_1").map((one) => one.what)).toEqual(["applied"]);
  });
});

describe("who stands in the stage", () => {
  const move = { from_stage: "staging", target_stage: "production", archive_previous: null };

  it("leaves an exclusive one, unless the rule or the request says otherwise", () => {
    expect(leaves(move, { exclusive: ["production"], moves: { staging: ["production"] } })).toBe(true);
    expect(leaves(move, { exclusive: ["production"], moves: { staging: { production: { archive_previous: false } } } })).toBe(false);
    expect(leaves({ ...move, archive_previous: true }, { exclusive: [], moves: {} })).toBe(true);
    expect(leaves(move, { moves: { staging: { production: null } } })).toBe(false);
  });
});
