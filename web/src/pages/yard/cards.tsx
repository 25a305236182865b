/** The models as cards: as many as one looks at, more when one comes to the end. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Problem } from "../../api/problem";
import { Badge } from "../../ui/badges";
import { Empty, ErrorNotice } from "../../ui/notices";
import { Section } from "../../ui/page";
import { number, words } from "../../words";
import { yardWords } from "../../words/yard";
import { ModelCard } from "./card";
import { ORDER } from "./health";
import type { Wanted } from "./query";
import { asBefore, type Card, cardsOf, type Yard } from "./state";
import type { YardData } from "./use-yard";

/** Cards that are drawn at once; a full screen and what lies below it. */
const AT_ONCE = 48;
const PLACEHOLDERS = 6;

export function ModelCards({ data, wanted }: { data: YardData; wanted: Wanted }) {
  const { yard, problem, reload, more } = data;
  const say = yardWords.models;
  return (
    <>
      {yard === undefined ? (
        <Section title={say.title}>
          {problem === undefined ? <Placeholders /> : <ErrorNotice problem={problem} again={reload} />}
        </Section>
      ) : (
        <Cards yard={yard} wanted={wanted} problem={problem} reload={reload} />
      )}
      {more !== undefined && (
        <div class="row yard-more">
          <span class="faint">{say.notAll(number(yard?.models.length ?? 0))}</span>
          <button type="button" class="button" onClick={more}>
            {say.loadMore}
          </button>
        </div>
      )}
    </>
  );
}

/** The cards in the order that they had when it was chosen, and a way to have it anew. */
function useCards(yard: Yard, wanted: Wanted): { cards: Card[]; sortAgain: (() => void) | undefined } {
  const { stage, owner, team, tag, sort } = wanted;
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify([stage, owner, team, tag, sort, yard.token, turn]);
  const kept = useRef<{ key: string; ids: readonly string[] }>({ key: "", ids: [] });
  const sorted = useMemo(() => cardsOf(yard, wanted, Date.now()), [yard, key]);
  if (kept.current.key !== key) kept.current = { key, ids: sorted.map((one) => one.model.id) };
  const cards = asBefore(sorted, kept.current.ids);
  const isStale = cards.some((one, place) => one !== sorted[place]);
  const sortAgain = () => {
    setTurn((now) => now + 1);
  };
  return { cards, sortAgain: isStale ? sortAgain : undefined };
}

interface CardsProps {
  yard: Yard;
  wanted: Wanted;
  problem: Problem | undefined;
  reload: () => void;
}

function Cards({ yard, wanted, problem, reload }: CardsProps) {
  const say = yardWords.models;
  const { cards, sortAgain } = useCards(yard, wanted);
  const [count, setCount] = useState(AT_ONCE);
  const all = yard.models.length;
  const actions = (
    <span class="row">
      {sortAgain !== undefined && (
        <button type="button" class="button" data-kind="small" onClick={sortAgain}>
          {say.sortAgain}
        </button>
      )}
      <Attention cards={cards} />
      <span class="faint numbers" role="status">
        {cards.length === all ? number(all) : say.some(number(cards.length), number(all))}
      </span>
    </span>
  );
  return (
    <Section title={say.title} actions={actions}>
      {problem !== undefined && <ErrorNotice problem={problem} again={reload} />}
      {cards.length === 0 && <Empty text={say.none} />}
      <ul class="plain cards yard-cards">
        {cards.slice(0, count).map((one) => (
          <ModelCard key={one.model.id} card={one} />
        ))}
      </ul>
      {cards.length > count && (
        <More
          show={() => {
            setCount((now) => now + AT_ONCE);
          }}
        />
      )}
    </Section>
  );
}

/** How many models want to be looked at, and why: what one wants to know before one reads cards. */
function Attention({ cards }: { cards: readonly Card[] }) {
  return ORDER.slice(0, ORDER.indexOf("serving")).map((word) => {
    const found = cards.filter(({ health }) => health.word === word);
    return found[0] === undefined ? null : (
      <Badge key={word} kind={found[0].health.kind}>
        {yardWords.models.health[word]} {number(found.length)}
      </Badge>
    );
  });
}

/** Shows more when it comes into sight; it is a button for those who go from one to the next by keyboard. */
function More({ show }: { show: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(show);
  latest.current = show;
  useEffect(() => {
    if (button.current === null) return;
    const seen = new IntersectionObserver(
      (found) => {
        if (found.some((one) => one.isIntersecting)) latest.current();
      },
      { rootMargin: "600px" },
    );
    seen.observe(button.current);
    return () => {
      seen.disconnect();
    };
  });
  return (
    <button ref={button} type="button" class="button" onClick={show}>
      {words.common.more}
    </button>
  );
}

/** The room that cards will take, so that nothing moves when they come. */
function Placeholders() {
  return (
    <div class="cards yard-cards" role="status" aria-label={words.common.loading}>
      {Array.from({ length: PLACEHOLDERS }, (_, place) => (
        <div key={place} class="card model-card" />
      ))}
    </div>
  );
}
