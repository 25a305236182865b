import { render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, it, vi } from "vitest";

import { Page } from "./page";

function shown(title: string) {
  return (
    <Page title={title}>
      <input aria-label="Find" />
    </Page>
  );
}

const heading = () => screen.getByRole("heading", { level: 1 });

describe("a page", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("leaves the focus alone when one begins with it, and takes it when one comes to another one", () => {
    const { rerender } = render(shown("Yard"));
    expect(document.activeElement).toBe(document.body);
    history.pushState(null, "", "/alerts");
    rerender(shown("Alerts"));
    expect(document.activeElement).toBe(heading());
    expect(document.title).toBe("Alerts · modelyard");
  });

  it("takes the focus from nobody when its title is known at last, and catches one that was lost", () => {
    vi.stubGlobal("navigator", { userActivation: { hasBeenActive: true } });
    history.pushState(null, "", "/deployments/dp_1");
    const { rerender } = render(shown("Deployment"));
    screen.getByLabelText("Find").focus();
    rerender(shown("Deployment of fraud 1.4.2"));
    expect(document.activeElement).toBe(screen.getByLabelText("Find"));
    screen.getByLabelText("Find").blur();
    rerender(shown("Deployment of fraud 1.4.3"));
    expect(document.activeElement).toBe(heading());
  });
});
