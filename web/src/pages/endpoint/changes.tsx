/** What differs between two states of an endpoint. */

import type { Schemas } from "../../api/client";
import { endpointWords as endpoint } from "../../words/endpoint";
import { Frame, Head } from "../../ui/frame";

const told = endpoint.snapshots;

export function Changes({ changes }: { changes: readonly Schemas["SnapshotChange"][] }) {
  if (changes.length === 0) return <p>{told.same}</p>;
  return (
    <Frame label={told.changes}>
      <table aria-label={told.changes}>
        <Head of={[told.path, told.before, told.after]} />
        <tbody>
          {changes.map((one) => (
            <tr key={one.path}>
              <th scope="row">
                <code>{one.path}</code>
              </th>
              <td class="value">{valueText(one.before)}</td>
              <td class="value">{valueText(one.after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

/** A value as a table shows it; what is not there is a dash. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return told.nothing;
  return typeof value === "string" ? value : JSON.stringify(value);
}
