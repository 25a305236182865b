import { describe, expect, it } from "vitest";

import { happeningsWords } from "../words/happenings";
import { isEcho, told } from "./happenings";

const event = (type: string, data: Record<string, unknown> = {}, more: object = {}) => ({
  type,
  model: "fraud",
  actor: "alice",
  version_id: "mv_1" as string | null,
  data,
  ...more,
});
const versionOf = (id: string) => (id === "mv_1" ? "1.4.2" : undefined);

describe("an event", () => {
  it("is a sentence that leads to its page", () => {
    const moved = told(event("version.stage_moved", { from: "staging", to: "production" }), versionOf);
    expect(moved).toEqual({ text: "alice moved fraud 1.4.2 to production", href: "/models/fraud/versions/1.4.2", tone: "plain" });
  });

  it("leads to its version by the id while the number is not known", () => {
    const moved = told(event("version.stage_moved", { to: "production" }));
    expect(moved.text).toBe("alice moved a version of fraud to production");
    expect(moved.href).toBe("/models/fraud/versions/mv_1");
  });

  it("tells of a promotion whose voice it was, not who called", () => {
    const approved = told(event("promotion.approved", { by: "bob", comment: "fine", promotion: "pr_1" }), versionOf);
    expect(approved.text).toBe("bob approved the promotion of fraud 1.4.2: fine");
    expect(approved.href).toBe("/promotions/pr_1");
    const moved = told(event("version.stage_moved", { by: "mv_2", to: "archived" }), versionOf);
    expect(moved.text).toBe("alice archived fraud 1.4.2");
  });

  it("tells of a deployment where it happens, by its own number", () => {
    const data = { version: "2.0.0", environment: "edge", deployment: "dp_1", step: 1 };
    expect(told(event("deployment.advanced", data)).text).toBe("fraud 2.0.0 went on to step 2 in edge");
    expect(told(event("deployment.rolled_back", { ...data, reason: "it fails" }))).toEqual({
      text: "fraud 2.0.0 was rolled back in edge: it fails",
      href: "/deployments/dp_1",
      tone: "bad",
    });
    expect(told(event("deployment.paused", { ...data, reason: "paused" })).text).toBe(
      "alice paused the deployment of fraud 2.0.0 in edge",
    );
    const back = told(event("deployment.created", { ...data, strategy: "rollback" }, { actor: "controller" }));
    expect(back.text).toBe("The controller brought fraud 2.0.0 back in edge");
  });

  it("of a type that is not known gets a neutral sentence", () => {
    expect(told(event("moon.risen"))).toEqual({ text: "moon.risen of fraud, by alice", href: "/models/fraud", tone: "plain" });
    expect(told(event("constructor", {}, { model: "" })).text).toBe("constructor, by alice");
  });

  it("of something deleted leads to what is left", () => {
    expect(told(event("model.deleted")).href).toBeUndefined();
    expect(told(event("version.deleted", { version: "1.0.0" })).href).toBe("/models/fraud");
  });

  it("says every type without a gap, however little it tells", () => {
    for (const type of Object.keys(happeningsWords.sentences)) {
      const { text } = told(event(type, {}, { version_id: null }));
      expect(text, type).not.toMatch(/undefined|null|NaN|\[object/);
    }
  });

  it("cuts what people wrote", () => {
    expect(told(event("version.deprecated", { reason: "x".repeat(5000) })).text.length).toBeLessThan(250);
  });

  it("is an echo where another one says more", () => {
    expect(isEcho({ type: "route.changed" })).toBe(true);
    expect(isEcho({ type: "version.stage_moved" })).toBe(false);
  });
});
