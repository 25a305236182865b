/** One agent. */

import { useMemo } from "preact/hooks";

import type { HappenedEvent } from "../../api/live";
import { told } from "../../data/happenings";
import { useVersionNames } from "../../data/version-names";
import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { Time } from "../../ui/values";
import { number, words as everywhere } from "../../words";
import { agentsWords as words } from "../../words/agents";
import { peopleWords } from "../../words/people";
import { type Grant, grantsText, grantText } from "../people/grants";
import { type Issued, NewToken, type Token, TokenActions } from "../people/tokens";
import { Change, Switch } from "../people/users";
import { SEEN } from "./acts";
import { type Agent, lastActs, warningOf } from "./health";

const SHOWN = 3;
const said = peopleWords.users;
const ROLES: Record<string, string> = peopleWords.grant.roles;

interface Props {
  agent: Agent;
  /** The newest first; undefined where they are not there. */
  acts: readonly HappenedEvent[] | undefined;
  now: number;
  reload: () => void;
  onIssued: (token: Issued) => void;
}

/** What is granted, with what the role means. */
function inWords(grant: Grant): string {
  const does = Object.hasOwn(ROLES, grant.allow) ? `: ${ROLES[grant.allow] ?? ""}` : "";
  return `${grantText(grant)}${does}`;
}

export function AgentCard({ agent: { user, tokens }, acts, now, reload, onIssued }: Props) {
  return (
    <div class="card section" role="listitem">
      <div class="row spread">
        <h2 class="row name">
          {user.name} {user.disabled && <Badge kind="warn">{said.disabled}</Badge>}
          {tokens.length === 0 && <Badge kind="bad">{words.keyless}</Badge>}
        </h2>
        <div class="row small">
          <NewToken label={words.newToken} of={user.name} onIssued={onIssued} />
          <Change key={user.revision} user={user} onDone={reload} />
          <Switch user={user} onDone={reload} />
        </div>
      </div>
      <dl class="facts">
        <dt>{said.grants}</dt>
        <dd>
          {user.grants.length === 0 && said.nothing}
          {user.grants.map((one) => (
            <div key={grantText(one)}>{inWords(one)}</div>
          ))}
        </dd>
        <dt>{said.tokens}</dt>
        <dd class="section">
          {tokens.length === 0 && everywhere.common.none}
          {tokens.map((one) => (
            <div key={one.id} class="row spread">
              <TokenText token={one} now={now} />
              <TokenActions token={one} reload={reload} onIssued={onIssued} />
            </div>
          ))}
        </dd>
        <dt>{words.acts}</dt>
        <dd>
          <Did name={user.name} acts={acts} />
        </dd>
      </dl>
    </div>
  );
}

function TokenText({ token, now }: { token: Token; now: number }) {
  const { id, description, grants, expires_at: ends, last_used_at: used } = token;
  const warning = warningOf(token, now);
  return (
    <span>
      {description || <span class="mono">{id}</span>}
      {grants !== null && `, ${words.narrowed(grantsText(grants))}`}, {ends == null ? words.endsNever : <>{words.ends} <Time at={ends} /></>}
      {used != null && <>, {words.used} <Time at={used} /></>}{used == null && warning !== "never" && `, ${words.warnings.never}`}{" "}
      {warning !== undefined && <Badge kind="warn">{words.warnings[warning]}</Badge>}
    </span>
  );
}

function Did({ name, acts }: { name: string; acts: readonly HappenedEvent[] | undefined }) {
  const last = useMemo(() => lastActs(acts ?? [], name, SHOWN), [acts, name]);
  const versionOf = useVersionNames(last);
  if (acts === undefined) return <>–</>;
  return (
    <>
      {last.map((one) => {
        const { text, href } = told(one, versionOf);
        return (
          <div key={one.sequence}>
            {href === undefined ? text : <a href={href}>{text}</a>}{" "}
            <span class="faint">
              <Time at={one.at} />
            </span>
          </div>
        );
      })}
      {last.length === 0 ? (
        <span class="faint">{words.none(number(SEEN))}</span>
      ) : (
        <a href={`${paths.events()}?actor=${encodeURIComponent(name)}`}>{words.all}</a>
      )}
    </>
  );
}
