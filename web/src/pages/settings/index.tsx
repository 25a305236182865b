/** The rules of the yard and its server, as far as the REST API tells them; and how this page looks. */

import "../../styles/lists.css";
import "../../styles/settings.css";

import { Choice } from "../../ui/action";
import { Page, Section } from "../../ui/page";
import { type Theme, theme } from "../../theme";
import { language, words as everywhere } from "../../words";
import { settingsWords } from "../../words/settings";
import { Server } from "./server";
import { Stages } from "./stages";

const words = settingsWords;

export default function SettingsPage() {
  return (
    <Page title={words.title}>
      <Stages />
      <div class="split">
        <Server />
        <Look />
      </div>
    </Page>
  );
}

function Look() {
  const said = everywhere.common.theme;
  const name = new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
  return (
    <Section title={words.page.title}>
      <div class="card section">
        <Choice
          label={words.page.theme}
          value={theme.value}
          options={[
            ["auto", said.auto],
            ["light", said.light],
            ["dark", said.dark],
          ]}
          onInput={(chosen) => {
            theme.value = chosen as Theme;
          }}
        />
        <p class="faint">{words.page.kept}</p>
        <dl class="facts">
          <dt>{words.page.language}</dt>
          <dd>
            {name}
            <div class="faint">{words.page.languageHow}</div>
          </dd>
        </dl>
      </div>
    </Section>
  );
}
