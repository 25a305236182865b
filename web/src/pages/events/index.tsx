/** What happened, as it happens; the yard as it was at any moment; and the proof that nobody changed the record. */

import "../../styles/events.css";
import "../../styles/lists.css";

import { useEffect, useMemo } from "preact/hooks";

import { useAddress } from "../../data/address";
import { ErrorNotice } from "../../ui/notices";
import { Page } from "../../ui/page";
import { eventsWords as words } from "../../words/events";
import { Audit } from "./audit";
import { FeedList, Fresh } from "./feed";
import { type Feed, useFeed } from "./feed-data";
import { FilterRow } from "./filters";
import { Moment } from "./moment";
import { isAfter, momentOf } from "./steps";
import { YardThen } from "./then";

const FARTHEST = 10_000;

export default function EventsPage() {
  const [query, change] = useAddress();
  const { model = "", type = "", actor = "", stage = "" } = query;
  const at = momentOf(query.at);
  const feed = useFeed({ model, type });
  const shown = useMemo(() => {
    const wanted = actor.toLowerCase();
    return feed.events?.filter(
      (one) => (wanted === "" || one.actor.toLowerCase().includes(wanted)) && (at === undefined || !isAfter(one.at, at)),
    );
  }, [feed.events, actor, at]);
  useReachBack(feed, at);
  return (
    <Page title={words.title}>
      <Moment
        feed={feed}
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
        <FilterRow model={model} type={type} actor={actor} onChange={change} />
        {feed.problem !== undefined && <ErrorNotice problem={feed.problem} />}
        <FeedList feed={feed} events={shown} model={model} isFiltered={model + type + actor !== ""} isThen={at !== undefined} />
      </section>
      <Audit model={model} at={at} />
    </Page>
  );
}

/** Load what is older, until the moment that is looked at is among it; a very long record is left to its reader. */
function useReachBack(feed: Feed, at: string | undefined): void {
  const { events = [], isEnd, isLoading, loadOlder } = feed;
  const oldest = events.at(-1);
  const isShort = at !== undefined && oldest !== undefined && isAfter(oldest.at, at);
  useEffect(() => {
    if (isShort && !isEnd && !isLoading && events.length < FARTHEST) loadOlder();
  }, [isShort, isEnd, isLoading, events.length]);
}
