/**
 * Pages come as files of their own, when they are first looked at. A server that was renewed since has others, and one
 * that is away has none: then the whole is loaded again as soon as somebody answers. Typed words were left already.
 */

import { lazy, useLocation } from "preact-iso";
import type { ComponentChildren, ComponentType } from "preact";
import { useErrorBoundary, useRef } from "preact/hooks";

import { asProblem } from "./api/problem";
import { ErrorNotice } from "./ui/notices";
import { Page } from "./ui/page";
import { words } from "./words";

interface Module {
  default: ComponentType;
}

const PAUSE_MS = 1_000;
/** A page that was loaded again so short a time ago would only do so for ever. */
const JUST_MS = 10_000;

/** A page, from its file. */
export function page(load: () => Promise<Module>): ComponentType {
  return lazy(() => load().catch(again)) as unknown as ComponentType;
}

async function again(error: unknown): Promise<Module> {
  while (!(await isThere())) await new Promise((done) => setTimeout(done, PAUSE_MS));
  const [how] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (how?.type === "reload" && performance.now() < JUST_MS) return { default: () => <Broken error={error} /> };
  location.reload();
  return new Promise(() => undefined);
}

function isThere(): Promise<boolean> {
  return fetch("/health").then(
    (answer) => answer.ok,
    () => false,
  );
}

/** Says what went wrong with a page, in its place; another address is another try. */
export function Caught({ children, lost }: { children: ComponentChildren; lost: ComponentChildren }) {
  const { url } = useLocation();
  const where = useRef("");
  const [error] = useErrorBoundary(() => {
    where.current = url;
  }) as [unknown, unknown];
  if (where.current !== url) {
    where.current = "";
    return <>{children}</>;
  }
  // An address that is no text, such as /models/%ff.
  return error instanceof URIError ? <>{lost}</> : <Broken error={error} />;
}

function Broken({ error }: { error: unknown }) {
  return (
    <Page title={words.common.broken}>
      <ErrorNotice
        problem={asProblem(error)}
        again={() => {
          location.reload();
        }}
      />
    </Page>
  );
}
