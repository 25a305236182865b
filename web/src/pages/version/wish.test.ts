import { describe, expect, it } from "vitest";

import { versionWords } from "../../words/version";
import { deployBody, deployWords, FIRST, isFor, MORE, windowOf, type Wish } from "./wish";

const wish: Wish = {
  version: "1.0.0",
  strategy: "canary",
  environment: "production",
  reason: "",
  split: [{ version: "", share: "" }],
  values: {},
};
const bare = { version: "1.0.0", strategy: "canary", environment: "production", reason: "" };
const STRATEGIES = Object.keys(versionWords.actions.strategies);

describe("a wish", () => {
  it("says nothing of what is left empty", () => {
    expect(deployBody(wish)).toEqual(bare);
    expect(deployBody({ ...wish, values: { steps: " ", "judge.alpha": "" } })).toEqual(bare);
    expect(deployWords("fraud", wish)).toEqual(["deploy", "fraud", "1.0.0", "--strategy", "canary"]);
    expect(deployBody({ ...wish, strategy: "ab-test" })).toEqual({ ...bare, strategy: "ab-test" });
  });

  it("is asked for with what was filled in, and by a command that says the same", () => {
    const values = { steps: "5, 100", "limits.max_error_rate": "2", "limits.max_p95_s": "0.3", "judge.alpha": "0.57" };
    const whole = { ...wish, environment: "edge", reason: "try it", values: { ...values, supersede: "x", "judge.mode": "observe" } };
    expect(deployBody(whole)).toMatchObject({
      steps: [5, 100],
      limits: { max_error_rate: 0.02, max_p95_s: 0.3 },
      judge: { alpha: 0.0057, mode: "observe" },
      supersede: true,
    });
    expect(deployWords("fraud", whole).slice(5).join(" ")).toBe(
      "--environment edge --steps 5,100 --judge observe --max-error-rate 0.02 --alpha 0.0057 --max-p95 0.3 --supersede --reason try it",
    );
  });

  it("of an A/B test has shares, and what decides", () => {
    const split = [{ version: "0.9.0", share: "60" }, { version: " 0.8.0", share: "20 " }, { version: "", share: "" }];
    const values = { "options.metric": "converted", "options.promote_winner": "x", "options.higher_is_better": "x", "options.alpha": "1" };
    const test = { ...wish, strategy: "ab-test", split, values };
    expect(deployBody(test)).toMatchObject({
      split: { "0.9.0": 60, "0.8.0": 20 },
      options: { metric: "converted", promote_winner: true, higher_is_better: false, alpha: 0.01 },
    });
    expect(deployWords("fraud", test).slice(5).join(" ")).toBe(
      "--split 0.9.0=60 --split 0.8.0=20 --option metric=converted --option alpha=0.01" +
        " --option promote_winner=true --option higher_is_better=false",
    );
    expect(deployBody({ ...test, strategy: "canary" })).toEqual(bare);
    expect(deployWords("fraud", { ...test, strategy: "canary" })).toHaveLength(5);
  });

  it("is sent as it was written where it is no number, never as null", () => {
    const odd = { ...wish, values: { steps: "10,x", step_seconds: "5 min", "judge.alpha": "5%" } };
    expect(deployBody(odd)).toMatchObject({ steps: [10, "x"], step_seconds: "5 min", judge: { alpha: "5%" } });
    expect(deployBody({ ...wish, strategy: "ab-test", split: [{ version: "0.9.0", share: "" }] })).toMatchObject({ split: { "0.9.0": "" } });
  });

  it("knows windows as the command line writes them", () => {
    expect(windowOf("sat, Sunday 02:00-05:00 Europe/Berlin")).toEqual({
      days: ["sat", "sun"],
      start: "02:00",
      end: "05:00",
      timezone: "Europe/Berlin",
    });
    expect(windowOf("22:00-06:00")).toEqual({ days: [], start: "22:00", end: "06:00", timezone: "UTC" });
    expect(windowOf("at night")).toBeUndefined();
    const values = { window: "22:00-06:00", start_at: "2026-03-01T02:00" };
    expect(deployBody({ ...wish, values })).toMatchObject({ window: { start: "22:00" }, start_at: expect.stringMatching(/Z$/) });
    expect(deployWords("fraud", { ...wish, values })).toContain("22:00-06:00");
    expect(deployBody({ ...wish, values: { window: "at night" } })).toMatchObject({ window: "at night" });
  });

  it("offers options that have words and that some strategy takes", () => {
    for (const one of [...FIRST, ...MORE]) {
      expect(versionWords.actions.options, one.path).toHaveProperty([one.path]);
      expect(STRATEGIES.some((strategy) => isFor(one, strategy)), one.path).toBe(true);
      expect(one.of.split(" ").every((strategy) => strategy === "" || STRATEGIES.includes(strategy)), one.path).toBe(true);
    }
  });
});
