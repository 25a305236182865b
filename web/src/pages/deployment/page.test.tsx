import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { LocationProvider, Route, Router } from "preact-iso";
import { describe, expect, it } from "vitest";

import { answering } from "../../testing/server";
import { deploymentOf, judgement } from "./example";
import DeploymentPage from ".";

const explanation = {
  id: "dp_1",
  name: "fraud",
  environment: "production",
  version: "1.4.2",
  base: "1.4.1",
  strategy: "canary",
  state: "STAGE",
  words: ["1.4.2 failed in 0 of 40 units."],
  judgement,
  replayed: true,
  course: [],
  batches: 0,
  units: 440,
};
const range = { low: 0.001, high: 0.02 };
const arm = { role: "live", requests: 400, errors: 4, error_rate: 0.01, p50_s: 0.01, p95_s: 0.02, p99_s: 0.03, tokens: 0, cost: 0 };
const metrics = {
  name: "fraud",
  confidence: 0.95,
  versions: [
    { ...arm, version: "1.4.1", version_id: "mv_old", intervals: { error_rate: range } },
    { ...arm, version: "1.4.2", version_id: "mv_new", intervals: {}, requests: 40, errors: 0, error_rate: 0 },
  ],
};

function shown(one: ReturnType<typeof deploymentOf>) {
  history.replaceState(null, "", "/deployments/dp_1");
  const asked = answering({
    "GET /api/deployments/dp_1": one,
    "GET /api/deployments/dp_1/explain": explanation,
    "GET /api/models/fraud/metrics": metrics,
    "POST /api/deployments/dp_1/abort": deploymentOf({ state: "ROLLED_BACK", live: false }),
  });
  render(
    <LocationProvider>
      <Router>
        <Route path="/deployments/:id" component={DeploymentPage} />
        <Route default component={() => null} />
      </Router>
    </LocationProvider>,
  );
  return asked;
}

describe("the page of a deployment", () => {
  it("says in plain words how it stands, and what the judge found", async () => {
    shown(deploymentOf({ judgement }));
    expect((await screen.findByText("1.4.2 gets 10% of the requests. Step 1 of 2.")).getAttribute("role")).toBe("status");
    expect(await screen.findByText("1.4.2 failed in 0 of 40 units.")).toBeTruthy();
    expect(screen.getByRole("img", { name: /Evidence of harm, E, 1.4.2: 0.5 of 20/ })).toBeTruthy();
  });

  it("sets both sides beside each other, with ranges", async () => {
    shown(deploymentOf({}));
    expect(await screen.findByText("0.1% to 2%")).toBeTruthy();
    expect(screen.getByRole("columnheader", { name: /1\.4\.1 served before/ })).toBeTruthy();
    expect(screen.getAllByText("not enough data for a range").length).toBeGreaterThan(0);
  });

  it("aborts only what was shown: the revision goes with the request", async () => {
    const asked = shown(deploymentOf({}));
    fireEvent.click(await screen.findByRole("button", { name: "Abort" }));
    const effect = screen.getByText("1.4.2 stops getting 10% of the requests; 1.4.1 gets all. The deployment ends.");
    fireEvent.input(screen.getByLabelText("Reason"), { target: { value: "wrong file" } });
    expect(screen.getByText("modelyard abort dp_1 --reason 'wrong file'")).toBeTruthy();
    fireEvent.submit(effect.closest("form") as HTMLFormElement);
    await waitFor(() => expect(asked.find((one) => one.method === "POST")?.body).toEqual({ reason: "wrong file" }));
    expect(asked.find((one) => one.method === "POST")?.headers.get("If-Match")).toBe('"3"');
  });

  it("offers nothing but what can be done: a rollback once it has succeeded", async () => {
    shown(deploymentOf({ state: "SUCCEEDED", live: false, weight: 1, finished_at: "2026-03-01T12:10:00Z" }));
    expect(await screen.findByText("Succeeded: 1.4.2 took over.")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Abort" })).toBeNull();
    expect(screen.getByRole("button", { name: "Roll back" })).toBeTruthy();
  });

  it("keeps what strangers wrote as text", async () => {
    shown(deploymentOf({ state: "PAUSED", reason: "<img src=x onerror=alert(1)>" }));
    expect(await screen.findByText("<img src=x onerror=alert(1)>")).toBeTruthy();
    expect(document.querySelector("img")).toBeNull();
  });
});
