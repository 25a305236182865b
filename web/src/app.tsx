/** The application: who one is, the frame, and one page at a time. */

import { ErrorBoundary, LocationProvider, Route, Router } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";

import { answered, api } from "./api/client";
import { restart } from "./api/live";
import { asProblem, type Problem } from "./api/problem";
import { isAsked, me, token } from "./api/session";
import { Caught, page } from "./load";
import { PATTERNS } from "./paths";
import { Shell } from "./shell";
import { SignIn } from "./sign-in";
import { ErrorNotice } from "./ui/notices";
import { Page } from "./ui/page";
import { words } from "./words";

const Yard = page(() => import("./pages/yard"));
const Model = page(() => import("./pages/model"));
const Version = page(() => import("./pages/version"));
const Compare = page(() => import("./pages/compare"));
const Promotions = page(() => import("./pages/promotions"));
const Promotion = page(() => import("./pages/promotion"));
const Deployments = page(() => import("./pages/deployments"));
const Deployment = page(() => import("./pages/deployment"));
const Endpoints = page(() => import("./pages/endpoints"));
const Endpoint = page(() => import("./pages/endpoint"));
const Alerts = page(() => import("./pages/alerts"));
const Events = page(() => import("./pages/events"));
const Agents = page(() => import("./pages/agents"));
const People = page(() => import("./pages/people"));
const Storage = page(() => import("./pages/storage"));
const Settings = page(() => import("./pages/settings"));

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
        <Caught lost={<Lost />}>
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
        </Caught>
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
