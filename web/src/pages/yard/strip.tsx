/**
 * What is happening, as it happens. The list itself is not read out: a log beside it tells what came, a few events in
 * their words and many as a number, and not more often than one can listen.
 */

import { useEffect, useRef, useState } from "preact/hooks";

import type { HappenedEvent } from "../../api/live";
import { told, type VersionOf } from "../../data/happenings";
import { useVersionNames } from "../../data/version-names";
import { paths } from "../../paths";
import { ErrorNotice } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { number } from "../../words";
import { yardWords } from "../../words/yard";
import { useHappening } from "./use-happening";

const SAID_EVERY_MS = 4000;
/** Events that are read out one by one. */
const FEW = 2;
const NONE: HappenedEvent[] = [];

export function Strip() {
  const { events, fresh, problem, reload } = useHappening();
  const versionOf = useVersionNames(events ?? NONE);
  const say = yardWords.now;
  return (
    <div class="strip">
      <Section title={say.title} actions={<a href={paths.events()}>{say.all}</a>}>
        {problem !== undefined && <ErrorNotice problem={problem} again={reload} />}
        <div class="strip-frame card" tabIndex={0} role="group" aria-label={say.list}>
          {events?.length === 0 && <p class="faint">{say.none}</p>}
          <ol class="plain">
            {(events ?? NONE).map((one) => (
              <Line key={one.sequence} event={one} isFresh={fresh.has(one.sequence)} versionOf={versionOf} />
            ))}
          </ol>
        </div>
        <Log events={events ?? NONE} fresh={fresh} versionOf={versionOf} />
      </Section>
    </div>
  );
}

function Line({ event, isFresh, versionOf }: { event: HappenedEvent; isFresh: boolean; versionOf: VersionOf }) {
  const { text, href, tone } = told(event, versionOf);
  return (
    <li data-tone={tone} data-fresh={isFresh ? "" : undefined}>
      {href === undefined ? <span>{text}</span> : <a href={href}>{text}</a>}
      <span class="faint">
        <Time at={event.at} />
      </span>
    </li>
  );
}

function Log({ events, fresh, versionOf }: { events: readonly HappenedEvent[]; fresh: ReadonlySet<number>; versionOf: VersionOf }) {
  const [lines, setLines] = useState<string[]>([]);
  const said = useRef(0);
  const latest = useRef({ events, fresh, versionOf });
  latest.current = { events, fresh, versionOf };
  useEffect(() => {
    const timer = setInterval(() => {
      const now = latest.current;
      const news = now.events.filter((one) => now.fresh.has(one.sequence) && one.sequence > said.current);
      const [newest] = news;
      if (newest === undefined) return;
      said.current = newest.sequence;
      const tell = (one: HappenedEvent) => told(one, now.versionOf).text;
      setLines(news.length <= FEW ? news.map(tell).reverse() : [yardWords.now.several(number(news.length), tell(newest))]);
    }, SAID_EVERY_MS);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return (
    <div role="log" aria-live="polite" class="hidden-text">
      {lines.map((one) => (
        <p key={one}>{one}</p>
      ))}
    </div>
  );
}
