/** Addresses that came from elsewhere. */

/** An address as a link may have it; undefined for all that is not the web. */
export function webLink(url: string): string | undefined {
  return /^https?:\/\//i.test(url) ? url : undefined;
}
