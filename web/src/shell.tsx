/** The frame around every page: where one can go, whether one follows what happens, who one is. */

import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";

import { connection, onEvent } from "./api/live";
import { me, signOut, token } from "./api/session";
import { paths } from "./paths";
import { type Theme, theme } from "./theme";
import { Choice } from "./ui/action";
import { Badge, type Kind } from "./ui/badges";
import { words } from "./words";

const LINKS = [
  ["yard", paths.yard()],
  ["deployments", paths.deployments()],
  ["promotions", paths.promotions()],
  ["compare", paths.compare()],
  ["endpoints", paths.endpoints()],
  ["alerts", paths.alerts()],
  ["events", paths.events()],
  ["agents", paths.agents()],
  ["people", paths.people()],
  ["storage", paths.storage()],
  ["settings", paths.settings()],
] as const;

/** Pages that lie below another one of the menu. */
const BELOW: Record<string, string> = { models: "/" };

const CONNECTIONS: Record<typeof connection.value, Kind> = { live: "good", opening: "plain", off: "plain", lost: "bad" };

export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    setOpen(false);
  }, [path]);
  // The stream lasts as long as the frame, whatever page comes and goes.
  useEffect(() => onEvent(() => undefined), []);
  const first = path.split("/")[1] ?? "";
  const here = BELOW[first] ?? `/${first}`;
  return (
    <div class="shell">
      <a class="skip" href="#content">
        {words.common.skip}
      </a>
      <header class="side" data-open={isOpen ? "" : undefined}>
        <div class="top">
          <a class="brand" href="/">
            <img src="/icon.svg" alt="" width="28" height="28" />
            {words.common.name}
          </a>
          <button
            type="button"
            class="button menu-button"
            aria-expanded={isOpen}
            onClick={() => {
              setOpen(!isOpen);
            }}
          >
            {words.common.menu}
          </button>
        </div>
        <nav aria-label={words.common.menu}>
          <ul class="plain">
            {LINKS.map(([page, href]) => (
              <li key={page}>
                <a href={href} aria-current={href === here ? "page" : undefined}>
                  {words.common.pages[page]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="foot">
          <span role="status">
            <Badge kind={CONNECTIONS[connection.value]}>{words.common.live[connection.value]}</Badge>
          </span>
          <Who />
          <Choice
            label={words.common.theme.label}
            value={theme.value}
            options={[
              ["auto", words.common.theme.auto],
              ["light", words.common.theme.light],
              ["dark", words.common.theme.dark],
            ]}
            onInput={(chosen) => {
              theme.value = chosen as Theme;
            }}
          />
        </div>
      </header>
      <main class="content" id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Who() {
  return (
    <div class="row who">
      <span>{me.value !== null && words.common.signIn.as(me.value.name)}</span>
      {token.value !== "" && (
        <button type="button" class="button" data-kind="small" onClick={signOut}>
          {words.common.signIn.out}
        </button>
      )}
    </div>
  );
}
