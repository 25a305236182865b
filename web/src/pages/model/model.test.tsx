import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { LocationProvider, Route, Router } from "preact-iso";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { type Asked, answering } from "../../testing/server";
import ModelPage from ".";

vi.mock("../../ui/plot", () => ({ Plot: ({ label }: { label: string }) => <p>plot of {label}</p> }));
vi.mock("../../ui/markdown", () => ({ Markdown: ({ text }: { text: string }) => <p>{text}</p> }));

const XSS = "<img src=x onerror=alert(1)>";

const MODEL = {
  id: "md_1", name: "my fraud", description: XSS, owner: XSS, team: "risk", tags: { area: "cards" }, revision: 4,
  created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-02T00:00:00Z", versions: 2, latest_version: "1.1.0",
  stages: { production: "1.0.0" }, aliases: { champion: "1.0.0" }, serving: {},
};

function version(number: number, more: object = {}) {
  return {
    id: `mv_${String(number)}`, name: "my fraud", number, version: `1.${String(number - 1)}.0`, stage: "development", label: "",
    status: "READY", description: "", tags: {}, metrics: { accuracy: 0.9 + number / 100, auc: 0.5 }, aliases: [], parent_id: null,
    created_by: "ana", framework: "", changelog: "", deprecated: false, deprecation_reason: "", successor: "",
    created_at: "2026-01-01T00:00:00Z", files: [], ...more,
  };
}

const VERSIONS = [version(2, { parent_id: "mv_1", tags: { note: XSS }, description: XSS }), version(1, { stage: "production" })];

const ENDPOINT = {
  id: "ep_1", name: "my fraud", environment: "production", deployment: null,
  route: { arms: [{ version_id: "mv_1", version: "1.0.0", weight: 0.9 }, { version_id: "mv_2", version: "1.1.0", weight: 0.1 }] },
};

const TREND = {
  metric: "accuracy", model: "my fraud", across: "versions", direction: "higher", trend: "better", truncated: false, best: "mv_2",
  points: VERSIONS.toReversed().map((one) => ({ id: one.id, name: one.name, version: one.version, number: one.number, value: one.metrics.accuracy })),
};

const EVENTS = [
  { sequence: 1, model: "my fraud", position: 1, type: "model.created", at: "2026-01-01T00:00:00Z", actor: XSS, version_id: null, data: {} },
  { sequence: 2, model: "my fraud", position: 2, type: "alias.set", at: "2026-01-02T00:00:00Z", actor: "bo", version_id: "mv_1", data: { alias: "champion", version: "1.0.0" } },
];

function serve(more: Record<string, unknown> = {}): Asked[] {
  return answering({
    "GET /api/models/my fraud": MODEL,
    "GET /api/endpoints": { endpoints: [ENDPOINT], next_page_token: "" },
    "GET /api/models/my fraud/versions": { versions: VERSIONS, next_page_token: "" },
    "GET /api/models/my fraud/stage-graph": { stages: ["development", "staging", "production"] },
    "GET /api/models/my fraud/latest/trend": TREND,
    "GET /api/events": { events: EVENTS, next_page_token: "" },
    ...more,
  });
}

function open(query = "") {
  history.replaceState(null, "", `/models/my%20fraud${query}`);
  return render(
    <LocationProvider>
      <Router>
        <Route path="/models/:name" component={ModelPage} />
        <Route default component={() => null} />
      </Router>
    </LocationProvider>,
  );
}

const list = () => screen.findByRole("list", { name: "Versions, the newest first" });
const rows = async () => (await within(await list()).findAllByRole("listitem")).filter((one) => one.hasAttribute("aria-posinset"));

// Nothing has a size here, and a list without one shows nothing.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
});

