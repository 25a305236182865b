/** The application: who one is, the frame, and one page at a time. */

import { ErrorBoundary, lazy, LocationProvider, Route, Router } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";

import { answered, api } from "./api/client";
import { restart } from "./api/live";
import { asProblem, type Problem } from "./api/problem";
import { isAsked, me, token } from "./api/session";
import { PATTERNS } from "./paths";
import { Shell } from "./shell";
import { SignIn } from "./sign-in";
import { ErrorNotice } from "./ui/notices";
import { Page } from "./ui/page";
import { words } from "./words";

const Yard = lazy(() => import("./pages/yard"));
const Model = lazy(() => import("./pages/model"));
const Version = lazy(() => import("./pages/version"));
const Compare = lazy(() => import("./pages/compare"));
const Promotions = lazy(() => import("./pages/promotions"));
const Promotion = lazy(() => import("./pages/promotion"));
const Deployments = lazy(() => import("./pages/deployments"));
const Deployment = lazy(() => import("./pages/deployment"));
const Endpoints = lazy(() => import("./pages/endpoints"));
const Endpoint = lazy(() => import("./pages/endpoint"));
const Alerts = lazy(() => import("./pages/alerts"));
const Events = lazy(() => import("./pages/events"));
const Agents = lazy(() => import("./pages/agents"));
const People = lazy(() => import("./pages/people"));
const Storage = lazy(() => import("./pages/storage"));
const Settings = lazy(() => import("./pages/settings"));

export function App() {
  const [problem, setProblem] = useState<Problem>();
  const before = useRef(token.value);
  useEffect(() => {
    // Who signs in follows what happens as themselves.
    if (before.current !== token.value) restart();
    before.current = token.value;
    const over = new AbortController();
    answered(api.GET("/api/whoami", { signal: over.signal })).then(
      (found) => {
        me.value = found;
        setProblem(undefined);
      },
      (error: unknown) => {
        const told = asProblem(error);
        if (!over.signal.aborted && told.status !== 401) setProblem(told);
      },
    );
    return () => {
      over.abort();
    };
  }, [token.value]);
  if (isAsked.value) return <SignIn />;
  return (
    <LocationProvider>
      <Shell>
        {problem !== undefined && <ErrorNotice problem={problem} />}
        <ErrorBoundary>
          <Router>
            <Route path={PATTERNS.yard} component={Yard} />
            <Route path={PATTERNS.model} component={Model} />
            <Route path={PATTERNS.version} component={Version} />
            <Route path={PATTERNS.compare} component={Compare} />
            <Route path={PATTERNS.promotions} component={Promotions} />
            <Route path={PATTERNS.promotion} component={Promotion} />
            <Route path={PATTERNS.deployments} component={Deployments} />
            <Route path={PATTERNS.deployment} component={Deployment} />
            <Route path={PATTERNS.endpoints} component={Endpoints} />
            <Route path={PATTERNS.endpoint} component={Endpoint} />
            <Route path={PATTERNS.alerts} component={Alerts} />
            <Route path={PATTERNS.events} component={Events} />
            <Route path={PATTERNS.agents} component={Agents} />
            <Route path={PATTERNS.people} component={People} />
            <Route path={PATTERNS.storage} component={Storage} />
            <Route path={PATTERNS.settings} component={Settings} />
            <Route default component={Lost} />
          </Router>
        </ErrorBoundary>
      </Shell>
    </LocationProvider>
  );
}

function Lost() {
  return (
    <Page title={words.common.lost.title}>
      <p>
        <a href="/">{words.common.lost.back}</a>
      </p>
    </Page>
  );
}
