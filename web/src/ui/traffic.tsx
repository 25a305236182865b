/** Who gets which share of an endpoint's requests. */

import { percent } from "./values";

export interface Share {
  text: string;
  /** In 0..1. */
  share: number;
}

export function TrafficBar({ shares, label }: { shares: Share[]; label: string }) {
  const told = shares.map((one) => `${one.text} ${percent(one.share)}`).join(", ");
  return (
    <div class="section">
      <div class="traffic" role="img" aria-label={`${label}: ${told}`}>
        {shares.map((one, place) => (
          <span key={one.text} data-series={(place % 6) + 1} style={{ flexGrow: one.share }} />
        ))}
      </div>
      <div class="legend" aria-hidden="true">
        {shares.map((one, place) => (
          <span key={one.text}>
            <span class="dot" data-series={(place % 6) + 1} />
            {one.text} {percent(one.share)}
          </span>
        ))}
      </div>
    </div>
  );
}
