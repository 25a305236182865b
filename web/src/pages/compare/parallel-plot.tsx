/** Parallel coordinates: an axis for each metric, a line for each version. The table of metrics says the same in text. */

import { useEffect, useRef, useState } from "preact/hooks";

import { Section } from "../../ui/page";
import { figure } from "../../ui/values";
import { compareWords } from "../../words/compare";
import { nameOf } from "./load";
import type { MetricRow } from "./metrics";
import { type Axis, type Layout, parallel } from "./parallel";
import type { Column } from "./table";

const said = compareWords.parallel;
const HEIGHT = 300;
const USUAL_WIDTH = 800;
const AXIS_WIDTH = 110;
const LETTER_WIDTH = 7.5;
/** Lines differ by more than their colour. */
const DASHES = ["", "8 4", "2 4", "12 4 2 4", "5 3", "1 6"];

export function Parallel({ versions, rows }: { versions: readonly Column[]; rows: readonly MetricRow[] }) {
  const frame = useRef<HTMLDivElement>(null);
  const room = useWidth(frame);
  const longest = Math.max(...versions.map((one) => nameOf(one).length));
  const right = Math.min(24, longest) * LETTER_WIDTH + 24;
  const shown = rows.filter((row) => row.cells.filter((cell) => cell.value !== null).length > 1).length;
  const width = Math.max(room, shown * AXIS_WIDTH + right);
  const layout = parallel(rows, versions.length, { width, height: HEIGHT, left: 64, right, top: 62, bottom: 40, apart: 18 });
  if (layout.axes.length < 2) return null;
  const label = said.label(versions.map(nameOf).join(", "), layout.axes.map((one) => one.name).join(", "));
  return (
    <Section title={said.title}>
      <p class="faint">{said.help}</p>
      <div class="parallel card" ref={frame} tabIndex={0} role="group" aria-label={said.title}>
        <svg width={width} height={HEIGHT} viewBox={`0 0 ${String(width)} ${String(HEIGHT)}`} role="img" aria-label={label}>
          {layout.axes.map((axis) => (
            <AxisMark key={axis.name} axis={axis} />
          ))}
          <Lines layout={layout} versions={versions} labelX={width - right} />
        </svg>
      </div>
    </Section>
  );
}

function AxisMark({ axis }: { axis: Axis }) {
  const isFlat = axis.top === axis.bottom;
  const name = axis.name.length > 16 ? `${axis.name.slice(0, 15)}…` : axis.name;
  return (
    <g class="axis">
      <title>{axis.name}</title>
      <line x1={axis.x} x2={axis.x} y1={62} y2={HEIGHT - 40} />
      <text x={axis.x} y={16} class="title">
        {name}
      </text>
      <text x={axis.x} y={32}>
        {axis.direction === null ? said.unordered : compareWords.metrics[axis.direction]}
      </text>
      {!isFlat && (
        <text x={axis.x} y={52}>
          {figure(axis.top)}
        </text>
      )}
      <text x={axis.x} y={HEIGHT - 22}>
        {figure(axis.bottom)}
      </text>
    </g>
  );
}

function Lines({ layout, versions, labelX }: { layout: Layout; versions: readonly Column[]; labelX: number }) {
  return (
    <>
      {layout.lines.map((line, place) => {
        const version = versions[place];
        if (version === undefined || line.labelY === null) return null;
        const name = nameOf(version);
        const dash = DASHES[place % DASHES.length] ?? "";
        const last = line.points.at(-1);
        return (
          <g key={version.id} class="line" data-line={(place % 6) + 1}>
            <title>{name}</title>
            <path d={line.path} stroke-dasharray={dash} />
            {line.points.map((point) => (
              <circle key={point.x} cx={point.x} cy={point.y} r={4} />
            ))}
            {last !== undefined && (
              <path class="leader" d={`M${String(last.x + 6)} ${String(last.y)}L${String(labelX + 8)} ${String(line.labelY)}`} />
            )}
            <text x={labelX + 12} y={line.labelY + 4}>
              {name.length > 24 ? `…${name.slice(-23)}` : name}
            </text>
          </g>
        );
      })}
    </>
  );
}

/** The width that an element has, as it changes. */
function useWidth(frame: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(USUAL_WIDTH);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const seen = new ResizeObserver(() => {
      const style = getComputedStyle(element);
      const inner = element.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
      if (inner > 0) setWidth(Math.floor(inner));
    });
    seen.observe(element);
    return () => {
      seen.disconnect();
    };
  }, [frame]);
  return width;
}
