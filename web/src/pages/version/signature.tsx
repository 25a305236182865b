/** What a version takes and gives. */

import type { Schemas } from "../../api/client";
import { Frame, Head } from "../../ui/frame";
import { Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { words } from "../../words";
import { versionWords } from "../../words/version";
import { type Field, fieldsOf } from "./schema";

const W = versionWords.signature;

export function Signature({ record }: { record: Schemas["VersionRecord"] }) {
  return (
    <div class="stack">
      <div class="split">
        <Schema title={W.inputs} schema={record.input_schema ?? {}} />
        <Schema title={W.outputs} schema={record.output_schema ?? {}} />
      </div>
      {record.input_example != null && (
        <Section title={W.example}>
          <p class="faint">{W.exampleHelp}</p>
          <pre class="card json" tabIndex={0}>
            {JSON.stringify(record.input_example)}
          </pre>
        </Section>
      )}
    </div>
  );
}

function Schema({ title, schema }: { title: string; schema: Record<string, unknown> }) {
  const fields = fieldsOf(schema);
  return (
    <Section title={title}>
      {fields !== null && fields.length > 0 ? (
        <Some items={fields}>{(shown) => <Fields title={title} fields={shown} />}</Some>
      ) : Object.keys(schema).length === 0 || fields !== null ? (
        <p class="faint">{W.none}</p>
      ) : (
        <>
          <p class="faint">{W.other}</p>
          <pre class="card json" tabIndex={0}>
            {JSON.stringify(schema, null, 2)}
          </pre>
        </>
      )}
    </Section>
  );
}

function Fields({ title, fields }: { title: string; fields: Field[] }) {
  return (
    <Frame label={title} isTall>
      <table aria-label={title}>
        <Head of={[W.name, W.type, W.shape, W.needed]} />
        <tbody>
          {fields.map((one) => (
            <tr key={one.name}>
              <th scope="row">{one.name}</th>
              <td>
                <code>{one.type}</code>
              </td>
              <td>{one.shape.length === 0 ? W.one : one.shape.map((size) => (size < 0 ? W.any : String(size))).join(" × ")}</td>
              <td>{one.optional ? words.common.no : words.common.yes}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}
