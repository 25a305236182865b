/** What the judge says of a deployment: his sentences, the evidence against its limit, and how it came about. */

import { useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { Badge } from "../../ui/badges";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Plot } from "../../ui/plot";
import { figure, percent } from "../../ui/values";
import { number, words } from "../../words";
import { deploymentWords } from "../../words/deployment";
import { courseOf, evidenceText, type Explanation, type Judgement, nearness } from "./evidence";
import { type Deployment, isBeforeTraffic } from "./state";
import { useTail } from "./tail";
import { whole } from "./whole";

const told = deploymentWords.judge;
/** The explanation is computed again from the log: of a long one it is asked for at each step only. */
const EVERY_S = 10;
const LONG = 2000;

type Challenger = Judgement["challengers"][number];

export function Judge({ one }: { one: Deployment }) {
  const [full, setFull] = useState(false);
  const units = one.judgement?.challengers.reduce((sum, side) => sum + side.units + side.base_units, 0) ?? 0;
  const data = useData(
    // Another step or an end is told at once, not at the next turn.
    `explanation ${one.id} ${String(full)} ${one.live ? "" : one.state}`,
    (signal) =>
      whole(
        answered(
          api.GET("/api/deployments/{id}/explain", {
            params: { path: { id: one.id }, ...(full ? { query: { full } } : {}) },
            signal,
          }),
        ),
      ),
    {
      on: (event) => event.model === one.name && event.type.startsWith("deployment."),
      every: one.live && units < LONG ? EVERY_S : undefined,
    },
  );
  return (
    <Section title={told.title}>
      <Loaded data={data}>
        {(explained) => (
          <Found
            one={one}
            explained={explained}
            compute={() => {
              setFull(true);
            }}
          />
        )}
      </Loaded>
    </Section>
  );
}

interface FoundProps {
  one: Deployment;
  explained: Explanation;
  compute: () => void;
}

function Found({ one, explained, compute }: FoundProps) {
  const judgement = one.judgement ?? explained.judgement;
  const isJudged = judgement !== null && judgement.challengers.length > 0;
  return (
    <>
      <Notes one={one} judgement={judgement} />
      <div class="split">
        {isJudged && (
          <div class="section">
            {judgement.challengers.map((side) => (
              <Meters key={side.version_id} one={one} judgement={judgement} side={side} />
            ))}
          </div>
        )}
        <Sentences said={explained.words} />
      </div>
      {isJudged && <Evidence one={one} judgement={judgement} explained={explained} compute={compute} />}
    </>
  );
}

/** What one has to know before one reads the figures. */
function Notes({ one, judgement }: { one: Deployment; judgement: Judgement | null }) {
  const { mode } = one.options.judge;
  return (
    <>
      {judgement === null && !isBeforeTraffic(one) && <p class="faint">{mode === "off" ? told.none : told.noneYet}</p>}
      {mode === "observe" && <p class="faint">{told.observes}</p>}
      {judgement !== null && judgement.void !== "" && (
        <div class="notice" data-kind="warn">
          {judgement.void}
        </div>
      )}
    </>
  );
}

function Sentences({ said }: { said: string[] }) {
  if (said.length === 0) return null;
  return (
    <div class="card section">
      <h3>{told.words}</h3>
      <div class="sentences">
        {said.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
    </div>
  );
}

interface MetersProps {
  one: Deployment;
  judgement: Judgement;
  side: Challenger;
}

function Meters({ one, judgement, side }: MetersProps) {
  const limit = figure(judgement.limit);
  const proven = 1 / one.options.judge.beta;
  const ratio = figure(side.proof_ratio);
  return (
    <div class="card section">
      <Meter
        label={told.evidence}
        title={side.version}
        value={side.e_value}
        limit={judgement.limit}
        kind={side.peak >= judgement.limit ? "bad" : "warn"}
        help={`${told.evidenceHelp(limit, percent(judgement.alpha))} (${told.peak(evidenceText(side.peak, figure))})`}
      />
      <Meter
        label={told.proof}
        title={side.version}
        value={side.proof}
        limit={proven}
        kind="good"
        help={`${told.proofHelp(ratio, figure(proven))}${neededText(side, proven)}`}
      />
      <dl class="facts">
        <dt>{told.units}</dt>
        <dd class="numbers">
          {side.version} {told.failed(number(side.failed), number(side.units))}, {one.base}{" "}
          {told.failed(number(side.base_failed), number(side.base_units))} <small class="faint">{told.unitsHelp}</small>
        </dd>
        <dt>{told.harm}</dt>
        <dd class="numbers" title={told.harmHelp}>
          {harmText(side.harm)}
        </dd>
        <dt>{told.metrics}</dt>
        <dd class="row">
          {side.metrics.map((one) => (
            <Badge key={one.metric}>
              {told.metric(one.metric, evidenceText(one.e_value, figure), percent(one.weight))}
            </Badge>
          ))}
        </dd>
      </dl>
    </div>
  );
}

/** Failures are counted whole; a tenth tells that it is an estimate. */
function harmText(harm: number): string {
  const tenths = Math.round(harm * 10) / 10;
  if (tenths === 0) return words.common.none;
  return tenths < 0 ? told.fewer(figure(-tenths)) : figure(tenths);
}

function neededText(side: Challenger, proven: number): string {
  if (side.needed === null || side.proof >= proven) return "";
  return ` (${told.needed(number(side.needed), side.version)})`;
}

interface MeterProps {
  label: string;
  title: string;
  value: number;
  limit: number;
  kind: "good" | "warn" | "bad";
  help: string;
}

/** Evidence on its way to a limit: each tenfold counts alike. */
function Meter({ label, title, value, limit, kind, help }: MeterProps) {
  const said = told.of(evidenceText(value, figure), figure(limit));
  return (
    <div class="meter" data-kind={kind}>
      <div class="row spread">
        <h3>{label}</h3>
        <strong class="numbers">{said}</strong>
      </div>
      <svg width="100%" height="8" role="img" aria-label={`${label}, ${title}: ${said}`}>
        <rect class="back" width="100%" height="8" rx="4" />
        <rect class="front" width={`${String(nearness(value, limit) * 100)}%`} height="8" rx="4" />
      </svg>
      <small class="faint">{help}</small>
    </div>
  );
}

interface EvidenceProps {
  one: Deployment;
  judgement: Judgement;
  explained: Explanation;
  compute: () => void;
}

function Evidence({ one, judgement, explained, compute }: EvidenceProps) {
  const tail = useTail(one.id, one.live ? judgement : null);
  if (explained.course.length === 0 && explained.batches > 0) {
    return (
      <div class="card row">
        <span class="faint">{told.fullHelp}</span>
        <button type="button" class="button" onClick={compute}>
          {told.full}
        </button>
      </div>
    );
  }
  const drawn = courseOf(one, judgement, explained.course, tail);
  return (
    <div class="card section">
      <h3>{told.plot}</h3>
      <Plot label={told.plotLabel(figure(judgement.limit))} x={drawn.x} series={drawn.series} isTime isLog />
      <p class="faint">
        {drawn.isCapped && told.capped(figure(drawn.top))} {explained.replayed === true && told.replayed}
        {explained.replayed === false && told.notReplayed}
      </p>
    </div>
  );
}
