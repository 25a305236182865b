import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { describe, expect, it, vi } from "vitest";

import { Problem } from "../api/problem";
import { Action } from "./action";

describe("an action", () => {
  it("says what will happen and which command does the same, before it does anything", () => {
    const run = vi.fn(() => Promise.resolve());
    render(<Action label="Pause" effect="It stops." line="modelyard pause dp_1" run={run} />);
    fireEvent.click(screen.getByRole("button", { name: "Pause" }));
    expect(screen.getByText("It stops.")).toBeTruthy();
    expect(screen.getByText("modelyard pause dp_1")).toBeTruthy();
    expect(run).not.toHaveBeenCalled();
  });

  it("shows the server's refusal with code and hint, and stays open", async () => {
    const run = () => Promise.reject(new Problem(409, "deployment_closed", "It has ended.", "Look at its state."));
    render(<Action label="Pause" effect="It stops." line="modelyard pause dp_1" run={run} />);
    fireEvent.click(screen.getByRole("button", { name: "Pause" }));
    fireEvent.submit(screen.getByText("It stops.").closest("form") as HTMLFormElement);
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("deployment_closed"));
    expect(screen.getByText("Look at its state.")).toBeTruthy();
    expect(screen.getByText("It stops.")).toBeTruthy();
  });
});
