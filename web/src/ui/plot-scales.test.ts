import { describe, expect, it } from "vitest";

import { ends, hasPlace, linearScale, logScale, momentText, namedScale, type Scale, shareOf, timeScale, valueText } from "./plot-scales";

const texts = (scale: Scale) => scale.ticks.map((tick) => tick.text);
const values = (scale: Scale) => scale.ticks.map((tick) => tick.value);
const at = (...when: [number, number, number, number?, number?, number?]) => new Date(...when).getTime() / 1000;

describe("a linear scale", () => {
  it("reaches from round tick to round tick", () => {
    const scale = linearScale(0.912, 0.943, 5, true);
    expect(values(scale)).toEqual([0.91, 0.92, 0.93, 0.94, 0.95]);
    expect(texts(scale)).toEqual(["0.91", "0.92", "0.93", "0.94", "0.95"]);
    expect([scale.low, scale.high]).toEqual([0.91, 0.95]);
    expect(shareOf(scale, 0.93)).toBeCloseTo(0.5);
  });

  it("keeps to its values where it is not to be round", () => {
    const scale = linearScale(3, 97, 5, false);
    expect([scale.low, scale.high]).toEqual([3, 97]);
    expect(values(scale)).toEqual([20, 40, 60, 80]);
  });

  it("has no ticks like 0.30000000000000004, and goes below zero", () => {
    expect(values(linearScale(-0.3, 0.3, 6, true))).toEqual([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]);
    expect(values(linearScale(0.3, 0.6, 4, true))).toEqual([0.3, 0.4, 0.5, 0.6]);
    expect(values(linearScale(0.3, 0.7, 4, false))).toEqual([0.3, 0.4, 0.5, 0.6, 0.7]);
  });

  it.each([0, 5, -0.94, 1e-310, 1e299, 123_456_789_012_345])("gives one value %s room on both sides", (value) => {
    const scale = linearScale(value, value, 5, true);
    const share = shareOf(scale, value);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.8);
    expect(scale.ticks.length).toBeGreaterThan(1);
    expect(scale.ticks.length).toBeLessThan(12);
  });

  it.each([
    [1e15, 1e15 + 1],
    [-1e300, 1e300],
    [1e12, 1e12 + 3],
    [1_000_000, 1_000_003],
    [0, 3e-9],
  ])("tells the ticks from %s to %s apart", (low, high) => {
    const told = texts(linearScale(low, high, 5, true));
    expect(new Set(told).size).toBe(told.length);
    expect(told.length).toBeGreaterThan(1);
    expect(Math.max(...told.map((text) => text.length))).toBeLessThan(22);
  });
});

describe("a logarithmic scale", () => {
  it("has ticks at 1, 2, 5 where these are few", () => {
    expect(values(logScale(0.7, 15, 6))).toEqual([0.5, 1, 2, 5, 10, 20]);
  });

  it("has ticks at powers of ten where these are many", () => {
    const scale = logScale(0.001, 2000, 6);
    expect([scale.low, scale.high]).toEqual([0.001, 2000]);
    expect(values(scale)).toEqual([0.01, 1, 100]);
    expect(shareOf(scale, Math.sqrt(2))).toBeCloseTo(0.5);
  });

  it("gives one value room, and takes all that is positive", () => {
    expect(values(logScale(1, 1, 6))).toEqual([0.5, 1, 2]);
    const whole = logScale(1e-300, 1e300, 6);
    expect(whole.ticks.length).toBeGreaterThan(2);
    expect(whole.ticks.length).toBeLessThan(9);
    expect(texts(whole).every((text) => text.length < 8)).toBe(true);
  });
});

describe("a scale of moments", () => {
  it("has ticks at round times of the reader's clock, and tells the day once", () => {
    const scale = timeScale(at(2026, 10, 22, 23, 50), at(2026, 10, 23, 0, 20), 6);
    expect(values(scale)).toEqual(
      [50, 55, 60, 65, 70, 75, 80].map((minute) => at(2026, 10, 22, 23, minute)),
    );
    expect(texts(scale).slice(1, 3)).toEqual(["23:55", "00:00"]);
    expect(scale.ticks.map((tick) => tick.below !== undefined)).toEqual([true, false, true, false, false, false, false]);
    expect(scale.ticks[2]?.below).toContain("23");
  });

  it.each([
    [0.004, 6],
    [45, 6],
    [5 * 3_600, 6],
    [9 * 86_400, 6],
    [200 * 86_400, 6],
    [9 * 365.25 * 86_400, 6],
    [900 * 365.25 * 86_400, 6],
  ])("has a few ticks, all of them inside, over %s seconds", (span, most) => {
    const begin = at(2026, 1, 3, 4, 5);
    const scale = timeScale(begin, begin + span, most);
    expect(scale.ticks.length).toBeGreaterThan(1);
    expect(scale.ticks.length).toBeLessThan(most + 3);
    expect(values(scale).every((value) => value >= begin - 1e-6 && value <= begin + span + 1e-6)).toBe(true);
    expect(new Set(scale.ticks.map((tick) => `${tick.text} ${String(tick.value)}`)).size).toBe(scale.ticks.length);
  });

  it("begins months and years where they begin", () => {
    expect(values(timeScale(at(2026, 0, 15), at(2026, 5, 10), 6))).toEqual([1, 2, 3, 4, 5].map((month) => at(2026, month, 1)));
    expect(texts(timeScale(at(2019, 5, 1), at(2026, 5, 1), 4))).toEqual(["2020", "2022", "2024", "2026"]);
  });

  it("gives one moment room", () => {
    const moment = at(2026, 0, 1, 12);
    expect(shareOf(timeScale(moment, moment, 6), moment)).toBeCloseTo(0.5);
    expect(timeScale(-8e12, 8e12, 6).ticks.length).toBeLessThan(9);
  });
});

describe("a scale of names", () => {
  const places = Array.from({ length: 10 }, (_, place) => place);

  it("leaves names out where there is no room, never the newest", () => {
    const scale = namedScale(places, 4, (value) => `1.${String(value)}.0`);
    expect(texts(scale)).toEqual(["1.0.0", "1.3.0", "1.6.0", "1.9.0"]);
    expect(texts(namedScale(places, 0, String))).toEqual(["9"]);
  });

  it("puts one name in the middle", () => {
    expect(shareOf(namedScale([0], 4, String), 0)).toBe(0.5);
  });
});

describe("values", () => {
  it("have a place, or none", () => {
    expect([0, -1, 1e300].every((value) => hasPlace(value, "linear"))).toBe(true);
    expect([0, -1, Number.NaN, Infinity].some((value) => hasPlace(value, "log"))).toBe(false);
    expect([Infinity, Number.NaN, 1e308].some((value) => hasPlace(value, "linear"))).toBe(false);
    expect(hasPlace(1e13, "time")).toBe(false);
  });

  it("are told shortly, whatever their size", () => {
    expect([0, 0.001, 12.3456, 1e12, 2.5e-7, Infinity].map(valueText)).toEqual(["0", "0.001", "12.35", "1E12", "2.5E-7", "∞"]);
    expect(momentText(1e15)).toBe("1000000000000000");
  });

  it("have ends", () => {
    expect(ends([3, 1, 2])).toEqual([1, 3]);
    expect(ends([])).toEqual([0, 0]);
  });
});
