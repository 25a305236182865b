import { render, screen } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { describe, expect, it } from "vitest";

import { Graph } from "./graph";

describe("a graph", () => {
  it("makes each thing a link with a name, and texts of strangers stay texts", async () => {
    const title = "<img src=x onerror=alert(1)>";
    const view = render(
      <LocationProvider>
        <Graph
          label="Lineage of it"
          nodes={[
            { id: "v", title: "fraud 1.0.0", detail: "production", shape: "box" },
            { id: "d", title, detail: "dataset", shape: "cylinder" },
          ]}
          edges={[{ from: "d", to: "v", note: "uncommitted changes" }]}
          chosen="v"
          hrefOf={(id) => (id === "v" ? "/there" : undefined)}
        />
      </LocationProvider>,
    );
    expect(await screen.findByRole("group", { name: "Lineage of it" })).toBeTruthy();
    const link = view.container.querySelector("svg a");
    expect(link?.getAttribute("href")).toBe("/there");
    expect(link?.textContent).toContain("fraud 1.0.0");
    expect(view.container.querySelectorAll("svg a")).toHaveLength(1);
    expect(view.container.querySelector("img")).toBeNull();
    expect(view.container.textContent).toContain(title);
    expect(view.container.textContent).toContain("uncommitted changes");
  });
});
