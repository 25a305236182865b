/** What is wrong now, what is looked for, whom nobody tells for a while, and who is told. */

import "../../styles/alerts.css";
import "../../styles/lists.css";

import { useAddress } from "../../data/address";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { alertsWords as words } from "../../words/alerts";
import { Alerts } from "./alerts";
import { Channels } from "./channels";
import { Rules } from "./rule-list";
import { Silences } from "./silences";

export default function AlertsPage() {
  const [query, change] = useAddress();
  return (
    <Page title={words.title}>
      <Tabs
        label={words.tabs.label}
        chosen={query.tab ?? "alerts"}
        onChoose={(tab) => {
          change({ tab: tab === "alerts" ? undefined : tab });
        }}
        tabs={[
          { id: "alerts", text: words.tabs.alerts, show: () => <Alerts /> },
          { id: "rules", text: words.tabs.rules, show: () => <Rules /> },
          { id: "silences", text: words.tabs.silences, show: () => <Silences /> },
          { id: "channels", text: words.tabs.channels, show: () => <Channels /> },
        ]}
      />
    </Page>
  );
}
