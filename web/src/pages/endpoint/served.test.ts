import { describe, expect, it } from "vitest";

import { changedOf, flagsOf, routeText, sharesOf, whoOf } from "./served";
import { parsed } from "./try";

const arms = [
  { version_id: "a", version: "1.4.1", weight: 0.1 },
  { version_id: "b", version: "1.4.0", weight: 0.9 },
  { version_id: "c", version: "1.3.0", weight: 0 },
];

describe("what an endpoint serves", () => {
  it("has the largest share first, and none without a share", () => {
    expect(sharesOf({ arms }).map((one) => one.text)).toEqual(["1.4.0", "1.4.1"]);
    expect(routeText({ arms })).toBe("1.4.0 90%, 1.4.1 10%");
    expect(routeText({ arms: [] })).toBe("nothing");
  });

  it("tells whom a flag means", () => {
    expect(whoOf({ header: "", equals: "", percentage: 5 })).toBe("every request, 5% of the keys");
    expect(whoOf({ header: "x-channel", equals: "", percentage: 100 })).toBe("requests with x-channel");
    expect(whoOf({ header: "x-channel", equals: "beta", percentage: 100 })).toBe("requests with x-channel = beta");
  });
});

describe("settings", () => {
  const before = { timeout_s: 30, key_field: "", guard: null };

  it("are sent only where they changed, as the values that they are", () => {
    const typed = { timeout_s: "5", key_field: "", guard: '{"max_error_rate": 0.05}' };
    expect(changedOf(before, typed)).toEqual({ timeout_s: 5, guard: { max_error_rate: 0.05 } });
    expect(changedOf(before, { timeout_s: "30", key_field: "", guard: "null" })).toEqual({});
  });

  it("that are texts stay texts, also on the command line", () => {
    const changed = changedOf(before, { key_field: "5" });
    expect(changed).toEqual({ key_field: "5" });
    expect(flagsOf(changed)).toEqual(["--set", 'key_field="5"']);
    expect(flagsOf({ key_field: "user.id" })).toEqual(["--set", "key_field=user.id"]);
  });
});

describe("an input by hand", () => {
  it("is JSON, or says why it is none", () => {
    expect(parsed("[1]")).toEqual({ value: [1] });
    expect(parsed("[1")).toHaveProperty("why");
  });
});
