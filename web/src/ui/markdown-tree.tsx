/**
 * CommonMark with GFM tables as Preact nodes. Text of strangers: nothing of it becomes HTML, no picture is fetched, links
 * lead to http, https, mailto or a heading of the text, and no nesting reaches the end of the stack.
 */

import type { Definition, Nodes, Root, Table, TableCell } from "mdast";
import type { ComponentChildren } from "preact";

import { ID_PREFIX, safeHref, slug } from "./markdown-links";

/** Nodes that are drawn: more than that is no page that anybody reads. */
const MOST_NODES = 30_000;
const DEEPEST = 24;
const LOWEST_HEADING = 6;

interface Context {
  definitions: Map<string, Definition>;
  /** Depth of a heading in the text → its level on the page. */
  levels: Map<number, number>;
  depth: number;
}

/** A tree as nodes of the page; undefined for one that is too large. */
export function nodesOf(tree: Root, top: number): ComponentChildren | undefined {
  const context: Context = { definitions: new Map(), levels: new Map(), depth: 0 };
  const depths = new Set<number>();
  let count = 0;
  walk(tree, (node) => {
    count += 1;
    if (node.type === "heading") depths.add(node.depth);
    if (node.type === "definition" && !context.definitions.has(node.identifier)) context.definitions.set(node.identifier, node);
  });
  if (count > MOST_NODES) return undefined;
  // Levels that a text leaves out are left out of the page too, so that none of its own is skipped.
  [...depths].sort().forEach((depth, place) => context.levels.set(depth, Math.min(top + place, LOWEST_HEADING)));
  return childrenOf(tree, context);
}

/** Visit all nodes, without recursion: a tree may be deeper than the stack. */
function walk(root: Nodes, visit: (node: Nodes) => void): void {
  const open: Nodes[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    visit(node);
    if ("children" in node) open.push(...[...(node.children as Nodes[])].reverse());
  }
}

function textOf(root: Nodes): string {
  const found: string[] = [];
  walk(root, (node) => {
    if ("value" in node) found.push(node.value);
    else if ("alt" in node && typeof node.alt === "string") found.push(node.alt);
  });
  return found.join("");
}

function childrenOf(node: Nodes, context: Context): ComponentChildren[] {
  if (!("children" in node)) return [];
  if (context.depth >= DEEPEST) return [textOf(node)];
  const below = { ...context, depth: context.depth + 1 };
  return (node.children as Nodes[]).map((child) => shown(child, below));
}

type Kind = Nodes["type"];
type Show = { [K in Kind]?: (node: Extract<Nodes, { type: K }>, context: Context) => ComponentChildren };

const SHOW: Show = {
  paragraph: (node, context) => <p>{childrenOf(node, context)}</p>,
  heading: (node, context) => {
    const Level = `h${String(context.levels.get(node.depth) ?? LOWEST_HEADING)}` as "h3";
    return <Level id={`${ID_PREFIX}${slug(textOf(node))}`}>{childrenOf(node, context)}</Level>;
  },
  thematicBreak: () => <hr />,
  blockquote: (node, context) => <blockquote>{childrenOf(node, context)}</blockquote>,
  list: (node, context) =>
    node.ordered === true ? <ol start={node.start ?? 1}>{childrenOf(node, context)}</ol> : <ul>{childrenOf(node, context)}</ul>,
  listItem: (node, context) => <li>{itemOf(node.children, node.spread === true, context)}</li>,
  code: (node) => (
    <pre tabIndex={0}>
      <code>{node.value}</code>
    </pre>
  ),
  inlineCode: (node) => <code>{node.value}</code>,
  text: (node) => node.value,
  // A comment was never meant to be seen; every other tag stays text.
  html: (node) => (/^<!--[^]*?-->\s*$/.test(node.value) ? null : <span class="markup">{node.value}</span>),
  emphasis: (node, context) => <em>{childrenOf(node, context)}</em>,
  strong: (node, context) => <strong>{childrenOf(node, context)}</strong>,
  break: () => <br />,
  definition: () => null,
  link: (node, context) => link(node.url, childrenOf(node, context)),
  linkReference: (node, context) => link(context.definitions.get(node.identifier)?.url, childrenOf(node, context)),
  image: (node) => link(node.url, node.alt || node.url),
  imageReference: (node, context) => {
    const url = context.definitions.get(node.identifier)?.url;
    return link(url, node.alt || url || node.identifier);
  },
  table: (node, context) => table(node, context),
};

function shown(node: Nodes, context: Context): ComponentChildren {
  const show = SHOW[node.type] as ((node: Nodes, context: Context) => ComponentChildren) | undefined;
  return show === undefined ? textOf(node) : show(node, context);
}

/** An item of a tight list has no paragraphs. */
function itemOf(children: Nodes[], isSpread: boolean, context: Context): ComponentChildren[] {
  if (context.depth >= DEEPEST) return children.map(textOf);
  const below = { ...context, depth: context.depth + 1 };
  return children.map((child) => (!isSpread && child.type === "paragraph" ? childrenOf(child, below) : shown(child, below)));
}

function link(address: string | undefined, children: ComponentChildren): ComponentChildren {
  const href = address === undefined ? undefined : safeHref(address);
  if (href === undefined) return <span>{children}</span>;
  return href.startsWith("#") ? (
    <a href={href}>{children}</a>
  ) : (
    <a href={href} rel="noreferrer noopener">
      {children}
    </a>
  );
}

function table(node: Table, context: Context): ComponentChildren {
  const [head, ...rows] = node.children;
  const cell = (one: TableCell, place: number, Tag: "th" | "td") => {
    const isRight = node.align?.[place] === "right";
    return (
      <Tag scope={Tag === "th" ? "col" : undefined} data-numbers={isRight ? "" : undefined}>
        {childrenOf(one, context)}
      </Tag>
    );
  };
  return (
    <div class="table-frame" tabIndex={0} role="group" aria-label={head === undefined ? undefined : head.children.map(textOf).join(", ")}>
      <table>
        <thead>
          <tr>{head?.children.map((one, place) => cell(one, place, "th"))}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>{row.children.map((one, place) => cell(one, place, "td"))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
