import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { LocationProvider, Route, Router } from "preact-iso";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { take } from "../../api/live";
import { token } from "../../api/session";
import { answering, type Asked, Refusal } from "../../testing/server";
import VersionPage from ".";

const EVIL = '<img src=x onerror="alert(1)">';

function record(more: object = {}) {
  return {
    id: "mv_2",
    version_id: "mv_2",
    name: "fraud",
    number: 2,
    version: "1.1.0",
    stage: "staging",
    label: "",
    status: "READY",
    revision: 1,
    description: EVIL,
    tags: { note: "javascript:alert(1)", link: "https://example.org/a" },
    metrics: { auc: 0.91 },
    training_metrics: {},
    validation_metrics: { auc: 0.9, f1: 0.8 },
    metric_samples: {},
    sample_size: 1000,
    hyperparameters: { C: 0.1, opt: { name: "lbfgs" } },
    framework: "scikit-learn",
    framework_version: "1.9",
    input_schema: { amount: "float64" },
    output_schema: {},
    input_example: [[1]],
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-02T00:00:00Z",
    aliases: ["champion"],
    serving: {},
    environments: {},
    deprecated: false,
    unproven: false,
    digest: "d".repeat(64),
    model_size_bytes: 2048,
    files: [{ path: "model.skops", size: 2048, blake3: "b".repeat(64), sha256: "c".repeat(64), media_type: "x/y", parts: [] }],
    parent_id: null,
    ...TEXTS,
    ...more,
  };
}

const TEXTS = Object.fromEntries(
  (
    "model_type flavour source training_data training_run_id training_timestamp data_version feature_version code_version " +
    "architecture optimizer loss_function created_by owner team changelog migration_notes known_issues allow_breaking " +
    "deprecation_reason successor"
  )
    .split(" ")
    .map((name) => [name, ""]),
);

const GRAPH = {
  document: { exclusive: ["production"], moves: { staging: { archived: {}, production: { approvals: 2 } } } },
  stages: ["staging", "production", "archived"],
};

const REPORT = {
  name: "fraud",
  version: "1.1.0",
  from_stage: "staging",
  target_stage: "production",
  met: false,
  verdicts: [
    { requirement: "min_auc", required: 0.95, actual: 0.91, met: false, reason: "auc is 0.91" },
    { requirement: "required_metrics", required: ["auc"], actual: ["auc"], met: true, reason: "recorded is auc" },
  ],
  approvals_needed: 2,
  would_replace: ["fraud/1.0.0"],
};

function reportOf(stage: string) {
  return stage === "production" ? REPORT : { ...REPORT, target_stage: stage, met: true, verdicts: [], approvals_needed: 0 };
}

function shown(query = "", table: Record<string, unknown> = {}) {
  history.replaceState(null, "", `/models/fraud/versions/1.1.0${query}`);
  const seen = answering({
    "GET /api/models/fraud/1.1.0/metadata": record(),
    "GET /api/models/fraud": { name: "fraud", stages: { production: "1.0.0" }, aliases: { champion: "1.0.0" }, serving: {} },
    "GET /api/models/fraud/stage-graph": GRAPH,
    "POST /api/models/fraud/1.1.0/gates": ({ body }: Asked) => reportOf((body as { target_stage: string }).target_stage),
    "GET /api/models/fraud/1.1.0/tests": { results: [] },
    ...table,
  });
  const view = render(
    <LocationProvider>
      <Router>
        <Route path="/models/:name/versions/:version" component={VersionPage} />
        <Route default component={() => null} />
      </Router>
    </LocationProvider>,
  );
  return { seen, view };
}

async function opened(name: string): Promise<HTMLElement> {
  fireEvent.click(await screen.findByRole("button", { name }));
  return screen.findByRole("dialog");
}

function submit(dialog: HTMLElement): void {
  fireEvent.submit(dialog.querySelector("form") as HTMLFormElement);
}

beforeEach(() => {
  token.value = "";
});

afterEach(() => {
  token.value = "";
});

