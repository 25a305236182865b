/** A table with a column for each version, the base first. */

import type { ComponentChildren } from "preact";

import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { Frame } from "../../ui/frame";
import { compareWords } from "../../words/compare";
import { nameOf } from "./load";

export interface Column {
  id: string;
  name: string;
  version: string;
}

interface Props {
  caption: string;
  /** What the first column tells. */
  corner: string;
  versions: readonly Column[];
  children: ComponentChildren;
}

export function VersionTable({ caption, corner, versions, children }: Props) {
  return (
    <Frame label={caption}>
      <table class="versions" aria-label={caption}>
        <thead>
          <tr>
            <th scope="col">{corner}</th>
            {versions.map((one, place) => (
              <th key={one.id} scope="col">
                <Swatch place={place} /> <a href={paths.version(one.name, one.version)}>{nameOf(one)}</a>
                {place === 0 && (
                  <>
                    {" "}
                    <Badge>{compareWords.base}</Badge>
                  </>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Frame>
  );
}

/** The colour of a version, as its line in the plot has it. */
export function Swatch({ place }: { place: number }) {
  return <span class="swatch" data-series={(place % 6) + 1} aria-hidden="true" />;
}
