/** Lists that come in pages, whole. */

/** So many pages at most: whoever has more uses the command line. */
const MOST = 20;

export async function all<T>(ask: (pageToken: string) => Promise<{ items: T[]; next: string }>): Promise<T[]> {
  const found: T[] = [];
  let token = "";
  for (let turn = 0; turn < MOST; turn += 1) {
    const page = await ask(token);
    found.push(...page.items);
    token = page.next;
    if (token === "") break;
  }
  return found;
}
