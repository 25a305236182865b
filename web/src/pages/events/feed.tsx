/** The list of events; each opens to its data and its hash. */

import { useMemo, useState } from "preact/hooks";

import type { HappenedEvent } from "../../api/live";
import { told } from "../../data/happenings";
import { useVersionNames } from "../../data/version-names";
import { Command, line } from "../../ui/command";
import { Empty } from "../../ui/notices";
import { Digest, Time } from "../../ui/values";
import { VirtualList } from "../../ui/virtual";
import { language, number, words as all } from "../../words";
import { eventsWords as words } from "../../words/events";
import type { Feed } from "./feed-data";

const ROW_PX = 44;
const said = words.feed;

interface Props {
  feed: Feed;
  /** Those of the feed that pass the filters of the page. */
  events: HappenedEvent[] | undefined;
  model: string;
  actor: string;
  isFiltered: boolean;
  /** Whether the page looks at a moment before now. */
  isThen: boolean;
}

export function FeedList({ feed, events, model, actor, isFiltered, isThen }: Props) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const inOrder = useMemo(() => [...(events ?? [])].reverse(), [events]);
  const versionOf = useVersionNames(inOrder);
  if (events === undefined) return feed.problem === undefined ? <div class="waiting feed">{all.common.loading}</div> : null;
  const toggle = (sequence: number) => {
    const next = new Set(open);
    if (!next.delete(sequence)) next.add(sequence);
    setOpen(next);
  };
  return (
    <div class="section">
      {events.length === 0 ? (
        <None isFiltered={isFiltered} isThen={isThen} />
      ) : (
        <div class="card feed">
          <VirtualList
            label={said.list}
            items={events}
            keyOf={(one) => String(one.sequence)}
            height={ROW_PX}
            onEnd={feed.loadOlder}
            row={(event) => (
              <Row
                event={event}
                text={told(event, versionOf)}
                isOpen={open.has(event.sequence)}
                onToggle={() => {
                  toggle(event.sequence);
                }}
              />
            )}
          />
        </div>
      )}
      <End feed={feed} />
      <details>
        <summary>{said.follow}</summary>
        <Command line={line("events", ...option("model", model), ...option("actor", actor), "--follow")} />
      </details>
    </div>
  );
}

function option(name: string, value: string): string[] {
  return value === "" ? [] : [`--${name}`, value];
}

/** How many events came meanwhile; they are put on top when asked for, so that nothing jumps while one reads. */
export function Fresh({ feed }: { feed: Feed }) {
  return (
    <div class="feed-new">
      {/* That something came is said once; how much, who looks or goes there. */}
      <span class="hidden-text" role="status">
        {feed.fresh > 0 && said.came}
      </span>
      {feed.fresh > 0 && (
        <button type="button" class="button" data-kind="main" onClick={feed.showFresh}>
          {said.fresh(number(feed.fresh))}
        </button>
      )}
    </div>
  );
}

function None({ isFiltered, isThen }: { isFiltered: boolean; isThen: boolean }) {
  if (isThen) return <Empty text={said.emptyThen} />;
  if (isFiltered) return <Empty text={said.empty} command="modelyard events --last 100" />;
  return <Empty text={said.none} command="modelyard register --model-path ./model.joblib --name fraud" />;
}

function End({ feed }: { feed: Feed }) {
  const count = feed.events?.length ?? 0;
  if (count === 0) return null;
  return (
    <div class="row faint">
      <span>{said.looked(number(count))}</span>
      {feed.isEnd ? (
        <span>{said.all}</span>
      ) : (
        <button type="button" class="button" data-kind="small" aria-disabled={feed.isLoading} onClick={feed.loadOlder}>
          {said.older}
        </button>
      )}
    </div>
  );
}

interface RowProps {
  event: HappenedEvent;
  text: ReturnType<typeof told>;
  isOpen: boolean;
  onToggle: () => void;
}

function Row({ event, text, isOpen, onToggle }: RowProps) {
  return (
    <div class="event" data-tone={text.tone}>
      <button type="button" class="event-head" aria-expanded={isOpen} onClick={onToggle}>
        <span class="event-text">{text.text}</span>
        <code class="event-type">{event.type}</code>
        <span class="event-time faint">
          <Time at={event.at} />
        </span>
      </button>
      {isOpen && <Details event={event} href={text.href} />}
    </div>
  );
}

function Details({ event, href }: { event: HappenedEvent; href: string | undefined }) {
  return (
    <div class="event-more section">
      <dl class="facts">
        <dt>{said.at}</dt>
        <dd>
          {new Date(event.at).toLocaleString(language)} <span class="faint mono">{event.at}</span>
        </dd>
        <dt>{said.by}</dt>
        <dd>{event.actor}</dd>
        <dt>{said.sequence}</dt>
        <dd class="numbers">{event.sequence}</dd>
        <dt>{said.position}</dt>
        <dd class="numbers">{event.position}</dd>
        <dt>{said.hash}</dt>
        <dd>
          <Digest value={event.hash} />
        </dd>
        <dt>{said.previous}</dt>
        <dd>
          <Digest value={event.previous} />
        </dd>
      </dl>
      {href !== undefined && (
        <p>
          <a href={href}>{said.open}</a>
        </p>
      )}
      <pre class="event-data" tabIndex={0} aria-label={said.details}>
        {JSON.stringify(event.data, null, 2)}
      </pre>
    </div>
  );
}
