/** Promotions: what waits for who looks first, then the rest by state and model. */

import "../../styles/promotion.css";

import { useEffect, useState } from "preact/hooks";

import { answered, api, whoAsks } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";
import { me } from "../../api/session";
import { usePlace } from "../../data/address";
import { useData } from "../../data/use";
import { Choice, Field } from "../../ui/action";
import { Empty, ErrorNotice, Loaded } from "../../ui/notices";
import { Page, Section } from "../../ui/page";
import { line } from "../../ui/command";
import { words } from "../../words";
import { promotionWords } from "../../words/promotion";
import { type Filter, filterAddress, parseFilter, STATES, type StateFilter } from "./filter";
import { type Promotion, split } from "./rights";
import { PromotionTable } from "./table";

const said = promotionWords.list;
const PAGE = 100;

interface Listed {
  promotions: Promotion[];
  next: string;
}

export default function PromotionsPage() {
  const { query, route } = usePlace();
  const filter = parseFilter(query);
  const show = (next: Filter) => {
    route(filterAddress(next));
  };
  return (
    <Page title={said.title}>
      <Filters filter={filter} onChange={show} />
      <List key={filterAddress(filter)} filter={filter} />
    </Page>
  );
}

function Filters({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const [model, setModel] = useState(filter.model);
  useEffect(() => {
    setModel(filter.model);
  }, [filter.model]);
  return (
    <form
      class="row promotion-filters"
      onSubmit={(event) => {
        event.preventDefault();
        onChange({ ...filter, model: model.trim() });
      }}
    >
      <Choice
        label={said.state}
        value={filter.state}
        options={STATES.map((one) => [one, said.states[one]] as const)}
        onInput={(state) => {
          onChange({ ...filter, state: state as StateFilter });
        }}
      />
      <Field label={said.model} value={model} onInput={setModel} type="search" placeholder={said.modelHelp} />
      <button type="submit" class="button">
        {said.show}
      </button>
    </form>
  );
}

function List({ filter }: { filter: Filter }) {
  const data = useData(filterAddress(filter), (signal) => load(filter, "", signal), {
    on: (event) => event.type.startsWith("promotion.") || event.type === "version.stage_moved",
  });
  return <Loaded data={data}>{(first) => <Found filter={filter} first={first} />}</Loaded>;
}

function Found({ filter, first }: { filter: Filter; first: Listed }) {
  const [more, setMore] = useState<Listed>({ promotions: [], next: "" });
  const [problem, setProblem] = useState<Problem>();
  // The first page is loaded again when something happens; what came behind it is then out of date.
  useEffect(() => {
    setMore({ promotions: [], next: first.next });
  }, [first]);
  const known = new Set(first.promotions.map((one) => one.id));
  const all = [...first.promotions, ...more.promotions.filter((one) => !known.has(one.id))];
  const { mine, rest } = split(me.value, all);
  const extend = () => {
    load(filter, more.next).then(
      (page) => {
        setProblem(undefined);
        setMore((before) => ({ promotions: [...before.promotions, ...page.promotions], next: page.next }));
      },
      (error: unknown) => {
        setProblem(asProblem(error));
      },
    );
  };
  if (all.length === 0) {
    return filter.state === "open" && filter.model === "" ? (
      <Empty text={said.noneOpen} command={line("request", "fraud/1.4.0", "--target-stage", "production")} />
    ) : (
      <Empty text={said.none} command={line("requests", "list", filter.model || undefined)} />
    );
  }
  return (
    <>
      {mine.length > 0 && (
        <Section title={said.waiting}>
          <PromotionTable promotions={mine} caption={said.waitingCaption} person={me.value} />
        </Section>
      )}
      {rest.length > 0 && (
        <Section title={said.rest}>
          <PromotionTable promotions={rest} caption={said.restCaption} person={null} />
        </Section>
      )}
      {problem !== undefined && <ErrorNotice problem={problem} />}
      {more.next !== "" && (
        <div>
          <button type="button" class="button" onClick={extend}>
            {words.common.more}
          </button>
        </div>
      )}
    </>
  );
}

async function load({ state, model }: Filter, token: string, signal?: AbortSignal): Promise<Listed> {
  const query = {
    limit: PAGE,
    ...(state === "all" ? {} : { state }),
    ...(model === "" ? {} : { name: model }),
    ...(token === "" ? {} : { page_token: token }),
  };
  const given = signal === undefined ? {} : { signal };
  const [page] = await Promise.all([answered(api.GET("/api/promotions", { params: { query }, ...given })), whoAsks(signal)]);
  return { promotions: page.promotions, next: page.next_page_token };
}
