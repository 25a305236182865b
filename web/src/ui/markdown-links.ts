/** Which addresses of a stranger's text may become links. */

const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);

/** Prefix of the ids that headings get, so that no text can take an id of the page. */
export const ID_PREFIX = "text-";

/** The address to link to, or undefined where the text must not become a link. */
export function safeHref(address: string): string | undefined {
  if (/^#[\w-]+$/.test(address)) return `#${ID_PREFIX}${address.slice(1).toLowerCase()}`;
  let found: URL;
  try {
    // Without a base: what is relative would lead into this application.
    found = new URL(address);
  } catch {
    return undefined;
  }
  return PROTOCOLS.has(found.protocol) ? found.href : undefined;
}

/** The name of a heading in links within a text, as GitHub makes them. */
export function slug(title: string): string {
  return title
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s+/g, "-");
}
