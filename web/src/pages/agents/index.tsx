/** The programs that act in the yard: what each may do, its tokens, what it did last, and how one is made. */

import "../../styles/lists.css";

import { useState } from "preact/hooks";

import { me } from "../../api/session";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Empty, Loaded } from "../../ui/notices";
import { Page } from "../../ui/page";
import { Secret } from "../../ui/secret";
import { words as everywhere } from "../../words";
import { agentsWords as words } from "../../words/agents";
import { peopleWords } from "../../words/people";
import { NOTHING } from "../people/grants";
import { isAboutAccounts, principals, tokens } from "../people/lists";
import { type Issued, NewToken } from "../people/tokens";
import { useActs } from "./acts";
import { AgentCard } from "./card";
import { type Agent, agentsOf, isIn, mentions } from "./health";
import { What } from "./what";

const AT_ONCE = 50;
const USED_S = 30;
const FIRST = line("token", "create", "trainer", "--role", "developer", "--model", "fraud", "--expires", "90d");

export default function AgentsPage() {
  const [issued, setIssued] = useState<Issued>();
  const data = useData(
    "agents",
    async (signal) => agentsOf(...(await Promise.all([principals("service", signal), tokens(false, signal)]))),
    // No event tells that a token was used.
    { on: isAboutAccounts, every: USED_S },
  );
  const take = (token: Issued) => {
    setIssued(token);
    data.reload();
  };
  const isDenied = data.problem?.status === 403;
  return (
    <Page
      title={words.title}
      actions={
        isDenied ? undefined : (
          <NewToken label={words.new} effect={words.newEffect} start={{ ...NOTHING, role: "developer" }} onIssued={take} />
        )
      }
    >
      <p class="faint">{words.why}</p>
      {me.value?.proven === false && (
        <p class="notice" data-kind="warn">
          {words.open} <a href={paths.people()}>{words.how}</a>
        </p>
      )}
      {issued !== undefined && (
        <Secret
          text={peopleWords.tokens.shown(issued.principal)}
          secret={issued.token}
          onClose={() => {
            setIssued(undefined);
          }}
        />
      )}
      {isDenied ? (
        <p class="notice">{words.denied}</p>
      ) : (
        <Loaded data={data}>
          {(agents) =>
            agents.length === 0 ? <Empty text={words.empty} command={FIRST} /> : <List agents={agents} reload={data.reload} onIssued={take} />
          }
        </Loaded>
      )}
      <What />
    </Page>
  );
}

function List({ agents, ...rest }: { agents: Agent[]; reload: () => void; onIssued: (token: Issued) => void }) {
  const [{ q = "", state = "" }, change] = useAddress();
  const [most, setMost] = useState(AT_ONCE);
  const acts = useActs();
  const now = Date.now();
  const found = agents.filter((one) => isIn(state, one, now) && mentions(q, one));
  return (
    <>
      <form class="filters" role="search" aria-label={words.filter} onSubmit={(event) => { event.preventDefault(); }}>
        <Field label={words.text} type="search" value={q} onInput={(text) => { change({ q: text }); }} />
        <Choice
          label={words.state}
          value={state}
          options={Object.entries(words.states)}
          onInput={(chosen) => {
            change({ state: chosen });
          }}
        />
      </form>
      <p role="status" class="faint">
        {found.length === 0 ? words.noMatch : ""}
      </p>
      <div class="stack" role="list" aria-label={words.list}>
        {found.slice(0, most).map((one) => (
          <AgentCard key={one.user.name} agent={one} acts={acts} now={now} {...rest} />
        ))}
      </div>
      {found.length > most && (
        <button type="button" class="button" onClick={() => { setMost(most + AT_ONCE); }}>
          {everywhere.common.more}
        </button>
      )}
    </>
  );
}
