import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
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

  it("keeps the focus on its button while it runs, and after a refusal", async () => {
    const run = () => Promise.reject(new Problem(409, "deployment_closed", "It has ended.", "Look at its state."));
    render(<Action label="Pause" effect="It stops." line="modelyard pause dp_1" run={run} />);
    fireEvent.click(screen.getByRole("button", { name: "Pause" }));
    const form = screen.getByText("It stops.").closest("form") as HTMLFormElement;
    const button = within(form).getByRole<HTMLButtonElement>("button", { name: "Pause" });
    button.focus();
    fireEvent.submit(form);
    expect([button.disabled, button.getAttribute("aria-disabled")]).toEqual([false, "true"]);
    await screen.findByRole("alert");
    expect(document.activeElement).toBe(button);
  });

  it("leaves the focus to the page's heading when it goes, if it had it", async () => {
    const page = (what: string) => (
      <main>
        <h1 tabIndex={-1}>fraud</h1>
        <input aria-label="Find" />
        {what !== "" && <Action key={what} label={what} effect="It stops." line="" run={() => Promise.resolve()} />}
      </main>
    );
    const { rerender } = render(page("Pause"));
    screen.getByRole("button", { name: "Pause" }).focus();
    rerender(page("Resume"));
    await waitFor(() => expect(document.activeElement?.textContent).toBe("fraud"));
    screen.getByLabelText("Find").focus();
    rerender(page(""));
    await new Promise((resolve) => setTimeout(resolve));
    expect(document.activeElement).toBe(screen.getByLabelText("Find"));
  });
});
