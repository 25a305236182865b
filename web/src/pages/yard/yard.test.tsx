import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import type { ComponentChildren } from "preact";
import { LocationProvider } from "preact-iso";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { take } from "../../api/live";
import { forgetNames } from "../../data/version-names";
import { answering, type Asked, Refusal } from "../../testing/server";
import YardPage from "./index";
import { alert, deployment, endpoint, happened, model } from "./samples";

// There is no layout here, and without one a virtual list draws nothing.
vi.mock("../../ui/virtual", () => ({
  VirtualList: ({ items, row }: { items: unknown[]; row: (item: unknown) => ComponentChildren }) => <div>{items.map(row)}</div>,
}));

const version = (name: string, number: string, more: object = {}) => ({
  id: `mv_${name}_${number}`,
  name,
  version: number,
  stage: "staging",
  description: "",
  metrics: { accuracy: 0.91234 },
  aliases: ["champion"],
  serving: {},
  owner: "",
  team: "",
  tags: {},
  created_at: "2026-03-01T12:00:00Z",
  ...more,
});

function table(models: unknown[], more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    "GET /api/models": { models, next_page_token: "" },
    "GET /api/endpoints": { endpoints: [], next_page_token: "" },
    "GET /api/alerts": { alerts: [], next_page_token: "" },
    "GET /api/rollbacks": { rollbacks: [], next_page_token: "" },
    "GET /api/events": { events: [], next_page_token: "" },
    "GET /api/search": { versions: [], next_page_token: "" },
    ...more,
  };
}

function open(address = "/") {
  history.replaceState(null, "", address);
  return render(
    <LocationProvider>
      <YardPage />
    </LocationProvider>,
  );
}

function come(event: object) {
  take(`id: 1\ndata: ${JSON.stringify(event)}`);
}

async function cardOf(name: string): Promise<HTMLElement> {
  return (await screen.findByRole("heading", { name })).closest("li") as HTMLElement;
}

beforeEach(() => {
  forgetNames();
});

describe("the cards", () => {
  it("tell owner, who holds which stage, who gets which requests, and how it goes", async () => {
    const arms = [
      { version_id: "mv_1", version: "1.0.0", weight: 0.9 },
      { version_id: "mv_2", version: "1.1.0", weight: 0.1 },
    ];
    const released = endpoint("fraud", { deployment: deployment("STAGE"), route: { arms } });
    answering(
      table([model("fraud", { owner: "ana", stages: { production: "1.0.0" }, latest_version: "1.1.0", aliases: { old: "0.9.0" } })], {
        "GET /api/endpoints": { endpoints: [released], next_page_token: "" },
      }),
    );
    open();
    const card = within(await cardOf("fraud"));
    expect(card.getByText("Releasing")).toBeTruthy();
    expect(card.getByRole("img", { name: "Requests in production: 1.0.0 90%, 1.1.0 10%" })).toBeTruthy();
    expect(card.getByRole("link", { name: "1.0.0" }).getAttribute("href")).toBe("/models/fraud/versions/1.0.0");
    expect(card.getByRole("link", { name: "0.9.0" }).closest("li")?.textContent).toBe("@old0.9.0");
    expect(card.getByRole("link", { name: "ana" }).getAttribute("href")).toBe("/?owner=ana");
  });

  it("cost as many requests for three hundred models as for one, and not all are drawn", async () => {
    const asked = answering(table(Array.from({ length: 300 }, (_, place) => model(`m${String(place)}`))));
    const { container } = open();
    await cardOf("m0");
    expect(asked.filter((one) => one.path !== "/api/events/stream").length).toBeLessThanOrEqual(5);
    expect(container.querySelectorAll(".model-card").length).toBeLessThan(100);
    expect(screen.getByText("300")).toBeTruthy();
  });

  it("follow what happens to their model, and ask for nothing else", async () => {
    const rows = table([model("fraud"), model("churn")], { "GET /api/models/fraud": model("fraud", { versions: 8 }) });
    const asked = answering(rows);
    open();
    await cardOf("fraud");
    rows["GET /api/alerts"] = { alerts: [alert("fraud")], next_page_token: "" };
    const before = asked.length;
    come(happened(7, { type: "alert.fired" }));
    come(happened(8, { type: "version.registered" }));
    const card = within(await cardOf("fraud"));
    await waitFor(() => expect(card.getByText("Alert")).toBeTruthy());
    expect(card.getByText("8 versions")).toBeTruthy();
    const since = asked.slice(before).filter((one) => one.path !== "/api/events/stream");
    expect(since.map((one) => one.path).sort()).toEqual(["/api/alerts", "/api/models/fraud"]);
  });

  it("keep what strangers wrote as text", async () => {
    const wicked = "<img src=x onerror=alert(1)>";
    answering(table([model("fraud", { description: wicked, owner: wicked, tags: { [wicked]: wicked } })]));
    const { container } = open();
    const card = await cardOf("fraud");
    expect(card.textContent).toContain(wicked);
    expect(container.querySelector("img")).toBeNull();
  });

  it("say what is wrong where they cannot be loaded", async () => {
    answering(table([], { "GET /api/models": new Refusal(403, { code: "denied", detail: "no", hint: "ask for rights" }) }));
    open();
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("denied"));
  });

  it("of an empty registry are the commands that begin", async () => {
    answering(table([]));
    open();
    await waitFor(() => expect(screen.getByText("make demo && make serve")).toBeTruthy());
    expect(screen.getByText("modelyard register --name fraud --model-path ./model.joblib")).toBeTruthy();
  });
});

