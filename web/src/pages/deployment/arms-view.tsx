/** Both sides of a deployment, figure by figure, each with the range that it lies in. */

import type { ComponentChildren } from "preact";

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { figure, percent, seconds } from "../../ui/values";
import { number } from "../../words";
import { deploymentWords } from "../../words/deployment";
import { Frame } from "../../ui/frame";
import { type Bar, barsOf, type Side, sidesOf, type Value, valueOf } from "./arms";
import type { Deployment } from "./state";
import { whole } from "./whole";

const told = deploymentWords.arms;
/** Figures of minutes; their sums are dearer than the record, so they are asked for less often. */
const EVERY_S = 5;
const FIGURES = [
  ["error_rate", told.rate, percent],
  ["p50_s", told.p50, seconds],
  ["p95_s", told.p95, seconds],
  ["p99_s", told.p99, seconds],
] as const;

export function Arms({ one }: { one: Deployment }) {
  const { name, environment } = one;
  const query = {
    environment,
    since: one.created_at,
    ...(typeof one.finished_at === "string" ? { until: one.finished_at } : {}),
  };
  const data = useData(
    `deployment metrics ${one.id} ${one.finished_at ?? ""}`,
    (signal) => whole(answered(api.GET("/api/models/{name}/metrics", { params: { path: { name }, query }, signal }))),
    { every: one.live ? EVERY_S : undefined },
  );
  return (
    <Section title={told.title}>
      <Loaded data={data}>
        {(metrics) => {
          const sides = sidesOf(one, metrics);
          return sides.every((side) => side.metrics === undefined) ? (
            <Empty text={told.none} />
          ) : (
            <Figures sides={sides} confidence={metrics.confidence} />
          );
        }}
      </Loaded>
    </Section>
  );
}

function Figures({ sides, confidence }: { sides: Side[]; confidence: number }) {
  return (
    <Frame label={told.title}>
      <table class="sides">
        <caption>{told.caption(percent(confidence))}</caption>
        <thead>
          <tr>
            <th scope="col">{told.figure}</th>
            {sides.map((side) => (
              <th key={side.key} scope="col">
                <span class="swatch" data-series={side.colour} /> {side.version} <span class="part">{side.part}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Row label={told.requests} sides={sides} cell={(side) => number(side.metrics?.requests ?? 0)} />
          <Row label={told.errors} sides={sides} cell={(side) => number(side.metrics?.errors ?? 0)} />
          {FIGURES.map(([name, label, text]) => (
            <Ranges key={name} label={label} sides={sides} values={sides.map((side) => valueOf(side.metrics, name))} text={text} />
          ))}
          {sides.some((side) => (side.metrics?.tokens ?? 0) > 0) && (
            <Row label={told.tokens} sides={sides} cell={(side) => figure(side.metrics?.tokens_per_request)} />
          )}
          {sides.some((side) => (side.metrics?.cost ?? 0) > 0) && (
            <Row
              label={told.cost}
              sides={sides}
              cell={(side) => `${figure(side.metrics?.cost_per_request)} ${side.metrics?.currency ?? ""}`}
            />
          )}
        </tbody>
      </table>
    </Frame>
  );
}

function Row({ label, sides, cell }: { label: string; sides: Side[]; cell: (side: Side) => ComponentChildren }) {
  return (
    <tr>
      <th scope="row">{label}</th>
      {sides.map((side) => (
        <td key={side.key} class="numbers">
          {cell(side)}
        </td>
      ))}
    </tr>
  );
}

interface RangesProps {
  label: string;
  sides: Side[];
  values: Value[];
  text: (value: number) => string;
}

function Ranges({ label, sides, values, text }: RangesProps) {
  const bars = barsOf(values);
  return (
    <tr>
      <th scope="row">{label}</th>
      {sides.map((side, place) => {
        const value = values[place];
        const bar = bars[place];
        return (
          <td key={side.key} class="numbers">
            {value === undefined || value.value === null ? "–" : <strong>{text(value.value)}</strong>}
            {bar && <Range bar={bar} colour={side.colour} />}
            {value !== undefined && value.value !== null && <small class="faint">{rangeText(value, text)}</small>}
          </td>
        );
      })}
    </tr>
  );
}

function rangeText({ low, high }: Value, text: (value: number) => string): string {
  if (low === null && high === null) return told.few;
  return high === null ? told.atLeast(text(low ?? 0)) : told.between(text(low ?? 0), text(high));
}

function at(place: number): string {
  return `${String(place * 100)}%`;
}

/** The range as a bar, its figure as a mark; the text beside it tells the same. */
function Range({ bar, colour }: { bar: Bar; colour: number }) {
  return (
    <svg class="range" data-colour={colour} width="100%" height="10" aria-hidden="true">
      <rect class="back" y="4" width="100%" height="2" />
      <rect
        class="front"
        data-open={bar.isOpen ? "" : undefined}
        x={at(bar.low)}
        y="2"
        width={at(Math.max(bar.high - bar.low, 0.004))}
        height="6"
        rx="2"
      />
      <rect class="mark" x={at(bar.at)} y="0" width="3" height="10" rx="1" />
    </svg>
  );
}
