import { describe, expect, it } from "vitest";

import type { Schemas } from "../../api/client";
import { queryWith } from "./address";
import { isBill } from "./files";
import { branches, detailOf, drawn, inputOf, titleOf } from "./lineage-view";
import { gatedFirst, isExclusive, missing, nextStages, wait } from "./moves";
import { evidence, flattened, plain, safeLink } from "./plain";
import { told } from "./plan";
import { fieldsOf } from "./schema";

type Graph = Schemas["GraphRecord"];
type LineageGraph = Schemas["LineageGraph"];

describe("values", () => {
  it("are links only where they are http or https", () => {
    expect(safeLink("https://example.org/x")).toBe("https://example.org/x");
    for (const text of ["javascript:alert(1)", " https://x", "ftp://x", "//x", "data:text/html,x", "http://", "x"]) {
      expect(safeLink(text), text).toBeUndefined();
    }
  });

  it("are rows of dotted names where they are nested", () => {
    expect(flattened({ a: 1, b: { c: [1, 2], d: { e: null } }, f: {} })).toEqual([
      ["a", 1],
      ["b.c", [1, 2]],
      ["b.d.e", null],
      ["f", {}],
    ]);
  });

  it("keep their digits as parameters, and are rounded as evidence", () => {
    expect(plain(0.1234567891)).toBe("0.1234567891");
    expect(plain([1, { a: 2 }])).toBe('[1,{"a":2}]');
    expect(plain(null)).toBe("–");
    expect(evidence(0.9500000000000001)).toBe("0.95");
    expect(evidence({ stage: "production", tolerance: 0.01 })).toBe("stage: production; tolerance: 0.01");
    expect(evidence(["cloud", "edge"])).toBe("cloud, edge");
    expect(evidence(true)).toBe("true");
  });
});

describe("the address", () => {
  it("keeps what is not changed and leaves out what is empty", () => {
    expect(queryWith({ tab: "gates", at: "x" }, { tab: "lineage", input: "dataset:a b" })).toBe(
      "?tab=lineage&at=x&input=dataset%3Aa+b",
    );
    expect(queryWith({ tab: "gates" }, { tab: "" })).toBe("");
  });
});

describe("the stage graph", () => {
  const document = {
    exclusive: ["production"],
    moves: { development: ["staging", "archived"], staging: { archived: {}, production: { approvals: 2 } }, archived: [] },
  };
  const graph = { document } as unknown as Graph;

  it("tells the next stages in both of its forms", () => {
    expect(nextStages(graph, "development")).toEqual(["staging", "archived"]);
    expect(nextStages(graph, "staging")).toEqual(["archived", "production"]);
    expect(nextStages(graph, "archived")).toEqual([]);
    expect(nextStages(graph, "unheard-of")).toEqual([]);
    expect(nextStages(undefined, "staging")).toEqual([]);
  });

  it("puts the moves first that need something", () => {
    expect(gatedFirst(graph, "staging")).toEqual(["production", "archived"]);
    expect(gatedFirst(graph, "development")).toEqual(["staging", "archived"]);
  });

  it("knows stages of one holder", () => {
    expect(isExclusive(graph, "production")).toBe(true);
    expect(isExclusive(graph, "staging")).toBe(false);
  });

  it("names what is missing, and writes times as times", () => {
    const verdicts = [
      { requirement: "min_auc", required: 1, actual: 0, met: false, reason: "" },
      { requirement: "tests", required: true, actual: true, met: true, reason: "" },
    ];
    expect(missing({ verdicts } as unknown as Schemas["GateReport"])).toEqual(["min_auc"]);
    expect(wait("min_time_in_stage", 172_800)).toBe("2 d");
    expect(wait("min_age", 43_200)).toBe("12 h");
    expect(wait("max_age", 30)).toBe("30 s");
    expect(wait("min_latency", 172_800)).toBeUndefined();
  });
});

describe("a signature", () => {
  it("has fields in both forms", () => {
    expect(fieldsOf({ age: "int64" })).toEqual([{ name: "age", type: "int64", shape: [], optional: false }]);
    expect(fieldsOf({ fields: [{ name: "x", type: "float32", shape: [-1, 3], optional: true }] })).toEqual([
      { name: "x", type: "float32", shape: [-1, 3], optional: true },
    ]);
  });

  it("has none where the schema has another form", () => {
    expect(fieldsOf({})).toBeNull();
    expect(fieldsOf({ type: "object" })).toBeNull();
    expect(fieldsOf({ $schema: "x" })).toBeNull();
    expect(fieldsOf({ properties: { a: 1 } })).toBeNull();
    expect(fieldsOf({ fields: ["x"] })).toBeNull();
  });
});

