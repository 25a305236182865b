/** A plot over time or place, and the same figures as a table for those who do not see it. */

import "../styles/plot.css";

import { useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { counted, number, words } from "../words";
import { plotWords } from "../words/plot";
import { Frame } from "./frame";
import { type Drawing, drawingOf, type Figures, HEIGHT, type Series, short } from "./plot-drawing";
import { evenly, markersOf, nearest } from "./plot-lines";
import { momentText, valueText } from "./plot-scales";

export type { Series } from "./plot-drawing";

interface Props extends Figures {
  label: string;
}

const MOST_ROWS = 200;

/** The figure that is pointed at, by its place in `x`. */
interface Pointed {
  place: number;
  isByKey: boolean;
}

export function Plot(props: Props) {
  const { label, x, series, isTime, isLog, xText, yText } = props;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const drawing = useMemo(
    () => (width > 0 ? drawingOf(props, width) : null),
    [x, series, isTime, isLog, xText, yText, width],
  );
  const lines = useMemo(() => drawing !== null && <Lines drawing={drawing} series={series} width={width} />, [drawing]);
  const help = useId();
  const isSeen = pointed !== null && pointed.place < x.length;
  const place = isSeen ? pointed.place : x.length - 1;
  const pointAt = (event: PointerEvent & { currentTarget: Element }) => {
    if (drawing === null) return;
    const found = nearest(x, drawing.valueAt(event.clientX - event.currentTarget.getBoundingClientRect().left));
    setPointed(found === null ? null : { place: found, isByKey: false });
  };
  const leave = () => {
    setPointed(null);
  };
  const move = (event: KeyboardEvent) => {
    if (event.key === "Escape") return leave();
    const next = event.ctrlKey || event.altKey || event.metaKey ? null : stepped(event.key, place, x.length, isSeen);
    if (next === null) return;
    event.preventDefault();
    setPointed({ place: next, isByKey: true });
  };
  return (
    <figure class="plot">
      <div class="plot-frame" ref={frame}>
        <svg
          class="plot-drawing"
          role="img"
          aria-label={label}
          aria-describedby={help}
          tabIndex={0}
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${String(width)} ${String(HEIGHT)}`}
          onPointerMove={pointAt}
          onPointerDown={pointAt}
          onPointerLeave={leave}
          onKeyDown={move}
          onBlur={leave}
        >
          {lines}
          {drawing !== null && isSeen && <Cursor drawing={drawing} x={x} series={series} place={place} />}
          {drawing === null && width > 0 && (
            <text class="plot-none" x={width / 2} y={HEIGHT / 2}>
              {plotWords.none}
            </text>
          )}
        </svg>
      </div>
      <span class="hidden-text" id={help}>
        {plotWords.keys}
      </span>
      <Legend {...props} place={place} isSpoken={isSeen && pointed.isByKey} />
      {drawing !== null && <LeftOut drawing={drawing} />}
      <Table {...props} />
    </figure>
  );
}

function useWidth(frame: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = () => {
      setWidth(element.clientWidth);
    };
    const seen = new ResizeObserver(measure);
    seen.observe(element);
    measure();
    return () => {
      seen.disconnect();
    };
  }, []);
  return width;
}

/** Where a key leads; the first key that is pressed shows where one is. */
function stepped(key: string, place: number, count: number, isSeen: boolean): number | null {
  const far = Math.max(Math.round(count / 10), 1);
  const ways: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -far, PageDown: far, Home: -count, End: count };
  const way = ways[key];
  if (way === undefined || count === 0) return null;
  const isStep = key.startsWith("Arrow") && !isSeen;
  return Math.min(Math.max(place + (isStep ? 0 : way), 0), count - 1);
}

function Lines({ drawing, series, width }: { drawing: Drawing; series: readonly Series[]; width: number }) {
  const { left, right, top, bottom } = drawing;
  return (
    <g aria-hidden="true">
      <g class="plot-axes">
        {drawing.yTicks.map((tick) => (
          <g key={tick.at}>
            <line x1={left} x2={right} y1={tick.at} y2={tick.at} />
            <text x={left - 8} y={tick.at + 4} data-side="left">
              {tick.text}
            </text>
          </g>
        ))}
        {drawing.xTicks.map((tick) => (
          <g key={tick.at}>
            <line x1={tick.at} x2={tick.at} y1={top} y2={bottom + 4} />
            <text x={tick.textAt} y={bottom + 18}>
              {tick.text}
            </text>
            <text x={tick.textAt} y={bottom + 33}>
              {tick.below}
            </text>
          </g>
        ))}
      </g>
      {drawing.lines.map((line, place) => (
        <g key={place} {...lookOf(series, place)}>
          <path class="plot-line" d={line.path} />
          <path class="plot-markers" d={line.markers} />
        </g>
      ))}
      {drawing.lines.map(
        (line, place) =>
          line.label !== undefined && (
            <text key={place} class="plot-bound" {...line.label}>
              {short(series[place]?.name ?? "", Math.max(Math.floor((width - line.label.x) / 7), 4))}
            </text>
          ),
      )}
    </g>
  );
}

/** Series differ in colour, marker and dashes; after six, in another pairing of these. */
function lookOf(series: readonly Series[], place: number) {
  if (series[place]?.isBound === true) return { "data-line": "bound" };
  return { "data-line": (place % 6) + 1, "data-dash": ((place + Math.floor(place / 6)) % 6) + 1 };
}

interface CursorProps {
  drawing: Drawing;
  x: readonly number[];
  series: readonly Series[];
  place: number;
}

function Cursor({ drawing, x, series, place }: CursorProps) {
  const at = drawing.across(x[place] ?? Number.NaN);
  if (at === null) return null;
  return (
    <g aria-hidden="true">
      <line class="plot-cursor" x1={at} x2={at} y1={drawing.top} y2={drawing.bottom} />
      {series.map((one, which) => {
        const up = drawing.up(one.values[place]);
        return up !== null && <circle key={which} {...lookOf(series, which)} class="plot-spot" cx={at} cy={up} r={5} />;
      })}
    </g>
  );
}

function Legend({ x, series, isTime, xText, yText, place, isSpoken }: Figures & { place: number; isSpoken: boolean }) {
  const at = x[place];
  const told = isTime === true ? momentText : (xText ?? valueText);
  const where = at === undefined ? "–" : told(at);
  const values = series.map((one) => cell(one.values[place], yText));
  const spoken = series.map((one, which) => plotWords.of(one.name, values[which] ?? ""));
  return (
    <div class="plot-legend">
      <p class="plot-place">{where}</p>
      <ul class="plain">
        {series.map((one, which) => (
          <li key={which}>
            <svg width="30" height="12" viewBox="0 0 30 12" aria-hidden="true" {...lookOf(series, which)}>
              <path class="plot-line" d="M0 6H30" />
              {one.isBound !== true && <path class="plot-markers" d={markersOf([{ x: 15, y: 6 }], which)} />}
            </svg>
            <span class="plot-name" title={one.name}>
              {one.name}
            </span>
            <b class="numbers">{values[which]}</b>
          </li>
        ))}
      </ul>
      <p class="hidden-text" role="status">
        {isSpoken && plotWords.at(where, spoken.join("; "))}
      </p>
    </div>
  );
}

function LeftOut({ drawing: { notPositive, notFinite } }: { drawing: Drawing }) {
  const told = (count: number) => counted(count, plotWords.value, plotWords.values);
  return (
    <>
      {notPositive > 0 && <p class="faint">{plotWords.notPositive(told(notPositive))}</p>}
      {notFinite > 0 && <p class="faint">{plotWords.notFinite(told(notFinite))}</p>}
    </>
  );
}

function cell(value: number | null | undefined, text: (value: number) => string = valueText): string {
  return value === null || value === undefined ? "–" : text(value);
}

function Table({ label, x, series, xText, yText, isTime }: Props) {
  const rows = evenly(x.length, MOST_ROWS);
  const told = isTime === true ? exactly : (xText ?? String);
  return (
    <details>
      <summary>{words.common.asTable}</summary>
      {rows.length < x.length && <p class="faint">{plotWords.rows(number(rows.length), number(x.length))}</p>}
      <Frame label={label}>
        <table aria-label={label}>
          <thead>
            <tr>
              <th scope="col">{isTime === true ? plotWords.time : plotWords.place}</th>
              {series.map((one, which) => (
                <th key={which} scope="col" data-numbers>
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row}>
                <th scope="row">{told(x[row] ?? Number.NaN)}</th>
                {series.map((one, which) => (
                  <td key={which} data-numbers>
                    {cell(one.values[row], yText)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Frame>
    </details>
  );
}

function exactly(value: number): string {
  const moment = new Date(value * 1000);
  return Number.isNaN(moment.getTime()) ? String(value) : moment.toISOString();
}
