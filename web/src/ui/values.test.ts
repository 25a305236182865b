import { describe, expect, it } from "vitest";

import { figure } from "./values";

describe("a figure", () => {
  it("is written as people write it, and never as a row of zeros", () => {
    const told = [0.91234567, 1234567, -12.5, 1e308, -5e-324, 1e-7, 0, -0, Number.NaN, Infinity, null, undefined].map((one) => figure(one));
    expect(told).toEqual(["0.9123", "1,235,000", "-12.5", "1E308", "-5E-324", "1E-7", "0", "0", "NaN", "∞", "–", "–"]);
  });
});
