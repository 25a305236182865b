import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { answering, type Asked } from "../../testing/server";
import ComparePage from "./index";

class NoObserver {
  observe(): void {
    // Nothing has a size here.
  }
  disconnect(): void {
    // Nothing was observed.
  }
}

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", NoObserver);
});

const record = (number: number, more: object = {}) => ({
  id: `mv_${String(number)}`,
  name: "fraud",
  version: `1.${String(number)}.0`,
  stage: "staging",
  description: "",
  aliases: [],
  hyperparameters: { depth: 4 + number, seed: 7 },
  framework: "",
  framework_version: "",
  training_data: "",
  data_version: "",
  feature_version: "",
  code_version: "",
  training_run_id: "",
  created_by: "",
  created_at: "2026-01-01T00:00:00Z",
  model_size_bytes: 10,
  digest: "abc",
  ...more,
});

const metric = (name: string, a: number, b: number, direction: string, better: string) => ({
  name,
  a,
  b,
  delta: b - a,
  relative_change: (b - a) / a,
  direction,
  better,
});

function report({ query }: Asked) {
  const [a, b] = query.getAll("version").map((id) => record(Number(id.slice(3))));
  const metrics = [metric("auc", 0.9, 0.95, "higher", "b"), metric("latency", 10, 12, "lower", "a")];
  const comparison = { a, b, winner: b?.id, confidence_score: 0.93, basis: "paired bootstrap", metrics };
  return { versions: [a, b], comparisons: [comparison], winner: b?.id, confidence_score: 0.93, explanation: `${b?.id ?? ""} is better` };
}

function answers(): Asked[] {
  return answering({
    "GET /api/models/fraud/1.0.0/metadata": record(0),
    "GET /api/models/fraud/1.1.0/metadata": record(1),
    "GET /api/models/fraud@champion/metadata": record(1),
    "GET /api/compare/report": report,
    "GET /api/signature-diff": ({ query }: Asked) => ({
      a: record(Number(query.get("version_a")?.slice(3))),
      b: record(Number(query.get("version_b")?.slice(3))),
      outcome: "none",
      changes: [],
      unknown: [],
      required_bump: "patch",
      compatible: true,
      reason: "",
    }),
    "GET /api/models/mv_0/lineage": { versions: [record(0)] },
    "GET /api/models/mv_1/lineage": { versions: [record(0), record(1)] },
    "GET /api/models/fraud/metrics": { confidence: 0.95, versions: [] },
    "GET /api/models/versions": { versions: [record(0), record(1)] },
    "GET /api/models/fraud/versions": { versions: [record(0), record(1)] },
    "GET /api/search": { versions: [record(1, { description: "trees" }), record(0)] },
  });
}

function show(address: string): void {
  history.replaceState(null, "", address);
  render(
    <LocationProvider>
      <ComparePage />
    </LocationProvider>,
  );
}

const TWO = "/compare?v=fraud/1.0.0&v=fraud/1.1.0";

describe("comparing", () => {
  it("sets metrics side by side, with direction, difference and the best in words", async () => {
    answers();
    show(TWO);
    const table = await screen.findByRole("table", { name: /^Metrics of each version/ });
    const auc = within(table).getByRole("row", { name: /auc/ }).textContent;
    expect(auc).toContain("higher is better");
    expect(auc).toContain("0.95best");
    expect(auc).toContain("+0.05 (+5.6%) better");
    expect(within(table).getByRole("row", { name: /latency/ }).textContent).toContain("+2 (+20%) worse");
    expect(screen.getByText("fraud/1.1.0 is better.")).toBeTruthy();
    expect(screen.getByRole("img", { name: /^Parallel coordinates of fraud\/1.0.0, fraud\/1.1.0 over auc, latency/ })).toBeTruthy();
  });

  it("shows parameters that differ, and all of them on demand, as the address says", async () => {
    answers();
    show(TWO);
    const rows = async () => (await screen.findByRole("table", { name: "Parameters of each version" })).querySelectorAll("tbody tr");
    expect(await rows()).toHaveLength(1);
    fireEvent.click(screen.getByRole("button", { name: "Show all 2" }));
    await waitFor(async () => expect(await rows()).toHaveLength(2));
    expect(location.search).toContain("params=all");
  });

  it("takes another base, and leaves versions out", async () => {
    answers();
    show(TWO);
    fireEvent.click(await screen.findByRole("button", { name: /^Make base/ }));
    await waitFor(() => expect(location.search).toBe("?v=fraud/1.1.0&v=fraud/1.0.0"));
    fireEvent.click(await screen.findByRole("button", { name: "Remove fraud/1.1.0" }));
    await waitFor(() => expect(location.search).toBe("?v=fraud/1.0.0"));
    expect(await screen.findByText("One more, and they stand side by side.")).toBeTruthy();
  });

  it("tells which reference names nothing, and compares the others", async () => {
    answers();
    show(`${TWO}&v=fraud/9&v=fraud@champion`);
    expect((await screen.findByRole("alert")).textContent).toContain("not_found");
    expect(screen.getByText("the same version as another one here")).toBeTruthy();
    expect(screen.getByRole("table", { name: /^Metrics of each version/ })).toBeTruthy();
  });
});

describe("the search for a version", () => {
  it("is used by keyboard alone", async () => {
    answers();
    show("/compare");
    const box = screen.getByRole("combobox", { name: "Add a version" });
    fireEvent.input(box, { target: { value: "trees" } });
    await screen.findByRole("option", { name: /trees/ });
    fireEvent.keyDown(box, { key: "ArrowDown" });
    fireEvent.keyDown(box, { key: "ArrowDown" });
    const chosen = document.getElementById(box.getAttribute("aria-activedescendant") ?? "");
    expect(chosen?.textContent).toContain("fraud/1.0.0");
    fireEvent.keyDown(box, { key: "Enter" });
    await waitFor(() => expect(location.search).toBe("?v=fraud/1.0.0"));
    expect(box.getAttribute("aria-expanded")).toBe("false");
  });

  it("takes a reference as it is written", async () => {
    answers();
    show("/compare");
    const box = screen.getByRole("combobox", { name: "Add a version" });
    fireEvent.input(box, { target: { value: "fraud@champion" } });
    fireEvent.click(await screen.findByRole("option", { name: /as it is written/ }));
    await waitFor(() => expect(location.search).toBe("?v=fraud@champion"));
  });

  it("closes on Escape and keeps what was typed", async () => {
    answers();
    show("/compare");
    const box: HTMLInputElement = screen.getByRole("combobox", { name: "Add a version" });
    fireEvent.input(box, { target: { value: "trees" } });
    await screen.findByRole("option", { name: /trees/ });
    fireEvent.keyDown(box, { key: "Escape" });
    expect(box.getAttribute("aria-expanded")).toBe("false");
    expect(box.value).toBe("trees");
  });
});

describe("what has the focus", () => {
  it("keeps it when its version becomes the base", async () => {
    answers();
    show(TWO);
    fireEvent.click(await screen.findByRole("button", { name: /^Make base/ }));
    await waitFor(() => expect(document.activeElement?.id).toBe("base-fraud/1.1.0"));
  });

  it("does not choose what was found for an earlier text", async () => {
    answers();
    show("/compare");
    const box: HTMLInputElement = screen.getByRole("combobox", { name: "Add a version" });
    fireEvent.click(box);
    await screen.findAllByRole("option");
    fireEvent.input(box, { target: { value: "trees" } });
    fireEvent.keyDown(box, { key: "Enter" });
    expect(location.search).toBe("");
    expect(box.value).toBe("trees");
  });
});
