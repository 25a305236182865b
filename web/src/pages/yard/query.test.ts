import { describe, expect, it } from "vitest";

import { addressOf, isNarrowed, isSearchable, meets, NOTHING, optionsOf, wantedOf } from "./query";

describe("what is looked for", () => {
  it("goes to the address and comes back, whatever it holds", () => {
    const wanted = { q: "fraud & co/#?", stage: "production", owner: "a=b", team: "", tag: "tier=1+", sort: "health" } as const;
    const query = Object.fromEntries(new URL(addressOf(wanted), "http://yard").searchParams);
    expect(wantedOf(query)).toEqual(wanted);
  });

  it("is everything where the address says nothing", () => {
    expect(wantedOf({})).toEqual(NOTHING);
  });

  it("is the bare address where nothing is chosen, and an order that there is not is none", () => {
    expect(addressOf(NOTHING)).toBe("/");
    expect(wantedOf({ sort: "moon" }).sort).toBe("changed");
    expect(isNarrowed(NOTHING)).toBe(false);
    expect(isNarrowed({ ...NOTHING, sort: "name" })).toBe(false);
    expect(isNarrowed({ ...NOTHING, tag: "a" })).toBe(true);
  });

  it("is what a command says with the filters as options", () => {
    expect(optionsOf({ ...NOTHING, q: "card", owner: "ana", tag: "tier=1" })).toEqual(["--owner", "ana", "--tag", "tier=1"]);
  });

  it("is searched by words, but not by signs alone", () => {
    expect(isSearchable("—*")).toBe(false);
    expect(isSearchable("é")).toBe(true);
  });

  it("is met by the very owner, team and tag", () => {
    const one = { owner: "ana", team: "risk", tags: { tier: "1", note: "a=b" } };
    expect(meets({ ...NOTHING, owner: "ana", team: "risk", tag: "tier=1" }, one)).toBe(true);
    expect(meets({ ...NOTHING, tag: "note=a=b" }, one)).toBe(true);
    expect(meets({ ...NOTHING, tag: "tier" }, one)).toBe(true);
    expect(meets({ ...NOTHING, owner: "an" }, one)).toBe(false);
    expect(meets({ ...NOTHING, tag: "tier=2" }, one)).toBe(false);
    expect(meets({ ...NOTHING, tag: "constructor" }, one)).toBe(false);
  });
});
