import { describe, expect, it } from "vitest";

import { withChange } from "./address";

describe("an address", () => {
  it("keeps what is not changed, and leaves out what is empty", () => {
    expect(withChange("?tab=rules&model=a", { model: "b/c" })).toBe("?tab=rules&model=b%2Fc");
    expect(withChange("?tab=rules&model=a", { model: "", tab: undefined })).toBe("");
  });
});
