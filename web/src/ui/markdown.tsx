/**
 * A stranger's Markdown on a page. It is parsed in a worker, which is ended when it takes too long: what cannot be read in
 * time is shown as it is. The parser comes when the first text is shown.
 */

import "../styles/markdown.css";

import type { Root } from "mdast";
import { useEffect, useMemo, useState } from "preact/hooks";

import { words } from "../words";
import { nodesOf } from "./markdown-tree";
import address from "./markdown-worker?worker&url";
import { scriptAt } from "./trusted";

/** Characters that are read as Markdown. */
const LONGEST = 262_144;
/** Characters that are shown of a text that is not. */
const LONGEST_PLAIN = 65_536;
const PATIENCE_MS = 3_000;

interface Props {
  text: string;
  /** Level of the text's highest heading; the page's own are above. */
  top?: number;
  /** How long a text may take, with the loading of the parser. */
  patienceMs?: number;
}

export function Markdown({ text, top = 3, patienceMs = PATIENCE_MS }: Props) {
  const tree = useTree(text, patienceMs);
  const nodes = useMemo(() => (tree === undefined || tree === null ? undefined : nodesOf(tree, top)), [tree, top]);
  if (tree === undefined) {
    return (
      <div class="waiting" role="status">
        {words.common.loading}
      </div>
    );
  }
  if (nodes !== undefined) return <div class="markdown">{nodes}</div>;
  return (
    <pre class="markdown" data-plain tabIndex={0}>
      {text.length > LONGEST_PLAIN ? `${text.slice(0, LONGEST_PLAIN)}…` : text}
    </pre>
  );
}

/** The tree of a text; undefined while it is parsed, null where it cannot be. */
function useTree(text: string, patienceMs: number): Root | null | undefined {
  const [state, setState] = useState<{ text: string; tree: Root | null }>();
  useEffect(() => {
    if (text.length > LONGEST || typeof Worker === "undefined") {
      setState({ text, tree: null });
      return;
    }
    const worker = new Worker(scriptAt(address), { type: "module" });
    const end = (tree: Root | null) => {
      clearTimeout(timer);
      worker.terminate();
      setState({ text, tree });
    };
    const timer = setTimeout(end, patienceMs, null);
    worker.addEventListener("message", ({ data }: MessageEvent<Root>) => {
      end(data);
    });
    worker.addEventListener("error", () => {
      end(null);
    });
    worker.postMessage(text);
    return () => {
      clearTimeout(timer);
      worker.terminate();
    };
  }, [text, patienceMs]);
  return state?.text === text ? state.tree : undefined;
}
