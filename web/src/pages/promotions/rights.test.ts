import { describe, expect, it } from "vitest";

import { approvals, hindrance, may, mayWithdraw, type Person, type Promotion, split, todo } from "./rights";

function person(name: string, ...grants: [allow: string, model?: string, stage?: string][]): Person {
  return { name, proven: true, roles: [], grants: grants.map(([allow, model = "*", stage = "*"]) => ({ allow, model, stage, alias: "*" })) };
}

function promotion(given: Partial<Promotion> = {}): Promotion {
  const usual = { id: "pr_1", name: "fraud", target_stage: "production", state: "pending", requester: "dev", author: "ana" };
  return { votes: [], approvers: [], approvals_needed: 2, ...usual, ...given } as Promotion;
}

const bob = person("bob", ["promotion.approve", "fraud", "prod*"]);

describe("rights", () => {
  it("follow the patterns of grants", () => {
    expect(may(bob, "promotion.approve", "fraud", "production")).toBe(true);
    expect(may(bob, "promotion.approve", "fraud-eu", "production")).toBe(false);
    expect(may(bob, "promotion.approve", "fraud", "staging")).toBe(false);
    expect(may(person("v", ["*.read"]), "promotion.read", "fraud")).toBe(true);
    expect(may(person("v", ["*.read"]), "promotion.approve", "fraud")).toBe(false);
  });

  it("keep who asked, made or approved already from approving", () => {
    const named = (name: string) => person(name, ["*"]);
    expect(hindrance(named("DEV"), promotion())).toBe("asked");
    expect(hindrance(named("ana"), promotion())).toBe("made");
    expect(hindrance(bob, promotion())).toBeNull();
    const votes = [{ by: "bob", decision: "approve", at: "", comment: "" }];
    expect(hindrance(bob, promotion({ votes }))).toBe("voted");
    expect(hindrance(bob, promotion({ approvers: ["cleo"] }))).toBe("other");
  });

  it("let somebody unproven speak for others", () => {
    expect(hindrance({ ...person("dev", ["*"]), proven: false }, promotion())).toBeNull();
  });

  it("count only approvals of approvers", () => {
    const votes = ["bob", "cleo"].map((by) => ({ by, decision: "approve", at: "", comment: "" }));
    expect(approvals(promotion({ votes }))).toBe(2);
    expect(approvals(promotion({ votes, approvers: ["cleo"] }))).toBe(1);
  });

  it("let only who asked, and administrators, withdraw", () => {
    expect(mayWithdraw(person("dev", ["promotion.request"]), promotion())).toBe(true);
    expect(mayWithdraw(person("eve", ["promotion.request"]), promotion())).toBe(false);
    expect(mayWithdraw(person("eve", ["*"]), promotion())).toBe(true);
  });
});

describe("what waits", () => {
  it("is a vote while it is pending, and its application once it is approved", () => {
    expect(todo(bob, promotion())).toBe("vote");
    expect(todo(bob, promotion({ state: "approved" }))).toBeNull();
    expect(todo(person("dora", ["stage.move"]), promotion({ state: "approved" }))).toBe("apply");
    expect(todo(bob, promotion({ state: "rejected" }))).toBeNull();
  });

  it("comes first, the oldest on top", () => {
    const [c, b, a] = ["c", "b", "a"].map((id) => promotion({ id, state: id === "b" ? "applied" : "pending" }));
    const { mine, rest } = split(bob, [c, b, a] as Promotion[]);
    expect(mine.map((one) => one.id)).toEqual(["a", "c"]);
    expect(rest.map((one) => one.id)).toEqual(["b"]);
    expect(split(null, [c, b, a] as Promotion[]).mine).toEqual([]);
  });
});