describe("the page of a version", () => {
  it("shows what is recorded, and what strangers wrote stays text", async () => {
    const { view } = shown();
    expect(await screen.findByRole("heading", { level: 1, name: "fraud 1.1.0" })).toBeTruthy();
    expect(await screen.findByText(EVIL)).toBeTruthy();
    expect(view.container.querySelector("img")).toBeNull();
    const metrics = screen.getByRole("table", { name: "Metrics" });
    expect(within(metrics).getAllByRole("row").map((row) => row.textContent)).toEqual([
      "MetricPerformanceValidation",
      "auc0.910.9",
      "f1–0.8",
    ]);
    expect(screen.getByText("opt.name")).toBeTruthy();
    expect(screen.getByText("javascript:alert(1)").closest("a")).toBeNull();
    expect(screen.getByText("https://example.org/a").getAttribute("rel")).toBe("noreferrer noopener");
  });

  it("says that a version is deprecated and unproven, and what to use instead", async () => {
    const more = { deprecated: true, deprecation_reason: "leaks labels", successor: "fraud/1.2.0", unproven: true };
    shown("", { "GET /api/models/fraud/1.1.0/metadata": record(more) });
    expect(await screen.findByText(/leaks labels/)).toBeTruthy();
    expect(screen.getByText("fraud/1.2.0").getAttribute("href")).toBe("/models/fraud/versions/1.2.0");
    expect(screen.getByText(/^Unproven/)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Take deprecation back" })).toBeTruthy();
  });

  it("shows an error with its code and hint", async () => {
    const body = { code: "version_not_found", detail: "there is none", hint: "see the versions" };
    shown("", { "GET /api/models/fraud/1.1.0/metadata": new Refusal(404, body) });
    expect((await screen.findByRole("alert")).textContent).toContain("version_not_found");
    expect(screen.getByText("see the versions")).toBeTruthy();
  });

  it("keeps the chosen tab in the address", async () => {
    shown("?tab=gates");
    expect((await screen.findByRole("tab", { name: "Gates" })).getAttribute("aria-selected")).toBe("true");
    fireEvent.click(screen.getByRole("tab", { name: "Signature" }));
    await waitFor(() => {
      expect(location.search).toBe("?tab=signature");
    });
    expect(screen.getByRole("table", { name: "What it takes" }).textContent).toContain("amount");
  });

  it("follows what happens to its model", async () => {
    let stage = "staging";
    shown("", { "GET /api/models/fraud/1.1.0/metadata": () => record({ stage }) });
    expect(await screen.findByText("staging")).toBeTruthy();
    stage = "archived";
    take(`data: ${JSON.stringify({ model: "other", sequence: 1 })}`);
    take(`data: ${JSON.stringify({ model: "fraud", sequence: 2 })}`);
    expect(await screen.findByText("archived")).toBeTruthy();
  });
});

describe("gates", () => {
  it("tell what is met and what is missing, the guarded moves first", async () => {
    shown("?tab=gates");
    const table = await screen.findByRole("table", { name: "From staging to production" });
    const rows = within(table).getAllByRole("row").slice(1);
    expect(rows.map((row) => row.children[1]?.textContent)).toEqual(["✗ not met", "✓ met"]);
    const titles = screen.getAllByRole("heading", { level: 2 }).map((one) => one.textContent);
    expect(titles.slice(0, 2)).toEqual(["From staging to production", "From staging to archived"]);
    expect(screen.getAllByText(/2 approvals/).length).toBeGreaterThan(0);
  });
});

describe("files", () => {
  it("are plain links where no token is needed", async () => {
    shown("?tab=files");
    const link = await screen.findByRole("link", { name: "Download model.skops" });
    expect(link.getAttribute("href")).toBe("/api/models/fraud%2F1.1.0/download?path=model.skops");
  });

  it("are fetched with the token where there is one, and large ones by the command", async () => {
    token.value = "secret";
    const large = { path: "big.bin", size: 10 ** 9, blake3: "b", sha256: "c", media_type: "x/y", parts: [] };
    shown("?tab=files", { "GET /api/models/fraud/1.1.0/metadata": record({ files: [...record().files, large] }) });
    expect(await screen.findByRole("button", { name: "Download model.skops" })).toBeTruthy();
    expect(screen.getByText("modelyard download fraud/1.1.0 --path big.bin")).toBeTruthy();
  });

  it("name the bill of materials among them, and say where there is none", async () => {
    const bill = { path: "meta/sbom.cdx.json", size: 99, blake3: "b", sha256: "c", media_type: "x/y", parts: [] };
    const { view } = shown("?tab=files", { "GET /api/models/fraud/1.1.0/metadata": record({ files: [...record().files, bill] }) });
    expect((await screen.findByRole("list", { name: "Bill of materials" })).textContent).toContain(bill.path);
    view.unmount();
    shown("?tab=files");
    expect(await screen.findByText(/No bill of materials is among the files/)).toBeTruthy();
    expect(screen.queryByRole("list", { name: "Bill of materials" })).toBeNull();
  });

  it("say whether every digest holds", async () => {
    const damage = [{ subject: "model.skops", problem: "its bytes have changed", hint: "restore it" }];
    shown("?tab=files", { "POST /api/models/fraud/1.1.0/verify": { files: 1, bytes: 2048, damage } });
    submit(await opened("Verify"));
    expect(await screen.findByText(/its bytes have changed/)).toBeTruthy();
  });
});

describe("actions", () => {
  it("move a version, and say beforehand who makes room and what is missing", async () => {
    const { seen } = shown("", { "POST /api/models/fraud/1.1.0/promote": {} });
    const dialog = await opened("Move");
    await within(dialog).findByText(/fraud\/1.0.0 will be archived/);
    expect(dialog.textContent).toContain("as long as this is missing: min_auc");
    expect(dialog.textContent).toContain("needs 2 approvals");
    fireEvent.change(within(dialog).getByLabelText("Whoever stands there"), { target: { value: "stay" } });
    fireEvent.input(within(dialog).getByLabelText("Reason"), { target: { value: "it's better" } });
    const line = String.raw`modelyard promote fraud/1.1.0 --target-stage production --keep-previous --comment 'it'\''s better'`;
    expect(within(dialog).getByText(line)).toBeTruthy();
    submit(dialog);
    await waitFor(() => {
      expect(seen.find((one) => one.path.endsWith("/promote"))?.body).toEqual({
        target_stage: "production",
        comment: "it's better",
        archive_previous: false,
      });
    });
    expect(seen.find((one) => one.path.endsWith("/promote"))?.headers.get("Idempotency-Key")).toBeTruthy();
  });

  it("tell whom an alias leaves", async () => {
    const { seen } = shown("", { "PUT /api/models/fraud/aliases/champion": {} });
    const dialog = await opened("Set alias");
    fireEvent.input(within(dialog).getByLabelText("Alias"), { target: { value: "champion" } });
    expect(dialog.textContent).toContain("fraud@champion names 1.0.0 now");
    submit(dialog);
    await waitFor(() => {
      expect(seen.find((one) => one.method === "PUT")?.body).toEqual({ version: "1.1.0" });
    });
  });

  it("roll back what the version serves, and the stage that it alone holds", async () => {
    const more = { stage: "production", serving: { edge: 1 } };
    const { seen } = shown("", {
      "GET /api/models/fraud/1.1.0/metadata": record(more),
      "POST /api/models/fraud/rollback": {},
    });
    expect(await screen.findByRole("button", { name: "Roll back edge" })).toBeTruthy();
    const dialog = await opened("Roll back production");
    fireEvent.change(within(dialog).getByLabelText("This version"), { target: { value: "no" } });
    expect(within(dialog).getByText("modelyard rollback fraud --stage production --not-at-fault")).toBeTruthy();
    submit(dialog);
    await waitFor(() => {
      expect(seen.find((one) => one.path.endsWith("/rollback"))?.body).toMatchObject({ stage: "production", deprecate: false });
    });
  });
});

describe("the dialog that deploys", () => {
  it("shows the plan that the server would make", async () => {
    const plan = { steps: [{ arms: [{ version_id: "mv_2", version: "1.1.0", weight: 0.1 }], min_seconds: 60, min_requests: 50 }] };
    const answer = { id: "dp_1", version_id: "mv_2", environment: "production", base: "1.0.0", plan: { ...plan, bake_seconds: 0 } };
    const { seen } = shown("", { "POST /api/models/fraud/deploy": answer });
    const dialog = await opened("Deploy");
    expect(await within(dialog).findByText("10% of the requests, at least 60 s, at least 50 requests")).toBeTruthy();
    const asked = () => seen.filter((one) => one.path.endsWith("/deploy")).map((one) => one.body as { dry_run?: boolean });
    expect(asked().every((one) => one.dry_run === true)).toBe(true);
    submit(dialog);
    await waitFor(() => {
      expect(location.pathname).toBe("/deployments/dp_1");
    });
    expect(asked().at(-1)).toEqual({ version: "1.1.0", strategy: "canary", environment: "production", reason: "" });
  });

  it("takes the shares of an A/B test, and says how it ends and what the evidence does", async () => {
    const arm = (id: string, version: string, weight: number) => ({ version_id: id, version, weight });
    const step = { arms: [arm("mv_1", "1.0.0", 0.8), arm("mv_2", "1.1.0", 0.2)], min_seconds: 0, min_requests: 0, hold: true };
    const answer = { id: "dp_1", version_id: "mv_2", environment: "production", base: "1.0.0", plan: { steps: [step], bake_seconds: 0 } };
    const { seen } = shown("", { "POST /api/models/fraud/deploy": answer });
    const dialog = within(await opened("Deploy"));
    expect(dialog.getByText(/everything goes back by itself/)).toBeTruthy();
    expect(dialog.queryByLabelText("Other version")).toBeNull();
    fireEvent.change(dialog.getByLabelText("Strategy"), { target: { value: "ab-test" } });
    expect(await dialog.findByText("1.0.0 80%, 1.1.0 20%, until a person names the winner")).toBeTruthy();
    fireEvent.input(dialog.getByLabelText("Other version"), { target: { value: "1.0.0" } });
    fireEvent.input(dialog.getByLabelText("Its share, in per cent"), { target: { value: "80" } });
    fireEvent.click(dialog.getByLabelText("The winner takes all traffic by itself"));
    fireEvent.change(dialog.getByLabelText("Where the evidence says that it does harm"), { target: { value: "observe" } });
    expect(await dialog.findByText("1.0.0 80%, 1.1.0 20%, until there is a winner")).toBeTruthy();
    expect(dialog.getByText(/nothing goes back because of it/)).toBeTruthy();
    expect(
      dialog.getByText(
        "modelyard deploy fraud 1.1.0 --strategy ab-test --split 1.0.0=80 --option promote_winner=true --judge observe",
      ),
    ).toBeTruthy();
    await waitFor(() => {
      expect(seen.filter((one) => one.path.endsWith("/deploy")).at(-1)?.body).toMatchObject({
        split: { "1.0.0": 80 },
        options: { promote_winner: true },
        judge: { mode: "observe" },
        dry_run: true,
      });
    });
  });
});

describe("the lineage", () => {
  const graph = {
    root: "mv_2",
    nodes: [
      { id: "mv_2", kind: "version", name: "fraud/1.1.0", model: "fraud", version: "1.1.0", stage: "staging" },
      { id: "dataset:d", kind: "dataset", name: "d", model: "" },
    ],
    edges: [{ source: "mv_2", target: "dataset:d", relation: "dataset", note: "" }],
  };

  it("is a drawing and a list, and tells who uses an input", async () => {
    const uses = [{ id: "mv_9", name: "risk", version: "2.0.0", stage: "production", live_as: ["stage production"], registered_at: "x" }];
    const { view } = shown("?tab=lineage&input=dataset:d", {
      "GET /api/models/fraud/1.1.0/lineage-graph": graph,
      "GET /api/lineage/used-by": { uses },
    });
    expect(await screen.findByRole("group", { name: "Lineage of fraud/1.1.0" })).toBeTruthy();
    expect(view.container.querySelectorAll("svg a")).toHaveLength(2);
    expect(view.container.querySelector("ul.lineage")?.textContent).toContain("d");
    expect((await screen.findByRole("link", { name: "risk 2.0.0" })).getAttribute("href")).toBe("/models/risk/versions/2.0.0");
    expect(screen.getByText("modelyard used-by dataset d --all")).toBeTruthy();
  });
});
