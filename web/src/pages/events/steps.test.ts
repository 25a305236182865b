import { describe, expect, it } from "vitest";

import type { HappenedEvent } from "../../api/live";
import { othersOf, verdictsOf } from "./holders";
import { isAfter, localText, momentOf, placeOf, stepsOf } from "./steps";

const FEED = [
  { sequence: 4, at: "2026-01-02T00:00:00.000200Z" },
  { sequence: 3, at: "2026-01-02T00:00:00.000200Z" },
  { sequence: 2, at: "2026-01-02T00:00:00.000100Z" },
  { sequence: 1, at: "2026-01-01T00:00:00Z" },
] as HappenedEvent[];

describe("the moments of the slider", () => {
  const steps = stepsOf(FEED);

  it("are one for each transaction, the earliest first, told by its last event", () => {
    expect(steps.map((one) => one.event.sequence)).toEqual([1, 2, 4]);
  });

  it("are found for any time: the last that was over, none before all, and now", () => {
    expect(placeOf(steps, undefined)).toBe(3);
    expect(placeOf(steps, "2026-01-02T00:00:00.000100Z")).toBe(1);
    expect(placeOf(steps, "2026-01-01T12:00:00Z")).toBe(0);
    expect(placeOf(steps, "2025-01-01T00:00:00Z")).toBe(-1);
  });

  it("differ by microseconds", () => {
    expect(isAfter("2026-01-02T00:00:00.000200Z", "2026-01-02T00:00:00.000100Z")).toBe(true);
    expect(isAfter("2026-01-02T00:00:00.000Z", "2026-01-02T00:00:00.000100Z")).toBe(false);
  });

  it("come from the address only if they are moments", () => {
    expect(momentOf("yesterday")).toBeUndefined();
    expect(momentOf("2026-01-02")).toBe("2026-01-02");
    expect(new Date(localText("2026-01-02T03:04:05.678Z")).toISOString()).toBe("2026-01-02T03:04:05.678Z");
  });
});

describe("the yard then", () => {
  it("tells who stood in the other stages, a few of each", () => {
    const versions = ["1", "2", "3", "4", "5", "6"].map((version) => ({ version, stage: version === "6" ? "production" : "development" }));
    expect(othersOf(versions, "production")).toEqual([{ stage: "development", versions: ["1", "2", "3", "4"], more: 1 }]);
  });

  it("takes the verdicts as the record kept them", () => {
    expect(verdictsOf([{ requirement: "min_auc", met: false, reason: "auc is 0.8" }])).toEqual([
      { name: "min_auc", isMet: false, reason: "auc is 0.8" },
    ]);
  });
});
