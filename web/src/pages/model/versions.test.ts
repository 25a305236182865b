import { describe, expect, it } from "vitest";

import { cardOf, inShort, matches, merged, metricsOf, refreshed, splitFront, tagChanges, tagLines, type Version } from "./versions";

function version(number: number, more: Partial<Version> = {}): Version {
  return { id: `mv_${String(number)}`, name: "fraud", number, version: `1.${String(number)}.0`, stage: "development", label: "", ...more } as Version;
}

const numbers = (versions: readonly Version[]) => versions.map((one) => one.number);

describe("a long list of versions", () => {
  it("takes pages and newer records, the newest version first", () => {
    const list = merged([version(3), version(2)], [version(1), version(3, { stage: "production" })]);
    expect(numbers(list)).toEqual([3, 2, 1]);
    expect(list[0]?.stage).toBe("production");
  });

  it("keeps older pages when the first one is read again", () => {
    expect(numbers(refreshed([version(3), version(2), version(1)], [version(4), version(3)], false))).toEqual([4, 3, 2, 1]);
  });

  it("forgets what the first page should hold and does not: it was deleted", () => {
    expect(numbers(refreshed([version(4), version(3), version(2), version(1)], [version(4), version(2)], false))).toEqual([4, 2, 1]);
    expect(numbers(refreshed([version(2), version(1)], [version(2)], true))).toEqual([2]);
  });
});

describe("a filter", () => {
  const one = version(7, { stage: "staging", label: "beta", description: "Shallow trees", tags: { data: "2025-03" }, aliases: ["champion"] });
  const any = { stage: "", label: "", text: "" };

  it("finds by stage and label", () => {
    expect(matches(one, { ...any, stage: "staging", label: "beta" })).toBe(true);
    expect(matches(one, { ...any, stage: "production" })).toBe(false);
    expect(matches(one, { ...any, label: "stable" })).toBe(false);
  });

  it.each(["1.7", "#7", "shallow", "TREES 2025", "champion", ""])("finds by words: %s", (text) => {
    expect(matches(one, { ...any, text })).toBe(true);
  });

  it("wants all words", () => {
    expect(matches(one, { ...any, text: "shallow forest" })).toBe(false);
  });
});

describe("metrics", () => {
  it("are told from those that most versions have", () => {
    expect(metricsOf([version(1, { metrics: { b: 1 } }), version(2, { metrics: { a: 1, b: 2 } }), version(3)])).toEqual(["b", "a"]);
  });

  it("have the chosen one first, and no more than there is room for", () => {
    expect(inShort(version(1, { metrics: { a: 1, b: 2, c: 3 } }), "c", 2)).toEqual([
      ["c", 3],
      ["a", 1],
    ]);
  });
});

describe("a card", () => {
  const file = (path: string) => ({ path, size: 1, blake3: "", sha256: "", media_type: "", parts: [] });

  it("is a file at the top with one of the usual names; a model card before a readme", () => {
    expect(cardOf(version(1, { files: [file("README.md"), file("Model_Card.md")] }))?.path).toBe("Model_Card.md");
    expect(cardOf(version(1, { files: [file("docs/README.md"), file("model.onnx")] }))).toBeUndefined();
  });

  it("is told apart from the facts at its head", () => {
    expect(splitFront("---\nlicense: mit\n---\n# A")).toEqual({ front: "license: mit", body: "# A" });
    expect(splitFront("# A\n\n---\n\nb")).toEqual({ front: "", body: "# A\n\n---\n\nb" });
  });
});

describe("tags in lines", () => {
  const before = { area: "payments", old: "x", url: "a=b" };

  it("change what differs and remove what is gone", () => {
    expect(tagChanges(before, tagLines(before))).toEqual({});
    expect(tagChanges(before, "area=cards\n url = a=b \nflag\n")).toEqual({ area: "cards", flag: "", old: null });
  });
});
