/** Who one is, who else there is, what each may do, and the tokens that they come with. */

import "../../styles/lists.css";
import "../../styles/people.css";

import { useAddress } from "../../data/address";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { peopleWords as words } from "../../words/people";
import { Tokens } from "./tokens";
import { Users } from "./users";
import { You } from "./you";

export default function PeoplePage() {
  const [query, change] = useAddress();
  return (
    <Page title={words.title}>
      <Tabs
        label={words.tabs.label}
        chosen={query.tab ?? "you"}
        onChoose={(tab) => {
          change({ tab: tab === "you" ? undefined : tab });
        }}
        tabs={[
          { id: "you", text: words.tabs.you, show: () => <You /> },
          { id: "users", text: words.tabs.users, show: () => <Users /> },
          { id: "tokens", text: words.tabs.tokens, show: () => <Tokens /> },
        ]}
      />
    </Page>
  );
}
