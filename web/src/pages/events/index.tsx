/** What happened, as it happens; the yard as it was at any moment; and the proof that nobody changed the record. */

import "../../styles/events.css";
import "../../styles/lists.css";

import { useEffect, useMemo, useState } from "preact/hooks";

import { useAddress } from "../../data/address";
import { ErrorNotice } from "../../ui/notices";
import { Page } from "../../ui/page";
import { eventsWords as words } from "../../words/events";
import { Audit } from "./audit";
import { FeedList, Fresh } from "./feed";
import { type Feed, type Filters, useFeed } from "./feed-data";
import { FilterRow } from "./filters";
import { Moment } from "./moment";
import { isAfter, momentOf } from "./steps";
import { YardThen } from "./then";

export default function EventsPage() {
  const [query, change] = useAddress();
  const { model = "", type = "", actor = "", stage = "" } = query;
  const at = momentOf(query.at);
  const { feed, steps } = useFeeds({ model, type, actor }, at);
  const shown = useMemo(
    () => feed.events?.filter((one) => at === undefined || !isAfter(one.at, at)),
    [feed.events, at],
  );
  return (
    <Page title={words.title}>
      <Moment
        feed={steps}
        at={at}
        onChoose={(chosen) => {
          change({ at: chosen });
        }}
      />
      {at !== undefined && (
        <YardThen
          at={at}
          model={model}
          stage={stage}
          onStage={(chosen) => {
            change({ stage: chosen });
          }}
        />
      )}
      <section class="section" aria-label={words.feed.title}>
        <div class="row spread">
          <h2>
            {words.feed.title} {at !== undefined && <span class="faint">{words.feed.until}</span>}
          </h2>
          {at === undefined && <Fresh feed={feed} />}
        </div>
        <FilterRow model={model} type={type} actor={actor} events={steps.events} onChange={change} />
        {feed.problem !== undefined && <ErrorNotice problem={feed.problem} />}
        <FeedList feed={feed} events={shown} model={model} actor={actor} isFiltered={model + type + actor !== ""} isThen={at !== undefined} />
      </section>
      <Audit model={model} at={at} />
    </Page>
  );
}

/**
 * The events to list, and those to step through: the newest, and where the moment is long ago, those around it too.
 *
 * They are loaded for one moment and kept while one steps through them.
 */
function useFeeds(filters: Filters, at: string | undefined): { feed: Feed; steps: Feed } {
  const [anchor, setAnchor] = useState("");
  const near = useFeed(filters);
  const isFar = at !== undefined && !near.isEnd && isBefore(at, near.events);
  const far = useFeed(filters, isFar ? anchor : "");
  const isOut = isFar && (anchor === "" || (!far.isLoading && !holds(far, at)));
  useEffect(() => {
    if (isOut) setAnchor(at);
  }, [isOut, at]);
  const feed = isFar ? far : near;
  const events = useMemo(() => {
    const all = new Map([...(near.events ?? []), ...(far.events ?? [])].map((one) => [one.sequence, one]));
    return near.events && [...all.values()];
  }, [near.events, far.events]);
  return { feed, steps: { ...feed, events } };
}

function isBefore(at: string, events: Feed["events"]): boolean {
  const oldest = events?.at(-1);
  return oldest !== undefined && isAfter(oldest.at, at);
}

/** Whether a moment lies among the events of a feed; at its newest one, it is time for those behind it. */
function holds({ events, isEnd }: Feed, at: string): boolean {
  const newest = events?.[0];
  return newest !== undefined && isAfter(newest.at, at) && (isEnd || !isBefore(at, events));
}
