/** What is stored, what could go, and what is sent on to other systems. */

import "../../styles/lists.css";
import "../../styles/storage.css";

import { useAddress } from "../../data/address";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { storageWords as words } from "../../words/storage";
import { Forwards } from "./forwards";
import { Store } from "./store";
import { Webhooks } from "./webhooks";

export default function StoragePage() {
  const [query, change] = useAddress();
  return (
    <Page title={words.title}>
      <Tabs
        label={words.tabs.label}
        chosen={query.tab ?? "store"}
        onChoose={(tab) => {
          change({ tab: tab === "store" ? undefined : tab });
        }}
        tabs={[
          { id: "store", text: words.tabs.store, show: () => <Store /> },
          { id: "forwards", text: words.tabs.forwards, show: () => <Forwards /> },
          { id: "webhooks", text: words.tabs.webhooks, show: () => <Webhooks /> },
        ]}
      />
    </Page>
  );
}
