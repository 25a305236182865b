/** The yard: all models, the search over all versions, and what is happening. */

import "../../styles/yard.css";

import { useMemo, useRef } from "preact/hooks";

import { usePlace } from "../../data/address";
import { Page } from "../../ui/page";
import { yardWords } from "../../words/yard";
import { ModelCards } from "./cards";
import { FirstVisit } from "./first";
import { FoundVersions } from "./found";
import { addressOf, isNarrowed, type Wanted, wantedOf } from "./query";
import { SearchBar } from "./search-bar";
import { choicesOf, type Model } from "./state";
import { Strip } from "./strip";
import { useYard } from "./use-yard";

export default function YardPage() {
  const { query, route } = usePlace();
  const wanted = wantedOf(query);
  const data = useYard(wanted);
  const models = data.yard?.models;
  const shown = { ...data.wanted, q: wanted.q, sort: wanted.sort };
  const isFirst = models?.length === 0 && !isNarrowed(shown);
  const choices = useChoices(models, wanted);
  const change = (next: Wanted, isTyping: boolean) => {
    route(addressOf(next), isTyping);
  };
  return (
    <Page title={yardWords.title}>
      <div class="yard" data-searching={wanted.q === "" ? undefined : ""}>
        <SearchBar wanted={wanted} choices={choices} onChange={change} />
        <Strip />
        <div class="yard-main">
          {wanted.q !== "" && <FoundVersions wanted={wanted} />}
          {isFirst && <FirstVisit />}
          {wanted.q === "" && !isFirst && <ModelCards data={data} wanted={shown} />}
        </div>
      </div>
    </Page>
  );
}

/** What the filters can be set to: what any model has that was seen here. The choice of one does not take the others away. */
function useChoices(models: readonly Model[] | undefined, wanted: Wanted) {
  const seen = useRef(new Map<string, Model>());
  return useMemo(() => {
    for (const one of models ?? []) seen.current.set(one.id, one);
    return choicesOf([...seen.current.values()], wanted);
  }, [models, wanted.stage, wanted.owner, wanted.team, wanted.tag]);
}
