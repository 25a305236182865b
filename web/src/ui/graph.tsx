/** A graph of things that come from one another. Each is a link; kinds are told by shape and text, not by colour. */

import "../styles/graph.css";

import { useLocation } from "preact-iso";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { type GraphEdge, type GraphNode, laidOut, outline, type Placed, type PlacedNode } from "./graph-layout";

interface Props {
  label: string;
  nodes: readonly GraphNode[];
  edges: readonly GraphEdge[];
  /** The node that it is all about; it is brought into sight. */
  chosen: string;
  /** Where a node leads; nowhere where it gives nothing. */
  hrefOf: (id: string) => string | undefined;
}

/** So much a drawing may shrink to be seen at once; smaller, it could not be read. */
const SMALLEST = 0.72;

export function Graph(props: Props) {
  const key = JSON.stringify([props.nodes, props.edges]);
  const placed = useMemo(() => laidOut(props.nodes, props.edges), [key]);
  return (
    <div class="graph">
      <Drawing {...props} placed={placed} />
    </div>
  );
}

function Drawing({ label, chosen, hrefOf, placed }: Props & { placed: Placed }) {
  const frame = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  const root = placed.nodes.find((one) => one.id === chosen);
  useLayoutEffect(() => {
    setRoom(frame.current?.clientWidth ?? 0);
  }, [placed]);
  const fit = room === 0 ? 1 : Math.min(room / placed.width, 1);
  const scale = fit < SMALLEST ? 1 : fit;
  useEffect(() => {
    const element = frame.current;
    if (element === null || root === undefined) return;
    element.scrollLeft = (root.x + root.width / 2) * scale - element.clientWidth / 2;
    element.scrollTop = (root.y + root.height / 2) * scale - element.clientHeight / 2;
  }, [root?.id, root?.x, root?.y, scale]);
  return (
    <div class="graph-frame" ref={frame} tabIndex={0} role="group" aria-label={label}>
      <svg width={placed.width * scale} height={placed.height * scale} viewBox={`0 0 ${String(placed.width)} ${String(placed.height)}`}>
        <defs>
          <marker id="graph-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0,0L8,4L0,8Z" class="graph-head" />
          </marker>
        </defs>
        <g aria-hidden="true">
          {placed.edges.map((one) => (
            <path
              key={one.id}
              class="graph-edge"
              data-noted={one.note ? true : undefined}
              data-far={one.isFar || undefined}
              d={one.path}
              marker-end="url(#graph-arrow)"
            >
              {one.note !== undefined && one.note !== "" && <title>{one.note}</title>}
            </path>
          ))}
        </g>
        {placed.nodes.map((one) => (
          <Node key={one.id} node={one} href={hrefOf(one.id)} isChosen={one.id === chosen} />
        ))}
      </svg>
    </div>
  );
}

function Node({ node, href, isChosen }: { node: PlacedNode; href: string | undefined; isChosen: boolean }) {
  const { route } = useLocation();
  // The lid of a cylinder leaves less room.
  const top = (node.shape === "cylinder" ? 24 : 20) + (node.detail === "" ? 7 : 0);
  const drawn = (
    <g
      class="graph-node"
      data-shape={node.shape}
      data-chosen={isChosen || undefined}
      transform={`translate(${String(node.x)},${String(node.y)})`}
    >
      <title>{[node.title, node.detail].filter((one) => one !== "").join(", ")}</title>
      <path d={outline(node.shape, node.width, node.height)} />
      <text x={node.width / 2} y={top} class="graph-title">
        {node.shortTitle}
      </text>
      <text x={node.width / 2} y={top + 16} class="graph-detail">
        {node.shortDetail}
      </text>
    </g>
  );
  if (href === undefined) return drawn;
  // The router does not know links of SVG: their name is written in lower case.
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    route(href);
  };
  return (
    <a href={href} aria-current={isChosen ? "true" : undefined} onClick={onClick}>
      {drawn}
    </a>
  );
}
