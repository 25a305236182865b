/** One deployment, as it goes: how it stands, what both sides did, what the judge says, its way, and what one can do. */

import "../../styles/deployment.css";

import { useRoute } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { Loaded } from "../../ui/notices";
import { Page } from "../../ui/page";
import { deploymentWords } from "../../words/deployment";
import { Actions } from "./actions";
import { Arms } from "./arms-view";
import { History, Terms, Before } from "./record";
import { Judge } from "./judge";
import { type Deployment, isRollback, stateOf, strategyOf } from "./state";
import { Steps } from "./steps-view";
import { Summary } from "./summary";
import { Test } from "./test-view";
import { whole } from "./whole";

const EVERY_S = 2;

export default function DeploymentPage() {
  const id = useRoute().params.id ?? "";
  const [live, setLive] = useState(true);
  const name = useRef("");
  const data = useData(
    `deployment ${id}`,
    (signal) => whole(answered(api.GET("/api/deployments/{id}", { params: { path: { id } }, signal }))),
    {
      on: (event) => event.model === name.current && event.type.startsWith("deployment."),
      every: live ? EVERY_S : undefined,
    },
  );
  const one = data.value;
  name.current = one?.name ?? "";
  useEffect(() => {
    setLive(one?.live ?? true);
  }, [one?.live]);
  const title = one === undefined ? deploymentWords.title : deploymentWords.of(one.name, one.version);
  return (
    <Page
      title={title}
      crumbs={[{ text: deploymentWords.list.title, href: paths.deployments() }]}
      aside={one !== undefined && <Aside one={one} />}
      actions={one !== undefined && <Actions one={one} onDone={data.reload} />}
    >
      <Loaded data={data}>{(shown) => <Parts one={shown} />}</Loaded>
    </Page>
  );
}

function Aside({ one }: { one: Deployment }) {
  const { text, kind } = stateOf(one.state);
  return (
    <>
      <Badge kind={kind}>{text}</Badge>
      <Badge>{strategyOf(one)}</Badge>
    </>
  );
}

function Parts({ one }: { one: Deployment }) {
  const isJudged = !isRollback(one);
  return (
    <>
      <Summary one={one} />
      {isJudged && <Steps one={one} />}
      {one.strategy === "ab" && <Test one={one} />}
      {isJudged && <Judge one={one} />}
      {isJudged && <Arms one={one} />}
      <Before one={one} />
      <Terms one={one} />
      <History one={one} />
    </>
  );
}
