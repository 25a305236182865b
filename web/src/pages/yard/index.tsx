/** The yard: all models, the search over all versions, and what is happening. */

import "../../styles/yard.css";

import { useMemo } from "preact/hooks";

import { usePlace } from "../../data/address";
import { Page } from "../../ui/page";
import { yardWords } from "../../words/yard";
import { ModelCards } from "./cards";
import { FirstVisit } from "./first";
import { FoundVersions } from "./found";
import { addressOf, type Wanted, wantedOf } from "./query";
import { SearchBar } from "./search-bar";
import { choicesOf } from "./state";
import { Strip } from "./strip";
import { useYard } from "./use-yard";

export default function YardPage() {
  const { query, route } = usePlace();
  const wanted = wantedOf(query);
  const data = useYard();
  const models = data.yard?.models;
  const choices = useMemo(() => choicesOf(models ?? [], wanted), [models, wanted.stage, wanted.owner, wanted.team, wanted.tag]);
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
          {wanted.q === "" && models?.length === 0 && <FirstVisit />}
          {wanted.q === "" && models?.length !== 0 && <ModelCards data={data} wanted={wanted} />}
        </div>
      </div>
    </Page>
  );
}
