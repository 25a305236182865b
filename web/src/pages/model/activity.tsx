/** Who did what to a model, the newest first. */

import { useRef } from "preact/hooks";

import { answered, api } from "../../api/client";
import type { HappenedEvent } from "../../api/live";
import { useAddress } from "../../data/address";
import { isEcho, told } from "../../data/happenings";
import { useData } from "../../data/use";
import { useVersionNames } from "../../data/version-names";
import { paths } from "../../paths";
import { Choice } from "../../ui/action";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { words } from "../../words";
import { modelWords } from "../../words/model";

const say = modelWords.did;
const FIRST = 15;
const MOST = 1000;

const KINDS: Record<keyof typeof say.kinds, string[]> = {
  all: [],
  versions: ["version.*"],
  promotions: ["promotion.*", "version.stage_moved", "version.rolled_back", "graph.*"],
  aliases: ["alias.*"],
  serving: ["deployment.*", "route.*", "endpoint.*", "snapshot.*"],
  model: ["model.*"],
};

export function Activity({ name }: { name: string }) {
  const [query, change] = useAddress();
  const kind = isKind(query.did) ? query.did : "all";
  const count = useRef(FIRST);
  const data = useData(
    `did\n${name}\n${kind}`,
    async (over) => {
      const asked = count.current;
      const { events } = await answered(
        api.GET("/api/events", { params: { query: { name, types: KINDS[kind], after: -asked, limit: asked } }, signal: over }),
      );
      const shown = kind === "all" ? events.filter((one) => !isEcho(one)) : events;
      return { events: [...shown].reverse(), hasMore: events.length === asked && asked < MOST };
    },
    { on: (event) => event.model === name, keeps: true },
  );
  const more = () => {
    count.current = Math.min(3 * count.current, MOST);
    data.reload();
  };
  return (
    <Section title={say.title} actions={<a href={`${paths.events()}?model=${encodeURIComponent(name)}`}>{say.audit}</a>}>
      <div class="card section model-did">
        <Choice
          label={say.label}
          value={kind}
          options={Object.entries(say.kinds)}
          onInput={(chosen) => {
            count.current = FIRST;
            change({ did: chosen === "all" ? "" : chosen });
          }}
        />
        <Loaded data={data}>
          {({ events, hasMore }) => (
            <>
              <Happenings events={events} />
              {hasMore && (
                <button type="button" class="button" onClick={more} aria-disabled={data.isLoading}>
                  {words.common.more}
                </button>
              )}
            </>
          )}
        </Loaded>
      </div>
    </Section>
  );
}

function isKind(text: string | undefined): text is keyof typeof KINDS {
  return text !== undefined && Object.hasOwn(KINDS, text);
}

function Happenings({ events }: { events: readonly HappenedEvent[] }) {
  const versionOf = useVersionNames(events);
  if (events.length === 0) return <p class="faint">{say.none}</p>;
  return (
    <ol class="plain model-events" aria-label={say.list}>
      {events.map((one) => {
        const { text, href, tone } = told(one, versionOf);
        return (
          <li key={one.sequence} data-tone={tone}>
            <span class="model-mark" aria-hidden="true" />
            <span>{href === undefined ? text : <a href={href}>{text}</a>}</span>
            <span class="faint">
              <Time at={one.at} />
            </span>
          </li>
        );
      })}
    </ol>
  );
}
