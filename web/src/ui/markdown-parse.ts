/** Markdown (CommonMark with GFM tables) as a tree that can be sent from a worker. */

import type { Nodes, Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";

/** The tree of a text, without the places of its nodes. */
export function parsed(text: string): Root {
  const tree = fromMarkdown(text, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
  const open: Nodes[] = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    delete node.position;
    if ("children" in node) for (const child of node.children) open.push(child);
  }
  return tree;
}