describe("the cards that are wanted", () => {
  it("meet the filters of the address, which the server knows of all models", async () => {
    const churn = model("churn", { owner: "bob", team: "risk", tags: { tier: "1" } });
    const asked = answering(table([churn]));
    open("/?owner=bob&team=risk&tag=tier%3D1&stage=development");
    await cardOf("churn");
    const query = asked.find((one) => one.path === "/api/models")?.query;
    const told = ["owner", "team", "tag", "stage"].map((key) => query?.get(key));
    expect(told).toEqual(["bob", "risk", "tier=1", "development"]);
  });

  it("are asked for anew with other filters, and what stands beside them is not", async () => {
    const both = { ana: model("fraud", { owner: "ana" }), bob: model("churn", { owner: "bob" }) };
    const asked = answering(
      table([], {
        "GET /api/models": ({ query }: Asked) => {
          const owner = query.get("owner") as keyof typeof both | null;
          return { models: owner === null ? Object.values(both) : [both[owner]], next_page_token: "" };
        },
      }),
    );
    open();
    await cardOf("fraud");
    const before = asked.length;
    fireEvent.change(screen.getByLabelText("Owner"), { target: { value: "bob" } });
    await waitFor(() => expect(screen.queryByRole("heading", { name: "fraud" })).toBeNull());
    fireEvent.change(screen.getByLabelText("Owner"), { target: { value: "ana" } });
    await cardOf("fraud");
    expect(screen.queryByText("No model meets the filters.")).toBeNull();
    expect(asked.slice(before).map((one) => one.path)).toEqual(["/api/models", "/api/models"]);
  });

  it("say that nothing meets the filters, which is no first visit", async () => {
    answering(table([]));
    open("/?owner=nobody");
    expect(await screen.findByText("No model meets the filters.")).toBeTruthy();
  });

  it("leave the page when no version is left in the wanted stage", async () => {
    const versions = { versions: [] as unknown[], next_page_token: "" };
    const fresh = { "GET /api/models/fraud": model("fraud"), "GET /api/models/fraud/versions": versions };
    const asked = answering(table([model("fraud"), model("churn")], fresh));
    open("/?stage=development");
    await cardOf("fraud");
    come(happened(11, { type: "version.stage_moved" }));
    await waitFor(() => expect(screen.queryByRole("heading", { name: "fraud" })).toBeNull());
    await cardOf("churn");
    expect(asked.find((one) => one.path === "/api/models/fraud/versions")?.query.get("stage")).toBe("development");
  });
});

