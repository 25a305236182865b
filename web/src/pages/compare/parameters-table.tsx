/** Parameters side by side; what is the same everywhere only on demand. */

import { Badge } from "../../ui/badges";
import { Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { number } from "../../words";
import { compareWords } from "../../words/compare";
import type { Version } from "./load";
import { parameterRows } from "./parameters";
import { VersionTable } from "./table";

const said = compareWords.parameters;

interface Props {
  versions: readonly Version[];
  showAll: boolean;
  onShowAll: (showAll: boolean) => void;
}

export function Parameters({ versions, showAll, onShowAll }: Props) {
  const rows = parameterRows(versions);
  const differing = rows.filter((row) => row.isDifferent);
  const shown = showAll ? rows : differing;
  const toggle = differing.length < rows.length && (
    <button
      type="button"
      class="button"
      data-kind="small"
      aria-pressed={showAll}
      onClick={() => {
        onShowAll(!showAll);
      }}
    >
      {showAll ? said.differing : said.all(number(rows.length))}
    </button>
  );
  return (
    <Section title={said.title} actions={toggle}>
      {shown.length === 0 ? (
        <p class="faint">{rows.length === 0 ? said.none : said.alike}</p>
      ) : (
        <Some items={shown}>
          {(some) => (
            <VersionTable caption={said.caption} corner={said.parameter} versions={versions}>
              {some.map((row) => (
                <tr key={row.name}>
                  <th scope="row">
                    <span class="name">{row.name}</span>
                    {differing.length < shown.length && row.isDifferent && <Badge kind="info">{said.differs}</Badge>}
                  </th>
                  {row.values.map((value, place) => (
                    <td key={versions[place]?.id}>{value === null ? <span class="faint">–</span> : <code>{value}</code>}</td>
                  ))}
                </tr>
              ))}
            </VersionTable>
          )}
        </Some>
      )}
    </Section>
  );
}
