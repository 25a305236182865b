/** The first visit: nothing is here yet, and this is how something comes here. */

import { Command, line } from "../../ui/command";
import { Section } from "../../ui/page";
import { yardWords } from "../../words/yard";

export function FirstVisit() {
  const say = yardWords.first;
  return (
    <Section title={say.title}>
      <div class="card stack first-visit">
        <p>{say.text}</p>
        <ul class="plain stack">
          <li class="section">
            <span>{say.demo}</span>
            <Command line="make demo && make serve" />
          </li>
          <li class="section">
            <span>{say.register}</span>
            <Command line={line("register", "--name", "fraud", "--model-path", "./model.joblib")} />
          </li>
          <li class="section">
            <span>{say.create}</span>
            <Command line={line("create", "fraud", "--owner", "ana")} />
          </li>
        </ul>
        <div class="section">
          <span class="faint">{say.point}</span>
          <Command line={`export MODELYARD_URI=${location.origin}`} />
        </div>
      </div>
    </Section>
  );
}
