import { describe, expect, it } from "vitest";

import { deploymentOf } from "../deployment/example";
import { farOf, liveFirst } from "./progress";

describe("a list of deployments", () => {
  it("has the live ones first, and none twice", () => {
    const live = deploymentOf({ id: "dp_old" });
    const ended = deploymentOf({ id: "dp_new", live: false });
    expect(liveFirst([live], [ended, live]).map((one) => one.id)).toEqual(["dp_old", "dp_new"]);
  });

  it("tells how far each is on its way", () => {
    expect(farOf(deploymentOf({}))).toBeCloseTo(0.5 / 3);
    expect(farOf(deploymentOf({ state: "BAKE", step: 1 }))).toBeCloseTo(2 / 3);
    expect(farOf(deploymentOf({ state: "SUCCEEDED", live: false }))).toBe(1);
    expect(farOf(deploymentOf({ state: "REJECTED", live: false }))).toBe(0);
  });
});
