/** A plot over time or place, and the same figures as a table for those who do not see it. Loaded when first needed. */

import "uplot/dist/uPlot.min.css";

import { useEffect, useId, useRef } from "preact/hooks";
import type uPlot from "uplot";

import { words } from "../words";
import { figure } from "./values";

/** Of the drawing; the legend stands below it, in as many lines as it needs. */
const HEIGHT = 224;

export interface Series {
  name: string;
  values: (number | null)[];
  /** A dashed line, for thresholds and bounds. */
  isBound?: boolean;
}

interface Props {
  label: string;
  /** Places on the x axis: Unix seconds where `isTime`, else numbers that `xText` tells. */
  x: number[];
  series: Series[];
  isTime?: boolean;
  xText?: (value: number) => string;
  yText?: (value: number) => string;
  /** A logarithmic y axis. */
  isLog?: boolean;
}

export function Plot(props: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = props.series.map((one) => one.name).join("\n");
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    let isOver = false;
    const sized = new ResizeObserver(() => plot.current?.setSize(sizeOf(element)));
    void import("uplot").then(({ default: Made }) => {
      if (isOver) return;
      plot.current = new Made({ ...optionsOf(latest.current, element), ...sizeOf(element) }, dataOf(latest.current), element);
      sized.observe(element);
    });
    return () => {
      isOver = true;
      sized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, props.isLog]);
  useEffect(() => plot.current?.setData(dataOf(props)), [props.x, props.series]);
  return (
    <figure class="plot">
      <div class="canvas" ref={frame} role="img" aria-label={props.label} />
      <Figures {...props} />
    </figure>
  );
}

function Figures({ label, x, series, xText, yText = figure, isTime }: Props) {
  const id = useId();
  const place = isTime === true ? (value: number) => new Date(value * 1000).toISOString() : (xText ?? String);
  return (
    <details>
      <summary id={id}>{words.common.asTable}</summary>
      <div class="table-frame">
        <table aria-label={label}>
          <thead>
            <tr>
              <th scope="col">{isTime === true ? "t" : "x"}</th>
              {series.map((one) => (
                <th key={one.name} scope="col" data-numbers>
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {x.map((at, row) => (
              <tr key={at}>
                <th scope="row">{place(at)}</th>
                {series.map((one) => (
                  <td key={one.name} data-numbers>
                    {yText(one.values[row] ?? Number.NaN)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function dataOf({ x, series }: Props): uPlot.AlignedData {
  return [x, ...series.map((one) => one.values)];
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: element.clientWidth, height: HEIGHT };
}

function colour(name: string): string {
  // A canvas knows no light-dark(): the browser resolves it on an element.
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function optionsOf({ series, isTime, isLog, xText, yText = figure }: Props, element: HTMLElement): uPlot.Options {
  const axis = { stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
  const said = xText === undefined ? {} : { values: (_: uPlot, at: number[]) => at.map(xText) };
  return {
    ...sizeOf(element),
    scales: { x: { time: isTime === true }, y: { distr: isLog === true ? 3 : 1 } },
    axes: [
      { ...axis, ...said },
      { ...axis, size: 70, values: (_, at) => at.map((one) => (one === null ? "" : yText(one))) },
    ],
    series: [
      xText === undefined ? {} : { value: (_, at) => (at === null ? "" : xText(at)) },
      ...series.map((one, place) => ({
        label: one.name,
        stroke: colour(one.isBound === true ? "faint" : `series-${String((place % 6) + 1)}`),
        width: 2,
        spanGaps: true,
        ...(one.isBound === true ? { dash: [6, 4], points: { show: false } } : {}),
        value: (_: uPlot, at: number | null) => (at === null ? "" : yText(at)),
      })),
    ],
  };
}
