import { describe, expect, it } from "vitest";

import { healthOf } from "./health";
import { wantedOf } from "./query";
import { alert, AT, deployment, endpoint, happened, model, rollback, yard } from "./samples";
import { asBefore, cardsOf, choicesOf, holdersOf, partsOf, patched } from "./state";
import { merged, SHOWN } from "./use-happening";

const NOW = Date.parse(AT) + 60_000;
const NOBODY = { endpoints: [], alerts: [], rollbacks: [] };

describe("the health of a model", () => {
  it("is the worst that is true of it", () => {
    const release = endpoint("a", { deployment: deployment("STAGE") });
    const waits = endpoint("a", { environment: "edge", deployment: deployment("PAUSED") });
    const all = { endpoints: [release, waits], alerts: [alert("a")], rollbacks: [rollback("a")] };
    expect(healthOf(all, NOW)).toMatchObject({ word: "alert", kind: "bad", detail: "too many errors", href: "/alerts" });
    expect(healthOf({ ...all, alerts: [] }, NOW)).toMatchObject({ word: "waiting", href: "/deployments/dp_1" });
    expect(healthOf({ ...all, endpoints: [release], alerts: [] }, NOW)).toMatchObject({
      word: "releasing",
      detail: "1.1.0 gets 10% of production",
    });
    expect(healthOf({ ...NOBODY, endpoints: [endpoint("a")] }, NOW).word).toBe("serving");
    expect(healthOf(NOBODY, NOW)).toMatchObject({ word: "nothing", kind: "plain" });
  });

  it("is not what is silenced or over", () => {
    const alerts = [alert("a", { silenced: true }), alert("a", { state: "resolved" })];
    expect(healthOf({ ...NOBODY, alerts }, NOW).word).toBe("nothing");
  });

  it("is rolled back until something else is deployed, or a week has passed", () => {
    const known = { ...NOBODY, endpoints: [endpoint("a")], rollbacks: [rollback("a")] };
    expect(healthOf(known, NOW)).toMatchObject({ word: "rolledBack", detail: "production: back to 1.0.0 from 1.1.0" });
    expect(healthOf({ ...known, endpoints: [endpoint("a", { epoch: 4 })] }, NOW).word).toBe("serving");
    expect(healthOf({ ...known, endpoints: [endpoint("a", { environment: "edge" })] }, NOW).word).toBe("serving");
    expect(healthOf(known, NOW + 8 * 86_400_000).word).toBe("serving");
  });
});

describe("the yard", () => {
  it("shows who meets the filters, in the wanted order", () => {
    const models = [
      model("a", { owner: "ana", updated_at: "2026-01-01", stages: { production: "1.0.0" } }),
      model("b", { owner: "bob", updated_at: "2026-02-01" }),
      model("c", { owner: "ana", updated_at: "2026-03-01" }),
    ];
    const all = yard(models, { alerts: [alert("b")], endpoints: [endpoint("a")] });
    const names = (query: Record<string, string>) => cardsOf(all, wantedOf(query), NOW).map((one) => one.model.name);
    expect(names({})).toEqual(["c", "b", "a"]);
    expect(names({ sort: "name" })).toEqual(["a", "b", "c"]);
    expect(names({ sort: "health" })).toEqual(["b", "a", "c"]);
    expect(names({ owner: "ana", sort: "name" })).toEqual(["a", "c"]);
    // A model does not tell of all stages; who loads models has asked the server for those in this one.
    expect(names({ stage: "development" })).toHaveLength(3);
  });

  it("keeps its order when something changes, and puts what is new in front", () => {
    const cards = cardsOf(yard([model("a"), model("b"), model("c")]), wantedOf({}), NOW);
    const ids = asBefore(cards, ["md_c", "md_gone", "md_a"]).map((one) => one.model.name);
    expect(ids).toEqual(["b", "c", "a"]);
  });

  it("takes in what was loaded again of one model, and leaves the others", () => {
    const before = yard([model("a"), model("b")], { alerts: [alert("a"), alert("b")], endpoints: [endpoint("b")] });
    const after = patched(before, { name: "a", model: model("a", { versions: 7 }), alerts: [] });
    expect(after.models.map((one) => one.versions)).toEqual([7, 1]);
    expect(after.alerts.map((one) => one.model)).toEqual(["b"]);
    expect(after.endpoints).toBe(before.endpoints);
    expect(patched(before, { name: "a", model: null }).models.map((one) => one.name)).toEqual(["b"]);
  });

  it("takes in a new model, unless it comes with a page that is not loaded yet", () => {
    const some = yard([model("b"), model("m")], { token: "next" });
    const names = (name: string) => patched(some, { name, model: model(name) }).models.map((one) => one.name);
    expect(names("c")).toContain("c");
    expect(names("z")).not.toContain("z");
    expect(patched({ ...some, token: "" }, { name: "z", model: model("z") }).models).toHaveLength(3);
  });

  it("asks again for what an event changes and no more", () => {
    expect(partsOf({ type: "alert.fired" })).toEqual(["alerts"]);
    expect(partsOf({ type: "route.changed" })).toEqual(["model", "traffic"]);
    expect(partsOf({ type: "version.stage_moved" })).toEqual(["model"]);
  });

  it("offers what occurs as filters, and what is chosen", () => {
    const models = [model("a", { owner: "zoe", tags: { tier: "1" }, stages: { canary: "1.0.0" } }), model("b", { owner: "ana" })];
    const choices = choicesOf(models, wantedOf({ team: "gone", tag: "pii" }));
    expect(choices.owners).toEqual(["ana", "zoe"]);
    expect(choices.teams).toEqual(["gone"]);
    expect(choices.tags).toEqual(["pii", "tier=1"]);
    expect(choices.stages).toContain("canary");
  });

  it("tells production first", () => {
    const stages = { development: "3.0.0", qa: "2.0.0", production: "1.0.0", archived: "0.1.0" };
    expect(holdersOf(model("a", { stages })).map(([stage]) => stage)).toEqual(["production", "development", "qa", "archived"]);
  });
});

describe("the strip", () => {
  it("holds the newest that say something, each once, the newest first", () => {
    const old = [happened(1), happened(2), happened(3, { type: "route.changed" })];
    expect(merged(old, [happened(2), happened(4)]).map((one) => one.sequence)).toEqual([4, 2, 1]);
    const many = Array.from({ length: 50 }, (_, place) => happened(place));
    expect(merged(many, [])).toHaveLength(SHOWN);
  });
});
