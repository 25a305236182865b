import { describe, expect, it } from "vitest";

import { type Served, liveRows } from "./live";
import { commonAncestor, factRows } from "./origin";
import { parameterRows } from "./parameters";
import { added, address, based, parse, removed } from "./selection";
import type { Version } from "./load";

describe("the address", () => {
  it("keeps versions in their order, each once, whatever is in their names", () => {
    const chosen = parse("/compare?v=team/fraud/1.0.0%2Bgpu&v=b@champion&v=team/fraud/1.0.0%2Bgpu&v=");
    expect(chosen.references).toEqual(["team/fraud/1.0.0+gpu", "b@champion"]);
    expect(parse(address(chosen))).toEqual(chosen);
  });

  it("says only what is not usual, and takes only what it knows", () => {
    const chosen = parse("/compare?v=a/1&role=shadow&since=7d&params=all");
    expect(address(chosen)).toBe("/compare?v=a/1&params=all&role=shadow&since=7d");
    expect(parse("/compare?role=boss&since=forever")).toMatchObject({ role: "live", since: "24h" });
  });

  it("adds, removes, and takes another base", () => {
    const chosen = parse("/compare?v=a/1&v=b/1");
    expect(added(chosen, "c/1").references).toEqual(["a/1", "b/1", "c/1"]);
    expect(added(chosen, "a/1").references).toEqual(["a/1", "b/1"]);
    expect(removed(chosen, "a/1").references).toEqual(["b/1"]);
    expect(based(chosen, "b/1").references).toEqual(["b/1", "a/1"]);
  });
});

describe("parameters", () => {
  it("has what differs first, and knows equal values in whatever order", () => {
    const rows = parameterRows([
      { hyperparameters: { a: { x: 1, y: 2 }, depth: 4, seed: 7 } },
      { hyperparameters: { a: { y: 2, x: 1 }, depth: 6 } },
    ]);
    expect(rows.map((row) => [row.name, row.isDifferent])).toEqual([
      ["depth", true],
      ["seed", true],
      ["a", false],
    ]);
    expect(rows[1]?.values).toEqual(["7", null]);
  });

  it("tells a parameter that is null from one that is not there", () => {
    expect(parameterRows([{ hyperparameters: { a: null } }, {}])[0]?.isDifferent).toBe(true);
  });
});

describe("figures of the service", () => {
  const served = (rate: number, low: number | null, high: number | null) =>
    ({ requests: 10, errors: 0, throughput: 1, error_rate: rate, intervals: { error_rate: { low, high } } }) as unknown as Served;
  const standing = (...given: (Served | undefined)[]) =>
    liveRows(given).find((row) => row.name === "error_rate")?.cells.map((cell) => cell.standing);

  it("are better or worse only where the ranges lie apart", () => {
    expect(standing(served(0.1, 0.08, 0.12), served(0.3, 0.2, 0.4))).toEqual([null, "worse"]);
    expect(standing(served(0.3, 0.2, 0.4), served(0.1, 0.08, 0.12))).toEqual([null, "better"]);
    expect(standing(served(0.1, 0.08, 0.12), served(0.12, 0.1, 0.14))).toEqual([null, null]);
    expect(standing(served(0.12, 0.1, 0.14), served(0.1, 0.08, 0.12))).toEqual([null, null]);
  });

  it("say nothing where a range is open or a version did nothing", () => {
    expect(standing(served(0.1, 0.08, null), served(0.3, 0.2, 0.4))).toEqual([null, null]);
    expect(standing(served(0.1, 0.08, 0.12), undefined)).toEqual([null, null]);
  });

  it("leave tokens and cost out where there are none", () => {
    expect(liveRows([served(0, 0, 0)]).some((row) => row.name === "cost_per_request")).toBe(false);
  });
});

describe("origin", () => {
  it("finds the latest ancestor of both lines", () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => ({ id })) as [{ id: string }, { id: string }, { id: string }, { id: string }];
    expect(commonAncestor([a, b, c], [a, b, d])).toBe(b);
    expect(commonAncestor([c], [a, d])).toBeUndefined();
  });

  it("has only facts that somebody told", () => {
    const blank = { training_data: "", data_version: "", feature_version: "", code_version: "", training_run_id: "", framework: "", framework_version: "", created_by: "" };
    const rows = factRows([{ ...blank, framework: "torch" }, { ...blank, framework: "torch", framework_version: "2.1" }] as Version[]);
    expect(rows).toEqual([{ fact: "framework", values: ["torch", "torch 2.1"], isDifferent: true }]);
  });
});