describe("the search", () => {
  const searches = (asked: Asked[]) => asked.filter((one) => one.path === "/api/search").map((one) => one.query.get("q"));

  it("asks once for what is typed fast, shows what it finds, and stands in the address", async () => {
    const asked = answering(
      table([model("fraud")], { "GET /api/search": { versions: [version("fraud", "1.4.2")], next_page_token: "" } }),
    );
    open();
    const field = screen.getByRole("searchbox");
    for (const value of ["f", "fr", "fra"]) fireEvent.input(field, { target: { value } });
    await waitFor(() => expect(screen.getByRole("link", { name: "fraud 1.4.2" })).toBeTruthy());
    expect(searches(asked)).toEqual(["fra"]);
    expect(location.search).toBe("?q=fra");
    expect(screen.getByText("@champion")).toBeTruthy();
    expect(screen.getByText("modelyard search fra")).toBeTruthy();
  });

  it("leaves the filters to the server, and shows what it finds", async () => {
    // It says nothing of an owner itself; its model does.
    const versions = [version("fraud", "1.0.0")];
    const asked = answering(table([model("fraud")], { "GET /api/search": { versions, next_page_token: "" } }));
    open("/?q=fraud&owner=ana&stage=staging&tag=a%3Db");
    await waitFor(() => expect(screen.getByRole("link", { name: "fraud 1.0.0" })).toBeTruthy());
    const query = asked.find((one) => one.path === "/api/search")?.query;
    expect(["q", "owner", "stage", "tag", "team"].map((key) => query?.get(key) ?? null)).toEqual(
      ["fraud", "ana", "staging", "a=b", null],
    );
    expect(screen.getByText("modelyard search fraud --stage staging --owner ana --tag a=b")).toBeTruthy();
  });

  it("is reached by / and left by Escape", async () => {
    answering(table([model("fraud")]));
    open("/?q=nothing");
    await waitFor(() => expect(screen.getByText("No version has all these words.")).toBeTruthy());
    fireEvent.keyDown(document.body, { key: "/" });
    const field = screen.getByRole("searchbox");
    expect(document.activeElement).toBe(field);
    fireEvent.keyDown(field, { key: "Escape" });
    await cardOf("fraud");
    expect(location.search).toBe("");
    expect((field as HTMLInputElement).value).toBe("");
  });

  it("does not ask for signs alone", async () => {
    const asked = answering(table([model("fraud")]));
    open("/?q=*");
    await waitFor(() => expect(screen.getByText("Type letters or digits.")).toBeTruthy());
    expect(searches(asked)).toEqual([]);
  });
});

describe("the strip", () => {
  it("tells what was there and what comes, the newest first, with the numbers of versions", async () => {
    const events = [happened(1, { type: "model.created" }), happened(2, { type: "route.changed" })];
    answering(
      table([model("fraud")], {
        "GET /api/events": { events, next_page_token: "" },
        "GET /api/models/fraud": model("fraud"),
        "GET /api/models/mv_9/resolve": { version: "1.4.2" },
      }),
    );
    open();
    await waitFor(() => expect(screen.getByText("alice created the model fraud")).toBeTruthy());
    come(happened(3, { type: "version.stage_moved", version_id: "mv_9", data: { to: "production" } }));
    const moved = await screen.findByRole("link", { name: "alice moved fraud 1.4.2 to production" });
    expect(moved.getAttribute("href")).toBe("/models/fraud/versions/1.4.2");
    const lines = within(moved.closest("ol") as HTMLElement).getAllByRole("listitem");
    expect(lines).toHaveLength(2);
    expect(lines[0]?.contains(moved)).toBe(true);
  });
});
