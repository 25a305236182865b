import { describe, expect, it } from "vitest";

import { effectOfAbort, effectOfAdvance, effectOfFull, headline, traffic } from "./state";
import { deploymentOf } from "./example";

describe("how a deployment stands", () => {
  it("says who gets how much, and at which step", () => {
    expect(headline(deploymentOf({}))).toBe("1.4.2 gets 10% of the requests. Step 1 of 2.");
  });

  it("says at its end who serves", () => {
    expect(headline(deploymentOf({ state: "ROLLED_BACK", weight: 0, live: false }))).toBe(
      "Rolled back: 1.4.1 serves again, and 1.4.2 gets no requests.",
    );
  });

  it("tells the traffic as the step shares it, the new version first", () => {
    expect(traffic(deploymentOf({}))).toEqual([
      { text: "1.4.2", share: 0.1 },
      { text: "1.4.1", share: 0.9 },
    ]);
  });

  it("gives what served before everything once the new version has nothing", () => {
    expect(traffic(deploymentOf({ state: "ROLLED_BACK", weight: 0 }))).toEqual([{ text: "1.4.1", share: 1 }]);
  });

  it("tells nothing of traffic where nothing served and nothing does", () => {
    expect(traffic(deploymentOf({ weight: 0, base: null, base_id: null }))).toEqual([]);
  });
});

describe("what an action would do", () => {
  it("aborts back to what served before", () => {
    expect(effectOfAbort(deploymentOf({}))).toBe(
      "1.4.2 stops getting 10% of the requests; 1.4.1 gets all. The deployment ends.",
    );
  });

  it("says that nobody answers where nothing served before", () => {
    expect(effectOfAbort(deploymentOf({ base: null, base_id: null }))).toContain("requests are refused");
  });

  it("cancels what has not begun", () => {
    expect(effectOfAbort(deploymentOf({ state: "PREFLIGHT", weight: 0 }))).toContain("no request goes to 1.4.2");
  });

  it("goes to the next step's share", () => {
    expect(effectOfAdvance(deploymentOf({}))).toContain("1.4.2 gets 100% of the requests instead of 10%.");
  });

  it("is watched behind the last step", () => {
    expect(effectOfAdvance(deploymentOf({ step: 1, weight: 1 }))).toContain("is watched for 2 min");
  });

  it("ends behind the watch", () => {
    expect(effectOfAdvance(deploymentOf({ state: "BAKE", step: 1, weight: 1 }))).toBe(
      "The deployment ends. Served from now on: 1.4.2 100%.",
    );
  });

  it("counts the steps that are passed over on the way to the end", () => {
    expect(effectOfFull(deploymentOf({}))).toBe(
      "One step is passed over. The deployment ends. Served from now on: 1.4.2 100%.",
    );
  });
});
