/** How the signature of each version differs from the base's, and whether callers of the base are safe with it. */

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { Badge, type Kind } from "../../ui/badges";
import { Command, line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { words } from "../../words";
import { compareWords } from "../../words/compare";
import { nameOf, sentence, type Version } from "./load";

const said = compareWords.signature;
const KINDS: Record<string, Kind> = { breaking: "bad", compatible: "good", none: "plain", unknown: "warn" };

export function Signatures({ versions }: { versions: readonly Version[] }) {
  const [base, ...others] = versions;
  const key = versions.map((one) => one.id).join(" ");
  const data = useData(key, (signal) =>
    Promise.all(
      others.map((other) =>
        answered(
          api.GET("/api/signature-diff", { params: { query: { version_a: base?.id ?? "", version_b: other.id } }, signal }),
        ),
      ),
    ),
  );
  return (
    <Section title={said.title}>
      <Loaded data={data}>{(diffs) => diffs.map((diff) => <Difference key={diff.b.id} diff={diff} />)}</Loaded>
    </Section>
  );
}

function Difference({ diff }: { diff: Schemas["SignatureDiffRecord"] }) {
  const [base, other] = [nameOf(diff.a), nameOf(diff.b)];
  return (
    <div class="card section">
      <div class="row">
        <h3>{said.against(other, base)}</h3>
        <Badge kind={KINDS[diff.outcome] ?? "plain"}>{said.outcomes[diff.outcome] ?? diff.outcome}</Badge>
      </div>
      {diff.outcome !== "none" && (
        <p>
          {sentence(diff.reason)} {diff.outcome !== "unknown" && said.bump(diff.required_bump)}
        </p>
      )}
      {diff.changes.length > 0 && (
        <>
          <Changes diff={diff} />
          <Command line={line("signature", base, other)} label={said.title} />
        </>
      )}
    </div>
  );
}

function Changes({ diff }: { diff: Schemas["SignatureDiffRecord"] }) {
  return (
    <Frame label={said.caption(nameOf(diff.b))}>
      <table aria-label={said.caption(nameOf(diff.b))}>
        <Head of={[said.field, said.side, said.breaks, said.what]} />
        <tbody>
          {diff.changes.map((one) => (
            <tr key={`${one.side} ${one.field} ${one.change}`}>
              <th scope="row">
                <code>{one.field}</code>
              </th>
              <td>{one.side}</td>
              <td>{one.breaking ? <Badge kind="bad">{words.common.yes}</Badge> : <Badge kind="good">{words.common.no}</Badge>}</td>
              <td>{sentence(one.reason)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}