describe("the page of a model", () => {
  let asked: Asked[];
  beforeEach(() => {
    asked = serve();
  });

  it("tells what is served, who holds stages and aliases, and whose it is", async () => {
    open();
    expect(await screen.findByRole("img", { name: "Traffic in production: 1.0.0 90%, 1.1.0 10%" })).toBeTruthy();
    expect(within(screen.getByRole("region", { name: "Stages and aliases" })).getByText("@champion")).toBeTruthy();
    expect(within(screen.getByRole("region", { name: "About" })).getByText("risk")).toBeTruthy();
  });

  it("shows versions, the newest first, with stage, alias, traffic, figures and parent", async () => {
    open();
    const [newest, older] = await rows();
    expect(newest?.textContent).toContain("1.1.0");
    expect(newest?.textContent).toContain("serves in production: 10%");
    expect(newest?.textContent).toContain("made from 1.0.0");
    expect(older?.textContent).toContain("@champion");
    expect(older?.textContent).toContain("accuracy0.91");
  });

  it("shows what strangers wrote as text", async () => {
    const { container } = open();
    await rows();
    await screen.findByText(/created the model/);
    expect(container.querySelector("[onerror], img")).toBeNull();
    expect(screen.getAllByText(new RegExp(XSS.replaceAll(/[()]/g, "\\$&"))).length).toBeGreaterThan(2);
  });

  it("links two chosen versions to their comparison, and keeps the choice in the address", async () => {
    open();
    await rows();
    fireEvent.click(screen.getByRole("checkbox", { name: "Choose 1.1.0 for comparing" }));
    expect(screen.queryByRole("link", { name: /Compare/ })).toBeNull();
    fireEvent.click(screen.getByRole("checkbox", { name: "Choose 1.0.0 for comparing" }));
    const link = screen.getByRole("link", { name: "Compare 2" });
    expect(link.getAttribute("href")).toBe("/compare?v=my%20fraud%2F1.1.0&v=my%20fraud%2F1.0.0");
    expect(new URLSearchParams(location.search).get("pick")).toBe("1.1.0,1.0.0");
  });

  it("takes its filters from the address", async () => {
    open("?stage=production&find=nothing");
    expect(await screen.findByText("No version matches.")).toBeTruthy();
    const query = asked.filter((one) => one.path.endsWith("/versions")).map((one) => one.query.get("stage"));
    expect(query).toContain("production");
  });

  it("plots the metric of the address", async () => {
    open("?metric=auc");
    await screen.findByText("plot of accuracy by version");
    expect(asked.find((one) => one.path.endsWith("/trend"))?.query.get("metric")).toBe("auc");
    expect(screen.getByText(/higher is better/)).toBeTruthy();
  });

  it("tells who did what, the newest first, of the kind that is chosen", async () => {
    open("?did=aliases");
    const happened = await screen.findByRole("list", { name: "What happened, the newest first" });
    expect(within(happened).getAllByRole("listitem")[0]?.textContent).toContain("bo pointed the alias champion");
    expect(asked.find((one) => one.path === "/api/events")?.query.getAll("types")).toEqual(["alias.*"]);
  });
});

describe("changes to a model", () => {
  const submit = (name: string) => {
    fireEvent.submit(within(screen.getByRole("dialog", { name, hidden: true })).getByText(name, { selector: "button" }).closest("form") as HTMLFormElement);
  };

  it("are sent alone, against the record as it was, with the same command", async () => {
    const asked = serve({ "PATCH /api/models/my fraud": MODEL });
    open();
    fireEvent.click(await screen.findByRole("button", { name: "Change" }));
    await waitFor(() => expect((screen.getByLabelText("Team") as HTMLInputElement).value).toBe("risk"));
    fireEvent.input(screen.getByLabelText("Team"), { target: { value: "trust & safety" } });
    fireEvent.input(screen.getByLabelText("Tags", { selector: "textarea" }), { target: { value: "level=high" } });
    expect(screen.getByText("modelyard describe 'my fraud' --team 'trust & safety' --tag level=high --tag area-")).toBeTruthy();
    submit("Change");
    await waitFor(() => expect(asked.some((one) => one.method === "PATCH")).toBe(true));
    const patch = asked.find((one) => one.method === "PATCH");
    expect(patch?.body).toEqual({ description: null, owner: null, team: "trust & safety", tags: { level: "high", area: null } });
    expect(patch?.headers.get("If-Match")).toBe('"4"');
  });

  it("point an alias to a version", async () => {
    const asked = serve({ "PUT /api/models/my fraud/aliases/best": {} });
    open();
    await rows();
    fireEvent.click(screen.getByRole("button", { name: "Set an alias" }));
    fireEvent.input(screen.getByLabelText("Alias"), { target: { value: "best" } });
    expect(screen.getByText("modelyard alias 'my fraud' best 1.1.0")).toBeTruthy();
    submit("Set an alias");
    await waitFor(() => expect(asked.find((one) => one.method === "PUT")?.body).toEqual({ version: "1.1.0" }));
  });
});

describe("a model without versions", () => {
  it("teaches the next commands", async () => {
    serve({
      "GET /api/models/my fraud": { ...MODEL, description: "", versions: 0, latest_version: null, stages: {}, aliases: {} },
      "GET /api/models/my fraud/versions": { versions: [], next_page_token: "" },
      "GET /api/endpoints": { endpoints: [], next_page_token: "" },
    });
    open();
    expect((await screen.findAllByText("modelyard register --name 'my fraud' --model-path ./model")).length).toBe(1);
    expect(screen.getByText("modelyard describe 'my fraud' --description 'What it is for'")).toBeTruthy();
    expect(screen.getByText("Nothing is served.")).toBeTruthy();
  });
});
