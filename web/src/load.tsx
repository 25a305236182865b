/**
 * Pages come as files of their own, when they are first looked at. A server that was renewed since has others, and one
 * that is away has none: then the whole is loaded again as soon as somebody answers. Typed words were left already.
 */

import { lazy, useLocation } from "preact-iso";
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useErrorBoundary, useRef, useState } from "preact/hooks";

import { asProblem, Problem } from "./api/problem";
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
  return lazy(() => load().catch((error: unknown) => ({ default: () => <Unloaded error={error} /> }))) as unknown as ComponentType;
}

/** Stands in for a page that did not come, and loads everything again when somebody answers. */
function Unloaded({ error }: { error: unknown }) {
  const [isBroken] = useState(isJustReloaded);
  useEffect(() => {
    if (isBroken) return;
    const look = () => {
      void isThere().then((found) => {
        if (found) location.reload();
      });
    };
    look();
    const timer = setInterval(look, PAUSE_MS);
    return () => {
      clearInterval(timer);
    };
  }, [isBroken]);
  if (isBroken) return <Broken error={error} />;
  const { title, why, hint } = words.common.unloaded;
  return <Failed title={title} problem={new Problem(0, "unreachable", why, hint)} />;
}

function isJustReloaded(): boolean {
  const [how] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return how?.type === "reload" && performance.now() < JUST_MS;
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
  return <Failed title={words.common.broken} problem={asProblem(error)} />;
}

function Failed({ title, problem }: { title: string; problem: Problem }) {
  return (
    <Page title={title}>
      <ErrorNotice
        problem={problem}
        again={() => {
          location.reload();
        }}
      />
    </Page>
  );
}
