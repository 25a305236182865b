import { act, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import type { ComponentChildren } from "preact";
import { describe, expect, it, vi } from "vitest";

import { take } from "../../api/live";
import { answering, type Asked } from "../../testing/server";
import EventsPage from ".";

// The list draws what fits into its height, which a document without layout does not have.
vi.mock("../../ui/virtual", () => ({
  VirtualList: ({ items, row }: { items: unknown[]; row: (item: unknown) => ComponentChildren }) => (
    <ul>
      {items.map((one, place) => (
        <li key={place}>{row(one)}</li>
      ))}
    </ul>
  ),
}));

const HOSTILE = "<img src=x onerror=alert(1)>";

function event(sequence: number, more: object = {}) {
  return {
    sequence,
    model: "fraud",
    position: sequence,
    type: "model.created",
    at: `2026-01-0${String(sequence)}T00:00:00Z`,
    actor: "ana",
    version_id: null,
    data: {},
    previous: "00",
    hash: `hash${String(sequence)}`,
    ...more,
  };
}

const TABLE = {
  "GET /api/events": { events: [event(1), event(2, { type: "strange.thing", actor: HOSTILE }), event(3, { actor: "bob" })], next_page_token: "" },
  "GET /api/models": { models: [{ id: "md_1", name: "fraud", created_at: "2026-01-01T00:00:00Z" }], next_page_token: "" },
  "GET /api/stage-graph": { stages: ["development", "production"] },
};

function show(path: string, more: Record<string, unknown> = {}): Asked[] {
  history.replaceState(null, "", path);
  const asked = answering({ ...TABLE, ...more });
  render(
    <LocationProvider>
      <EventsPage />
    </LocationProvider>,
  );
  return asked;
}

const texts = () => [...document.querySelectorAll(".feed li")].map((one) => one.textContent);

describe("the page of events", () => {
  it("tells the newest first, and what strangers wrote as text", async () => {
    show("/events");
    await screen.findByText("ana created the model fraud");
    expect(texts()).toHaveLength(3);
    expect(texts()[0]).toContain("bob");
    expect(texts()[1]).toContain(HOSTILE);
    expect(document.querySelector("img")).toBeNull();
  });

  it("opens an event to its data and its hash", async () => {
    show("/events");
    fireEvent.click(await screen.findByText("ana created the model fraud"));
    expect(await screen.findByText(/^hash1/)).toBeTruthy();
    expect(screen.getByLabelText("Data").textContent).toBe("{}");
  });

  it("holds back what happens meanwhile until it is asked for", async () => {
    show("/events?model=fraud");
    await screen.findByText("ana created the model fraud");
    act(() => {
      take(`id: 4\ndata: ${JSON.stringify(event(4, { actor: "cy" }))}`);
      take(`id: 5\ndata: ${JSON.stringify(event(5, { model: "other" }))}`);
    });
    const button = await screen.findByRole("button", { name: "1 new" });
    expect(texts()).toHaveLength(3);
    fireEvent.click(button);
    await waitFor(() => expect(texts()).toHaveLength(4));
    expect(texts()[0]).toContain("cy");
  });

  it("asks for what its filters in the address say", async () => {
    const asked = show("/events?model=fraud&type=model.*&actor=bob");
    await screen.findByText("bob created the model fraud");
    expect(texts()).toHaveLength(1);
    const query = asked.find((one) => one.path === "/api/events")?.query;
    expect([query?.get("name"), query?.get("types")]).toEqual(["fraud", "model.*"]);
  });

});

describe("the slider and the audit", () => {
  it("shows the yard at a moment: who stood there, by whom, on which evidence, with the line for it", async () => {
    const asked = show("/events?at=2026-01-02T12:00:00Z", {
      "GET /api/models/fraud/versions": { versions: [{ version: "1.1.0", stage: "development" }], next_page_token: "" },
      "GET /api/models/fraud/as-of": {
        name: "fraud",
        version: { version: "1.0.0" },
        since: "2026-01-02T00:00:00Z",
        until: null,
        by: "ana",
        event: null,
        verdicts: [{ requirement: "min_auc", met: true, reason: "auc is 0.9, at least 0.8" }],
        approvals: [{ by: "bob", decision: "approved", at: "2026-01-02T00:00:00Z", comment: "looks right" }],
        others: [],
        aliases: { champion: "1.0.0" },
        endpoints: [],
      },
    });
    expect(await screen.findByText("auc is 0.9, at least 0.8")).toBeTruthy();
    expect(screen.getByText("looks right")).toBeTruthy();
    expect(screen.getByText("modelyard as-of fraud --at 2026-01-02T12:00:00Z")).toBeTruthy();
    expect(asked.find((one) => one.path.endsWith("/versions"))?.query.get("as_of")).toBe("2026-01-02T12:00:00Z");
    expect(texts().filter((one) => one?.includes("bob created"))).toEqual([]);
  });

  it("steps from event to event, and puts the moment into the address", async () => {
    show("/events");
    await screen.findByText("ana created the model fraud");
    const slider = screen.getByRole("slider");
    expect(slider.getAttribute("aria-valuetext")).toBe("Now");
    fireEvent.input(slider, { target: { value: "0" } });
    expect(slider.getAttribute("aria-valuetext")).toContain("ana created the model fraud");
    await waitFor(() => expect(location.search).toBe("?at=2026-01-01T00%3A00%3A00Z"));
  });

  it("verifies the record, and says what is wrong", async () => {
    show("/events", {
      "GET /api/audit/verify": {
        sound: false,
        events: 3,
        chains: 1,
        versions: 1,
        checkpoints: 0,
        findings: [{ kind: "event", subject: "fraud", position: 2, sequence: 2, problem: "its hash is another" }],
        unlisted: 0,
        anchored: false,
        limits: [],
      },
    });
    fireEvent.click(await screen.findByRole("button", { name: "Verify the record" }));
    fireEvent.submit(document.querySelector("dialog form") as HTMLFormElement);
    expect(await screen.findByText("its hash is another")).toBeTruthy();
  });
});
