/** The versions that are compared, as a list: which one is the base, and which one shall go. */

import { State } from "../../ui/badges";
import { compareWords } from "../../words/compare";
import { type Asked, nameOf } from "./load";
import { Swatch } from "./table";

const said = compareWords;

interface Props {
  asked: readonly Asked[];
  onBase: (reference: string) => void;
  onRemove: (reference: string) => void;
}

export function Chosen({ asked, onBase, onRemove }: Props) {
  const shown = asked.filter((one) => one.version !== undefined && !one.isRepeated);
  return (
    <ol class="plain chosen" aria-label={said.chosen}>
      {asked.map((one, place) => (
        <li key={one.reference} class="card">
          <span class="row">
            {shown.includes(one) && <Swatch place={shown.indexOf(one)} />}
            <strong>{one.version === undefined ? one.reference : nameOf(one.version)}</strong>
            {one.version !== undefined && <State state={one.version.stage} />}
          </span>
          {one.version !== undefined && nameOf(one.version) !== one.reference && <small class="faint">{one.reference}</small>}
          {one.isRepeated && <small>{said.repeated}</small>}
          {one.problem !== undefined && (
            <small class="wrong" role="alert">
              {one.problem.message} <code>{one.problem.code}</code> {one.problem.hint}
            </small>
          )}
          <span class="row">
            <button
              type="button"
              class="button"
              data-kind="small"
              id={`base-${one.reference}`}
              aria-pressed={place === 0}
              disabled={one.version === undefined}
              onClick={() => {
                if (place > 0) onBase(one.reference);
              }}
            >
              {place === 0 ? said.base : said.makeBase}
              <span class="hidden-text"> {one.reference}</span>
            </button>
            <button
              type="button"
              class="button"
              data-kind="small"
              onClick={() => {
                onRemove(one.reference);
              }}
            >
              {said.remove}
              <span class="hidden-text"> {one.reference}</span>
            </button>
          </span>
        </li>
      ))}
    </ol>
  );
}