describe("a deployment", () => {
  it("is told step by step", () => {
    const arm = (id: string, weight: number) => ({ version_id: id, version: id, weight });
    const step = { arms: [arm("old", 0.9), arm("new", 0.1)], shadow: [], min_seconds: 60, min_requests: 50, hold: false };
    const plan = {
      steps: [step, { ...step, arms: [arm("old", 1)], shadow: [arm("new", 1)], min_seconds: 0, min_requests: 0, hold: true }],
    } as unknown as Schemas["Plan"];
    expect(told(plan, "new")).toEqual([
      "10% of the requests, at least 60 s, at least 50 requests",
      "copies of 100% of the requests, until a person goes on",
    ]);
    const split = { ...step, arms: [arm("old", 0.8), arm("new", 0.2)], min_seconds: 0, min_requests: 0, hold: true };
    expect(told({ steps: [split] } as unknown as Schemas["Plan"], "new", "until there is a winner")).toEqual([
      "old 80%, new 20%, until there is a winner",
    ]);
  });
});

describe("a lineage", () => {
  const version = (id: string, more = {}) => ({ id, kind: "version", name: `m/${id}`, model: "m", version: id, stage: "staging", ...more });
  const graph = {
    root: "2",
    nodes: [
      version("2", { aliases: ["champion"], serving: { production: 1 }, deprecated: true }),
      version("1"),
      version("3", { deleted: true }),
      { id: "dataset:d", kind: "dataset", name: "d", model: "" },
    ],
    edges: [
      { source: "2", target: "1", relation: "parent", note: "" },
      { source: "2", target: "dataset:d", relation: "dataset", note: "" },
      { source: "1", target: "dataset:d", relation: "dataset", note: "changed" },
      { source: "3", target: "2", relation: "parent", note: "" },
    ],
  } as unknown as LineageGraph;

  it("is drawn from what was there first to what was made from it", () => {
    const { nodes, edges } = drawn(graph);
    expect(edges[0]).toEqual({ from: "1", to: "2", note: "" });
    expect(nodes.map((one) => one.shape)).toEqual(["box", "box", "box", "cylinder"]);
  });

  it("says of each thing what one has to know", () => {
    const [root, , third, data] = graph.nodes;
    expect(root && titleOf(root)).toBe("m 2");
    expect(root && detailOf(root)).toBe("staging · @champion · serves production · deprecated");
    expect(third && detailOf(third)).toBe("staging · deleted");
    expect(data && [titleOf(data), detailOf(data)]).toEqual(["d", "dataset"]);
  });

  it("is a list in both directions", () => {
    const up = branches(graph, "up");
    expect(up.map((one) => one.node.id)).toEqual(["1", "dataset:d"]);
    expect(up[0]?.branches.map((one) => [one.node.id, one.note])).toEqual([["dataset:d", "changed"]]);
    expect(branches(graph, "down").map((one) => one.node.id)).toEqual(["3"]);
  });

  it("lists what is below a thing once, however many ways lead there", () => {
    // A diamond on a diamond doubles its paths with each storey; the list must not.
    const storeys = 30;
    const edges = Array.from({ length: storeys }, (_, at) => [
      { source: `a${String(at)}`, target: `b${String(at)}`, note: "" },
      { source: `a${String(at)}`, target: `c${String(at)}`, note: "" },
      { source: `b${String(at)}`, target: `a${String(at + 1)}`, note: "" },
      { source: `c${String(at)}`, target: `a${String(at + 1)}`, note: "" },
    ]).flat();
    const ids = new Set(edges.flatMap((one) => [one.source, one.target]));
    const tower = { root: "a0", nodes: [...ids].map((id) => version(id)), edges } as unknown as LineageGraph;
    const count = (given: ReturnType<typeof branches>): number => given.reduce((sum, one) => sum + 1 + count(one.branches), 0);
    expect(count(branches(tower, "up"))).toBe(edges.length);
    expect(branches(tower, "up")[1]?.branches[0]?.isRepeated).toBe(true);
  });

  it("finds inputs by their ids", () => {
    expect(inputOf("dataset:s3://lake/x")).toEqual({ kind: "dataset", name: "s3://lake/x" });
    expect(inputOf("mv_1")).toBeNull();
    expect(inputOf("version:x")).toBeNull();
    expect(inputOf("")).toBeNull();
  });

  it("tells bills of materials by their names", () => {
    for (const path of ["sbom.json", "bom.xml", "a/fraud.cdx.json", "a/fraud.spdx", "model.spdx.json", "SBOM.cdx.json"]) expect([path, isBill(path)]).toEqual([path, true]);
    for (const path of ["bombs.json", "model.json", "bom.py", "spdx/readme.md", "carbom.json"]) expect([path, isBill(path)]).toEqual([path, false]);
  });
});
