import { describe, expect, it } from "vitest";

import { began, deploymentOf } from "./example";
import { between, lasting } from "./lasting";
import { wayOf } from "./steps";

const now = new Date("2026-03-01T12:00:20Z");

describe("the way of a deployment", () => {
  it("tells what is behind it, where it is, and what is to come", () => {
    const way = wayOf(deploymentOf({}), now);
    expect(way.map((one) => [one.key, one.place])).toEqual([
      ["probes", "past"],
      ["step-0", "now"],
      ["step-1", "coming"],
      ["bake", "coming"],
    ]);
    expect(way[0]).toMatchObject({ seconds: 1 });
    expect(way[1]).toMatchObject({ began, seconds: 20, what: "1.4.1 90%, 1.4.2 10%" });
  });

  it("counts down what the present step waits for", () => {
    expect(wayOf(deploymentOf({}), now)[1]?.waits).toEqual([
      "at least 1 min: 40 sec to go",
      "40 of 100 requests of 1.4.2",
      "after 1 hr without a verdict it is inconclusive, then it holds",
    ]);
  });

  it("tells where a rolled back one ended, and what it never reached", () => {
    const ended = deploymentOf({ state: "ROLLED_BACK", live: false, finished_at: "2026-03-01T12:00:30Z" });
    expect(wayOf(ended, now).map((one) => one.place)).toEqual(["past", "stopped", "skipped", "skipped"]);
  });

  it("tells that a paused watch is where it is", () => {
    const paused = deploymentOf({ state: "PAUSED", resumes: "BAKE", step: 1 });
    expect(wayOf(paused, now).find((one) => one.place === "now")?.key).toBe("bake");
  });

  it("marks steps that were passed by time alone", () => {
    expect(wayOf(deploymentOf({ unproven: [0] }), now).map((one) => one.isUnproven)).toEqual([false, true, false, false]);
  });
});

describe("lengths of time", () => {
  it("have the two largest units", () => {
    expect(lasting(0.25)).toBe("0.3 sec");
    expect(lasting(75)).toBe("1 min 15 sec");
    expect(lasting(120)).toBe("2 min");
    expect(lasting(86_405)).toBe("1 day");
    expect(lasting(-3)).toBe("0 sec");
  });

  it("are told between two moments", () => {
    expect(between("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z")).toBe(60);
  });
});
