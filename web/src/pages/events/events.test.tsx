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

const EVENTS = [event(1), event(2, { type: "strange.thing", actor: HOSTILE }), event(3, { actor: "bob" })];

/** Answers as the server does, with so many events in a page. */
function record(events: ReturnType<typeof event>[], size = 500) {
  return ({ query }: Asked) => {
    const given = (key: string) => query.get(key) ?? "";
    const isBack = given("newest_first") === "true";
    const from = Number(given("page_token"));
    const found = events
      .filter((one) => one.sequence > Number(given("after")) && (given("until") === "" || one.at <= given("until")))
      .filter((one) => given("actor") === "" || one.actor === given("actor"))
      .sort((a, b) => (isBack ? b.sequence - a.sequence : a.sequence - b.sequence))
      .slice(from);
    return { events: found.slice(0, size), next_page_token: found.length > size ? String(from + size) : "" };
  };
}

const TABLE = {
  "GET /api/events": record(EVENTS),
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
    expect([query?.get("name"), query?.get("types"), query?.get("actor")]).toEqual(["fraud", "model.*", "bob"]);
    expect(screen.getByText("modelyard events --model fraud --actor bob --follow")).toBeTruthy();
    act(() => {
      take(`id: 4\ndata: ${JSON.stringify(event(4, { actor: "bobby" }))}`);
      take(`id: 5\ndata: ${JSON.stringify(event(5, { actor: "bob" }))}`);
    });
    expect(await screen.findByRole("button", { name: "1 new" })).toBeTruthy();
  });

  it("goes further back page by page, to where the record begins", async () => {
    show("/events", { "GET /api/events": record(EVENTS, 2) });
    await waitFor(() => expect(texts()).toHaveLength(2));
    fireEvent.click(screen.getAllByRole("button", { name: "Look further back" })[0] as HTMLElement);
    await screen.findByText("ana created the model fraud");
    expect(texts()).toHaveLength(3);
    expect(screen.getByText("The record begins here.")).toBeTruthy();
  });

  it("goes to a moment long ago at once, and on from there", async () => {
    const long = Array.from({ length: 9 }, (_, place) => event(place + 1));
    const asked = show("/events?at=2026-01-03T12:00:00Z", { "GET /api/events": record(long, 2) });
    await waitFor(() => expect(texts()).toHaveLength(2));
    expect(texts()[0]).toContain("created");
    const reads = () => asked.filter((one) => one.path === "/api/events").map((one) => one.query);
    expect(reads().map((one) => [one.get("until"), one.get("after")])).toEqual([
      ["", null],
      ["2026-01-03T12:00:00Z", null],
      [null, "3"],
    ]);
    const slider = screen.getByRole("slider");
    // Two before it, two after it, and the two newest.
    expect(slider.getAttribute("max")).toBe("6");
    const stepOn = async (day: string) => {
      fireEvent.click(screen.getByRole("button", { name: "Later" }));
      await waitFor(() => expect(location.search).toContain(`2026-01-${day}`));
    };
    await stepOn("04");
    expect(reads()).toHaveLength(3);
    await stepOn("05");
    // At the end of what was loaded, the next ones are.
    await waitFor(() => expect(reads().at(-1)?.get("after")).toBe("5"));
    await waitFor(() => expect(texts()).toHaveLength(2));
    await stepOn("06");
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
