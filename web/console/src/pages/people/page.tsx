// All people: a search and filters over a list that the keyboard moves through.
import { useEffect, useRef, useState } from "preact/hooks";
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import { Card } from "../../parts/card";
import { SearchBox } from "../../parts/filters";
import "../../parts/lists.css";
import { PageHeader } from "../../parts/page-header";
import { Pager, usePager } from "../../parts/pager";
import { useSearchState } from "../../parts/search-state";
import { EmptyState, Loaded } from "../../parts/states";
import { useTexts } from "../../texts";
import { type Get, activeCount, memberFilter, memberOrder } from "./filter";
import { Filters } from "./filters";
import { List, moveFocus } from "./list";
import { People } from "./operations";
import "./people.css";

const PAGE_SIZE = 25;
const MINUTE_MS = 60_000;

/** The time to the minute, which the query is for. */
function useMinute(): number {
  const minute = () => Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const [now, setNow] = useState(minute);
  useEffect(() => {
    const timer = setInterval(() => setNow(minute()), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function Page() {
  const { people } = useTexts();
  const { get, set } = useSearchState();
  const pager = usePager(PAGE_SIZE);
  const now = useMinute();
  const list = useRef<HTMLDivElement>(null);
  const change = (changes: Record<string, string>) => {
    pager.reset();
    set(changes);
  };
  const variables = {
    ...pager.variables,
    filter: memberFilter(get, now),
    orderBy: memberOrder(get),
    at: new Date(now).toISOString(),
  };
  const result = useLive(People, variables, { keepPrevious: true });
  return (
    <>
      <PageHeader title={people.title} lead={people.lead} query={{ document: People, variables }} />
      <div class="stack">
        <search class="stack tight" onKeyDown={(event) => event.key === "ArrowDown" && isSearch(event) && moveFocus(event, list.current)}>
          <SearchBox label={people.search} value={get("search")} onSearch={(search) => change({ search })} autoFocus />
          <Filters get={get} set={change} />
        </search>
        <div ref={list} aria-busy={result.isLoading}>
          <Loaded result={result}>
            {({ members }) => (
              <>
                <p class="quiet small list-count" role="status">
                  {people.found(members.totalCount)}
                  {members.nodes.length > 0 && <span class="keys-hint"> · {people.keys}</span>}
                </p>
                <Card isFlush>
                  {members.nodes.length === 0 ? <Nobody get={get} /> : <List people={members.nodes} />}
                  <Pager of={pager} page={members} />
                </Card>
              </>
            )}
          </Loaded>
        </div>
      </div>
    </>
  );
}

const isSearch = ({ target }: Event) => target instanceof HTMLInputElement;

function Nobody({ get }: { get: Get }) {
  const { people } = useTexts();
  if (activeCount(get) > 0 || get("search")) {
    return (
      <EmptyState title={people.nobody} icon="search">
        <p class="quiet">{people.nobodyDetail}</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState title={people.empty} icon="people">
      <p class="quiet">{people.emptyDetail}</p>
      <PageLink to="/sources">{people.toSources}</PageLink>
    </EmptyState>
  );
}
