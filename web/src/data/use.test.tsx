import { render, screen } from "@testing-library/preact";
import { LocationProvider, Route, Router, lazy } from "preact-iso";
import { describe, expect, it, vi } from "vitest";

import { Loaded, Some } from "../ui/notices";
import { usePlace } from "./address";
import { useData } from "./use";

/** Answers that come when the test says so, by what is asked for. */
function answers() {
  const waiting = new Map<string, (value: string) => void>();
  const load = (key: string) => new Promise<string>((done) => waiting.set(key, done));
  return { load, come: (key: string, value: string) => waiting.get(key)?.(value) };
}

describe("what was loaded", () => {
  it.each([true, false])("stays while another part is asked for, where that is wanted (%s)", async (keeps) => {
    const { load, come } = answers();
    function List({ of }: { of: string }) {
      const data = useData(of, () => load(of), { keeps });
      return (
        <div aria-busy={data.isLoading}>
          <Loaded data={data}>{(value) => <p>{value}</p>}</Loaded>
        </div>
      );
    }
    const { container, rerender } = render(<List of="all" />);
    come("all", "everything");
    await screen.findByText("everything");
    rerender(<List of="some" />);
    expect(screen.queryByText("everything") !== null).toBe(keeps);
    expect(container.querySelector("[aria-busy]")?.getAttribute("aria-busy")).toBe("true");
    come("some", "a part");
    await screen.findByText("a part");
    expect(screen.queryByText("everything")).toBeNull();
  });
});

describe("of a long list", () => {
  it("a part is drawn until more is wanted", async () => {
    const items = Array.from({ length: 250 }, (_, place) => place);
    render(<Some items={items}>{(shown) => <p>{shown.length} shown</p>}</Some>);
    screen.getByText("100 shown");
    screen.getByRole("button", { name: "Show more" }).click();
    await screen.findByText("200 shown");
    screen.getByRole("button", { name: "Show more" }).click();
    await screen.findByText("250 shown");
    expect(screen.queryByRole("button")).toBeNull();
  });
});

describe("a page", () => {
  it("keeps to its own address while the next one is fetched", async () => {
    history.replaceState(null, "", "/one?find=a");
    const fetching = vi.fn(() => new Promise<{ default: () => preact.JSX.Element }>(() => undefined));
    const Next = lazy(fetching);
    const seen: string[] = [];
    function One() {
      const { path, query, route } = usePlace();
      seen.push(`${path} ${query.find ?? ""}`);
      return <button onClick={() => { route("/two?find=b"); }}>go</button>;
    }
    render(
      <LocationProvider>
        <Router>
          <Route path="/one" component={One} />
          <Route path="/two" component={Next} />
        </Router>
      </LocationProvider>,
    );
    screen.getByRole("button").click();
    await vi.waitFor(() => {
      expect(fetching).toHaveBeenCalled();
    });
    expect(location.pathname).toBe("/two");
    expect(new Set(seen)).toEqual(new Set(["/one a"]));
  });
});
