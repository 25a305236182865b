import { render, screen, within } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { describe, expect, it } from "vitest";

import { answering, Refusal } from "../../testing/server";
import { graphOf } from "./graph";
import SettingsPage from ".";

const DOCUMENT = {
  initial: "development",
  exclusive: ["production"],
  environments: { eu: ["eu-production"] },
  moves: {
    development: ["production"],
    production: {
      archived: {},
      "eu-production": { requirements: { min_auc: 0.9 }, approvals: 2, approvers: ["ana", "bob"], archive_previous: false },
    },
    archived: [],
    "eu-production": [],
  },
};
const STAGES = ["development", "production", "archived", "eu-production"];

describe("a stage graph", () => {
  it("is read with what each move needs", () => {
    const graph = graphOf(DOCUMENT, STAGES);
    expect(graph.moves).toEqual([
      { from: "development", to: "production", needs: [] },
      { from: "production", to: "archived", needs: [] },
      {
        from: "production",
        to: "eu-production",
        needs: ["min_auc: 0.9", "2 approvals by ana, bob", "the version before stays"],
      },
    ]);
    expect(graph.environments.get("eu-production")).toBe("eu");
  });

  it("leaves out what is not as it should be", () => {
    expect(graphOf({ moves: "none" }, ["a"])).toMatchObject({ initial: "", moves: [], stages: ["a"] });
  });
});

describe("the page of settings", () => {
  it("shows the graph as a table, and that the store does not answer", async () => {
    history.replaceState(null, "", "/settings?model=fraud");
    answering({
      "GET /api/models/fraud/stage-graph": { name: "fraud", own: true, document: DOCUMENT, stages: STAGES },
      "GET /api/models": { models: [], next_page_token: "" },
      "GET /health": { status: "ok", modelyard: "1.2.3" },
      "GET /health/ready": new Refusal(503, { code: "unavailable", detail: "the store does not answer" }),
    });
    render(
      <LocationProvider>
        <SettingsPage />
      </LocationProvider>,
    );
    const table = await screen.findByRole("table", { name: "Moves, and what each needs" });
    expect(within(table).getByText("needs min_auc: 0.9, 2 approvals by ana, bob, the version before stays")).toBeTruthy();
    expect(screen.getByText("its own")).toBeTruthy();
    expect(await screen.findByText("1.2.3")).toBeTruthy();
    expect(screen.getAllByText("no")).toHaveLength(2);
    expect(screen.getByText("modelyard stages set ./stages.yaml --model fraud --dry-run")).toBeTruthy();
  });
});
