/** The gates of a move: what each needed, what was found, and the verdict. */

import type { Promotion } from "../promotions/rights";
import { Badge } from "../../ui/badges";
import { Frame, Head } from "../../ui/frame";
import { Said } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { promotionWords } from "../../words/promotion";
import { facts, isAddress } from "./evidence";

const said = promotionWords.gates;

export function Gates({ promotion: { verdicts = [], evaluated_at } }: { promotion: Promotion }) {
  const judged = evaluated_at !== "" && (
    <span class="faint">
      {said.judged} <Time at={evaluated_at} />
    </span>
  );
  if (verdicts.length === 0) {
    return (
      <Section title={said.title} actions={judged}>
        <p class="faint">{said.none}</p>
      </Section>
    );
  }
  return (
    <Section title={said.title} actions={judged}>
      <Frame label={said.caption}>
        <table class="gates" aria-label={said.caption}>
          <Head of={[said.gate, said.verdict, said.needed, said.found]} />
          <tbody>
            {verdicts.map((one) => (
              <tr key={one.requirement}>
                <th scope="row">{one.requirement}</th>
                <td>
                  <Badge kind={one.met ? "good" : "bad"}>{one.met ? said.met : said.missing}</Badge>
                </td>
                <td>
                  <Evidence value={one.required} />
                </td>
                <td>
                  <Evidence value={one.actual} />
                  <small>
                    <Said text={one.reason} />
                  </small>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Frame>
    </Section>
  );
}

/** A value as a gate gave it. */
export function Evidence({ value }: { value: unknown }) {
  return (
    <ul class="plain evidence">
      {facts(value).map((one) => (
        <li key={one.about}>
          {one.about !== "" && <span class="faint">{one.about} </span>}
          {isAddress(one.text) ? (
            <a href={one.text} rel="noreferrer noopener">
              {one.text}
            </a>
          ) : (
            one.text
          )}
        </li>
      ))}
    </ul>
  );
}
