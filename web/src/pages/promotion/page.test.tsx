import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { LocationProvider, Route, Router } from "preact-iso";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { take } from "../../api/live";
import { me } from "../../api/session";
import { type Answer, answering, Refusal } from "./testing";
import PromotionPage from "./index";

beforeEach(() => {
  me.value = { name: "cleo", proven: true, roles: [], grants: [{ allow: "*", model: "*", stage: "*", alias: "*" }] };
});
afterEach(() => {
  me.value = null;
});

function show(): void {
  history.replaceState(null, "", "/promotions/pr_1");
  render(
    <LocationProvider>
      <Router>
        {[<Route key="one" path="/promotions/:id" component={PromotionPage} />]}
      </Router>
    </LocationProvider>,
  );
}

describe("a promotion", () => {
  it("tells what is asked, its gates with their evidence, and who agreed; and runs nothing that somebody wrote", async () => {
    answering({ comment: "<img src=x onerror=alert(1)>" });
    show();
    await screen.findByRole("heading", { level: 1, name: "fraud/1.2.0: staging → production" });
    expect(await screen.findAllByText("<img src=x onerror=alert(1)>")).not.toHaveLength(0);
    expect(document.querySelector("img")).toBeNull();
    const gate = screen.getByRole("row", { name: /max_latency_ms/ });
    expect(gate.textContent).toContain("not met");
    expect(gate.textContent).toContain("27.4");
    expect(screen.getByText("1 of 2 approvals")).toBeTruthy();
    expect(screen.getByRole("link", { name: "Compare the two" }).getAttribute("href")).toBe("/compare?v=fraud%2F1.1.0&v=fraud%2F1.2.0");
  });

  it("is approved with the words that were given, by the line that is shown", async () => {
    const seen = answering({});
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Approve" }));
    fireEvent.input(screen.getByLabelText("Why"), { target: { value: "it's fine" } });
    expect(screen.getByText("modelyard approve pr_1 --comment 'it'\\''s fine'")).toBeTruthy();
    expect(screen.getByText(/the last one needed/)).toBeTruthy();
    fireEvent.submit(screen.getByLabelText("Why").closest("form") as HTMLFormElement);
    await waitFor(() => expect(seen.some((one) => one.path.endsWith("/approve"))).toBe(true));
    const asked = seen.find((one) => one.path.endsWith("/approve"));
    expect(asked?.body).toEqual({ comment: "it's fine", approver: "" });
    expect(asked?.headers.get("Idempotency-Key")).toBeTruthy();
  });

  it("offers who asked for it to take it back, and not to approve it", async () => {
    answering({ requester: "cleo" });
    show();
    await screen.findByRole("button", { name: "Withdraw" });
    expect(screen.queryByRole("button", { name: "Approve" })).toBeNull();
    expect(screen.getByText(/You asked for this/)).toBeTruthy();
  });

  it("says that it is applied, and who makes room, before it does so", async () => {
    answering({ state: "approved" });
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Apply" }));
    expect(screen.getByText("fraud/1.1.0, which stands in production now, is archived.")).toBeTruthy();
    expect(screen.getByText("modelyard requests apply pr_1")).toBeTruthy();
  });

  it("offers nothing but words once it has ended", async () => {
    answering({ state: "rejected" });
    show();
    await screen.findByRole("button", { name: "Comment" });
    expect(screen.queryByRole("button", { name: "Reject" })).toBeNull();
  });

  it("shows what somebody else did, as it happens", async () => {
    const given: Answer = {};
    answering(given);
    show();
    await screen.findByRole("button", { name: "Approve" });
    given.state = "rejected";
    given.votes = [{ by: "bob", decision: "reject", at: "2026-01-01T00:00:00Z", comment: "too slow" }];
    take(`id: 9\ndata: ${JSON.stringify({ type: "promotion.rejected", model: "fraud", data: { promotion: "pr_1" } })}`);
    await screen.findByText("bob rejected it.", undefined, { timeout: 900 });
    expect(screen.getByText("too slow")).toBeTruthy();
  });

  it("tells that there is none, with code and hint", async () => {
    answering({}, { "GET /api/promotions/pr_1": new Refusal(404, { code: "promotion_not_found", detail: "there is no promotion", hint: "look" }) });
    show();
    expect((await screen.findByRole("alert")).textContent).toContain("promotion_not_found");
  });
});
