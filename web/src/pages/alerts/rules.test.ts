import { describe, expect, it } from "vitest";

import { draftOf, measured, ruleLine, ruleOf, ruleText, USUAL, where } from "./rules";

describe("a rule", () => {
  it.each([
    [{ ...USUAL, for_s: 60 }, "Error rate above 5% in 5 min for 1 min"],
    [{ ...USUAL, metric: "p95", above: null, below: 0.25 }, "Latency p95 below 250 ms in 5 min"],
    [{ ...USUAL, kind: "degradation", metric: "p99", ratio: 1.5, baseline: "previous" }, "Latency p99 1.5 times as bad as in the version before"],
    [{ ...USUAL, kind: "no_data", window_s: 7200 }, "No request for 2 h"],
    [{ ...USUAL, kind: "drift", above: 0.2 }, "Drift above 0.2"],
    [{ ...USUAL, kind: "burn_rate" }, "The error budget of 99.9 % burns too fast"],
  ])("is told in words", (rule, text) => {
    expect(ruleText(rule)).toBe(text);
  });

  it("keeps what its form does not show, but not what was right for another limit", () => {
    const before = { ...USUAL, resolve_at: 0.03, channels: ["ops"] };
    const draft = draftOf("errors", before);
    expect(ruleOf(draft, before)).toEqual(before);
    expect(ruleOf({ ...draft, limit: "0.2" }, before)).toEqual({ ...before, above: 0.2, resolve_at: null });
  });

  it("has no limit where its kind has none", () => {
    const rule = ruleOf({ ...draftOf("quiet", USUAL), kind: "no_data" }, USUAL);
    expect([rule.above, rule.below]).toEqual([null, null]);
  });

  it("is a line that says what is not usual, and a limit always", () => {
    expect(ruleLine("errors", USUAL)).toBe("modelyard alert rule set errors --kind threshold --metric error_rate --above 0.05");
    expect(ruleLine("my rule", { ...USUAL, kind: "no_data", above: null, window_s: 60, model: "fraud-*", enabled: false })).toBe(
      "modelyard alert rule set 'my rule' --kind no_data --model 'fraud-*' --window 60s --disabled",
    );
  });

  it("tells where it looks, and figures in their unit", () => {
    expect(where({ model: "fraud", environment: "*", version: "1.0.0" }, "everywhere")).toBe("fraud / 1.0.0");
    expect(where({ model: "*", environment: "*", version: "*" }, "everywhere")).toBe("everywhere");
    expect(measured("success_rate", 99.5)).toBe("99.5 %");
    expect(measured("throughput", 12)).toBe("12");
  });
});
