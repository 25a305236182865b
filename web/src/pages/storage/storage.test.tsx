import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { describe, expect, it } from "vitest";

import { answering, type Asked } from "../../testing/server";
import { webLink } from "./links";
import { commonFirst, saved } from "./numbers";
import StoragePage from ".";

const STATS = {
  total_models: 1,
  total_versions: 2,
  total_size_bytes: 2048,
  stored_size_bytes: 1024,
  total_aliases: 0,
  total_events: 3,
  models_by_stage: { production: 1, development: 1 },
  versions_by_label: {},
  frameworks: {},
  last_registered: null,
  total_endpoints: 0,
  serving_endpoints: 0,
  total_artifacts: 0,
  artifacts_size_bytes: 0,
};
const HOOK = {
  id: "wh_1",
  url: "https://example.com/in",
  events: ["version.*"],
  models: ["*"],
  description: "",
  active: true,
  revision: 2,
  pending: 0,
  dead: 1,
  format: "modelyard",
};

function show(path: string, table: Record<string, unknown>): Asked[] {
  history.replaceState(null, "", path);
  const asked = answering(table);
  render(
    <LocationProvider>
      <StoragePage />
    </LocationProvider>,
  );
  return asked;
}

const submit = () => fireEvent.submit(document.querySelector("dialog form") as HTMLFormElement);

describe("figures of the store", () => {
  it("tell what is saved, and what is common", () => {
    expect(saved(100, 25)).toBe(0.75);
    expect([saved(0, 0), saved(10, 12)]).toEqual([0, 0]);
    expect(commonFirst({ b: 1, c: 2, a: 1 })).toEqual([["c", 2], ["a", 1], ["b", 1]]);
  });

  it("link to nothing but the web", () => {
    expect(webLink("https://mlflow.example.com/run")).toBe("https://mlflow.example.com/run");
    expect(webLink("javascript:alert(1)")).toBeUndefined();
  });
});

describe("the page of storage", () => {
  it("removes files only after they were counted", async () => {
    const report = { blobs: 2, bytes: 2048, stale_uploads: 1, kept_blobs: 3, kept_bytes: 4096 };
    const asked = show("/storage", {
      "GET /api/stats": STATS,
      "POST /api/gc": ({ body }: Asked) => ({ ...report, dry_run: (body as { dry_run: boolean }).dry_run }),
    });
    const remove = await screen.findByRole("button", { name: "Remove them" });
    expect(remove.hasAttribute("disabled")).toBe(true);
    fireEvent.click(screen.getByRole("button", { name: "See what would go" }));
    expect(screen.getByText("modelyard gc --dry-run")).toBeTruthy();
    submit();
    expect(await screen.findByText(/A collection would remove 2 files, which frees 2 KiB/)).toBeTruthy();
    await waitFor(() => expect(document.querySelector("dialog")).toBeNull());
    fireEvent.click(remove);
    submit();
    expect(await screen.findByText(/2 files removed/)).toBeTruthy();
    expect(asked.filter((one) => one.method === "POST").map((one) => one.body)).toEqual([
      { dry_run: true, grace_seconds: 3600 },
      { dry_run: false, grace_seconds: 3600 },
    ]);
  });

  it("shows the secret of a new webhook once", async () => {
    show("/storage?tab=webhooks", {
      "GET /api/webhooks": { webhooks: [], next_page_token: "" },
      "POST /api/webhooks": { ...HOOK, secret: "whsec_new" },
    });
    fireEvent.click(await screen.findByRole("button", { name: "New webhook" }));
    fireEvent.input(screen.getByLabelText("Address"), { target: { value: HOOK.url } });
    fireEvent.input(screen.getByLabelText("Events, with commas"), { target: { value: "version.*, alias.set" } });
    expect(screen.getByText("modelyard webhook create https://example.com/in --events 'version.*,alias.set'")).toBeTruthy();
    submit();
    expect(await screen.findByText("whsec_new")).toBeTruthy();
  });

  it("replays what was given up", async () => {
    const asked = show("/storage?tab=webhooks", {
      "GET /api/webhooks": { webhooks: [HOOK], next_page_token: "" },
      "POST /api/webhooks/wh_1/replay": { queued: 1 },
      "GET /api/webhooks/wh_1/deliveries": { deliveries: [] },
    });
    expect(await screen.findByText("1 given up")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Replay" }));
    expect(screen.getByText("modelyard webhook replay wh_1 --dead")).toBeTruthy();
    submit();
    await waitFor(() => {
      expect(asked.find((one) => one.method === "POST")?.body).toEqual({ delivery: null, dead: true, after: null });
    });
    expect(await screen.findByText("Nothing was sent yet.")).toBeTruthy();
  });

  it("sends a failed forward again, and links to where it went", async () => {
    const forward = {
      id: 3,
      target: "mlflow",
      name: "fraud",
      version: "1.0.0",
      state: "failed",
      attempts: 2,
      created_at: "2026-01-01T00:00:00Z",
      finished_at: null,
      last_error: "no such host",
      run_id: "r1",
      url: "javascript:alert(1)",
      note: "",
    };
    const asked = show("/storage?tab=forwards", {
      "GET /api/forwards": { forwards: [forward], next_page_token: "" },
      "POST /api/forwards/3/retry": forward,
    });
    expect(await screen.findByText("no such host")).toBeTruthy();
    expect([...document.querySelectorAll("a")].map((one) => one.getAttribute("href"))).not.toContain("javascript:alert(1)");
    fireEvent.click(screen.getByRole("button", { name: "Send again" }));
    expect(screen.getByText("modelyard forwards retry 3")).toBeTruthy();
    submit();
    await waitFor(() => expect(asked.some((one) => one.path === "/api/forwards/3/retry")).toBe(true));
  });
});
