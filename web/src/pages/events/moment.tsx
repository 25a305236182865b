/** The slider of moments: from event to event, or to an exact time. */

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";

import { told } from "../../data/happenings";
import { language, number } from "../../words";
import { eventsWords as words } from "../../words/events";
import type { Feed } from "./feed-data";
import { localText, placeOf, type Step, stepsOf } from "./steps";

/** While the slider is dragged, the address follows only when it rests. */
const REST_MS = 180;
const said = words.moment;

interface Props {
  feed: Feed;
  at: string | undefined;
  onChoose: (at: string | undefined) => void;
}

export function Moment({ feed, at, onChoose }: Props) {
  const steps = useMemo(() => stepsOf(feed.events ?? []), [feed.events]);
  const [place, setPlace, isDragged] = useDragged(steps, at, onChoose);
  const step = steps[place];
  const isNow = place >= steps.length && (at === undefined || isDragged);
  return (
    <section class="card section moment" aria-label={said.title}>
      <div class="row spread">
        <h2>{said.title}</h2>
        <strong class="numbers moment-at">{isNow ? said.now : textOf(isDragged ? step?.at : at)}</strong>
      </div>
      <Slider steps={steps} place={place} onPlace={setPlace} />
      <p class="moment-what faint">{step === undefined ? said.why : told(step.event).text}</p>
      <div class="row spread">
        <div class="row">
          <button type="button" class="button" aria-disabled={place <= 0} onClick={() => { if (place > 0) setPlace(place - 1); }}>
            {said.earlier}
          </button>
          <button type="button" class="button" aria-disabled={isNow} onClick={() => { if (!isNow) setPlace(place + 1); }}>
            {said.later}
          </button>
          <button type="button" class="button" aria-disabled={at === undefined} onClick={() => { onChoose(undefined); }}>
            {said.back}
          </button>
          <button type="button" class="button" aria-disabled={feed.isEnd || feed.isLoading} onClick={feed.loadOlder}>
            {words.feed.older}
          </button>
        </div>
        <Exact at={at} onChoose={onChoose} />
      </div>
    </section>
  );
}

/** Where the slider is: at once where it is dragged to, and in the address when it rests. */
function useDragged(steps: Step[], at: string | undefined, onChoose: Props["onChoose"]): [number, (place: number) => void, boolean] {
  const stored = placeOf(steps, at);
  const [dragged, setDragged] = useState<number>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    setDragged(undefined);
  }, [at]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  const setPlace = (place: number) => {
    setDragged(place);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setDragged(undefined);
      onChoose(steps[place]?.at);
    }, REST_MS);
  };
  return [dragged ?? stored, setPlace, dragged !== undefined];
}

function Slider({ steps, place, onPlace }: { steps: Step[]; place: number; onPlace: (place: number) => void }) {
  const id = useId();
  const step = steps[place];
  return (
    <div class="field">
      <label for={id} class="hidden-text">
        {said.slider}
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={steps.length}
        step={1}
        value={Math.max(place, 0)}
        disabled={steps.length === 0}
        aria-valuetext={step === undefined ? said.now : `${textOf(step.at)}: ${told(step.event).text}`}
        onInput={(event) => {
          onPlace(Number(event.currentTarget.value));
        }}
      />
      <div class="row spread faint numbers moment-ends" aria-hidden="true">
        <span>{textOf(steps[0]?.at)}</span>
        <span>{said.list(number(steps.length))}</span>
        <span>{said.now}</span>
      </div>
    </div>
  );
}

function Exact({ at, onChoose }: { at: string | undefined; onChoose: Props["onChoose"] }) {
  const id = useId();
  return (
    <div class="row">
      <label for={id}>{said.exact}</label>
      <input
        id={id}
        type="datetime-local"
        step="0.001"
        value={at === undefined ? "" : localText(at)}
        onChange={(event) => {
          const given = event.currentTarget.value;
          onChoose(given === "" ? undefined : new Date(given).toISOString());
        }}
      />
    </div>
  );
}

/** A moment with its seconds, as the reader writes it. */
export function textOf(at: string | undefined): string {
  return at === undefined ? "–" : new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "medium" });
}
