import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { beforeEach, describe, expect, it } from "vitest";

import { answering } from "../../testing/server";
import AlertsPage from ".";

const ALERT = {
  id: "al_1",
  rule: "errors",
  state: "firing",
  severity: "warning",
  model: "fraud",
  environment: "production",
  version: "1.0.0",
  summary: "too many errors",
  value: 0.1,
  limit: 0.05,
  requests: 100,
  silenced: false,
  started_at: "2026-01-01T00:00:00Z",
  resolved_at: null,
  reason: "",
};

function show(path: string) {
  history.replaceState(null, "", path);
  render(
    <LocationProvider>
      <AlertsPage />
    </LocationProvider>,
  );
}

describe("the page of alerts", () => {
  beforeEach(() => {
    history.replaceState(null, "", "/alerts");
  });

  it("shows what fires first, the worst of it on top, and counts it", async () => {
    answering({
      "GET /api/alerts": {
        alerts: [
          { ...ALERT, id: "1", state: "pending", severity: "critical", summary: "perhaps" },
          { ...ALERT, id: "2", summary: "bad" },
          { ...ALERT, id: "3", severity: "critical", summary: "worst" },
          { ...ALERT, id: "4", severity: "critical", silenced: true, summary: "known" },
        ],
      },
      "GET /api/alerts/rules": { rules: [] },
    });
    show("/alerts");
    await screen.findByText("worst");
    expect(screen.getAllByRole("article").map((one) => one.getAttribute("aria-label"))).toEqual(["worst", "bad", "known", "perhaps"]);
    expect(screen.getByText("3 firing")).toBeTruthy();
  });

  it("teaches the rules where there are none", async () => {
    answering({ "GET /api/alerts": { alerts: [] }, "GET /api/alerts/rules": { rules: [] } });
    show("/alerts");
    expect(await screen.findByText("modelyard alert rule defaults")).toBeTruthy();
  });

  it("silences what one looks at, and no more", async () => {
    const asked = answering({
      "GET /api/alerts": { alerts: [ALERT] },
      "GET /api/alerts/rules": { rules: [] },
      "POST /api/alerts/silences": {},
    });
    show("/alerts");
    fireEvent.click(await screen.findByRole("button", { name: "Silence" }));
    const dialog = screen.getByRole("dialog", { hidden: true });
    expect(within(dialog).getByText("modelyard alert silence add --rule errors --model fraud --environment production --for 2h")).toBeTruthy();
    fireEvent.submit(dialog.querySelector("form") as HTMLFormElement);
    await waitFor(() => {
      expect(asked.find((one) => one.method === "POST")?.body).toEqual({
        match: { rule: "errors", model: "fraud", environment: "production", version: "*", severity: "*" },
        duration: "2h",
        reason: "",
      });
    });
  });

  it("keeps the tab in the address", async () => {
    answering({ "GET /api/alerts/silences": { silences: [] } });
    show("/alerts?tab=silences");
    expect(await screen.findByText("Nothing is silenced.")).toBeTruthy();
    fireEvent.click(screen.getByRole("tab", { name: "Channels" }));
    await waitFor(() => expect(location.search).toBe("?tab=channels"));
  });
});
