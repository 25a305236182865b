/** What runs here, and whether all of it answers. */

import { answered, api, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { useData } from "../../data/use";
import { Badge } from "../../ui/badges";
import { Command } from "../../ui/command";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { words } from "../../words";
import { settingsWords } from "../../words/settings";

const said = settingsWords.server;
const EVERY_S = 10;
const LINKS = [
  ["/docs", said.docs],
  ["/openapi.json", said.openapi],
  ["/metrics", said.metrics],
] as const;

interface State {
  health: Schemas["Health"];
  /** Null while a part does not answer. */
  ready: Schemas["Readiness"] | null;
}

export function Server() {
  const data = useData<State>(
    "health",
    async (signal) => {
      const health = await answered(api.GET("/health", { signal }));
      return { health, ready: await readiness(signal) };
    },
    { every: EVERY_S },
  );
  return (
    <Section title={said.title}>
      <Loaded data={data}>
        {({ health, ready }) => (
          <div class="card section">
            <dl class="facts">
              <dt>{said.version}</dt>
              <dd>{health.modelyard}</dd>
              <dt>{said.health}</dt>
              <dd>
                <Answer word={health.status} />
              </dd>
              <dt>{said.database}</dt>
              <dd>
                <Answer word={ready?.database} />
              </dd>
              <dt>{said.store}</dt>
              <dd>
                <Answer word={ready?.store} />
              </dd>
            </dl>
            <p class="faint">{said.checked}</p>
            <h3>{said.links}</h3>
            <ul class="plain">
              {LINKS.map(([href, text]) => (
                <li key={href}>
                  {/* The router would take a plain link for a page of its own. */}
                  <a href={href} target="_blank" rel="noreferrer noopener">
                    {text}
                  </a>
                </li>
              ))}
            </ul>
            <p>{said.config}</p>
            <Command line="modelyard config show" />
          </div>
        )}
      </Loaded>
    </Section>
  );
}

/** A server that is not ready says so with a 503, which is an answer like another. */
async function readiness(signal: AbortSignal): Promise<Schemas["Readiness"] | null> {
  try {
    return await answered(api.GET("/health/ready", { signal }));
  } catch (error) {
    if (error instanceof Problem && error.status === 503) return null;
    throw error;
  }
}

function Answer({ word }: { word: string | undefined }) {
  const { yes, no } = words.common;
  return <Badge kind={word === "ok" ? "good" : "bad"}>{word === "ok" ? yes : (word ?? no)}</Badge>;
}
