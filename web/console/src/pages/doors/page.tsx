// All doors and all groups, with their rules in words.
import type { ComponentChildren } from "preact";
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import { Card } from "../../parts/card";
import { Choice, Choices, SearchBox } from "../../parts/filters";
import "../../parts/lists.css";
import { PageHeader } from "../../parts/page-header";
import { Pager, usePager } from "../../parts/pager";
import { type SearchState, useSearchState } from "../../parts/search-state";
import { EmptyState, Loaded } from "../../parts/states";
import { Link } from "../../router/router";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import "./doors.css";
import { DoorCounts, Doors, Groups } from "./operations";
import { GroupRow, LockRow } from "./rows";

const PAGE_SIZE = 25;
const MANAGED: Record<string, boolean> = { yes: true, no: false };

const lockFilter = ({ get }: SearchState) => ({ search: get("search") || undefined, place: get("place") || undefined });
const groupFilter = (search: SearchState) => ({ ...lockFilter(search), managed: MANAGED[search.get("managed")] });

export function Page() {
  const { doors } = useTexts();
  const search = useSearchState();
  const isGroups = search.get("section") === "groups";
  const filter = isGroups ? groupFilter(search) : lockFilter(search);
  // Another section or filter begins at its first page.
  const key = JSON.stringify([isGroups, filter]);
  return (
    <>
      <PageHeader
        title={doors.title}
        lead={doors.lead}
        query={{ document: isGroups ? Groups : Doors, variables: { first: PAGE_SIZE, filter } }}
      />
      <div class="stack">
        <Filters search={search} isGroups={isGroups} />
        {isGroups ? <GroupList key={key} search={search} /> : <LockList key={key} search={search} />}
      </div>
    </>
  );
}

function Filters({ search: { get, set }, isGroups }: { search: SearchState; isGroups: boolean }) {
  const { doors } = useTexts();
  const { data } = useLive(DoorCounts, {});
  const places = (data?.places.nodes ?? []).map(({ id, name }) => ({ value: id, label: name }));
  return (
    <>
      <nav class="sections" aria-label={doors.sections}>
        <SectionLink to="/doors" isCurrent={!isGroups} text={doors.locks} total={data?.locks.totalCount} />
        <SectionLink to="/doors?section=groups" isCurrent={isGroups} text={doors.groups} total={data?.groups.totalCount} />
      </nav>
      <search class="row door-filters">
        <SearchBox label={doors.search} value={get("search")} onSearch={(text) => set({ search: text })} />
        <Choices>
          <Choice
            label={doors.place}
            value={get("place")}
            onValue={(place) => set({ place })}
            options={[{ value: "", label: doors.anyPlace }, ...places]}
          />
          {isGroups && (
            <Choice
              label={doors.managedFilter}
              value={get("managed")}
              onValue={(managed) => set({ managed })}
              options={[
                { value: "", label: doors.any },
                { value: "yes", label: doors.managed },
                { value: "no", label: doors.notManaged },
              ]}
            />
          )}
        </Choices>
      </search>
    </>
  );
}

function SectionLink({ to, isCurrent, text, total }: { to: string; isCurrent: boolean; text: string; total?: number }) {
  const format = useFormat();
  return (
    <Link to={to} aria-current={isCurrent ? "page" : undefined}>
      {text}
      {total !== undefined && <span class="badge">{format.number(total)}</span>}
    </Link>
  );
}

function LockList({ search }: { search: SearchState }) {
  const pager = usePager(PAGE_SIZE);
  const result = useLive(Doors, { ...pager.variables, filter: lockFilter(search) }, { keepPrevious: true });
  return (
    <Loaded result={result}>
      {({ locks }) => (
        <List search={search} total={locks.totalCount}>
          <ul class="entries">
            {locks.nodes.map((lock) => (
              <LockRow key={lock.id} lock={lock} />
            ))}
          </ul>
          <Pager of={pager} page={locks} />
        </List>
      )}
    </Loaded>
  );
}

function GroupList({ search }: { search: SearchState }) {
  const pager = usePager(PAGE_SIZE);
  const result = useLive(Groups, { ...pager.variables, filter: groupFilter(search) }, { keepPrevious: true });
  return (
    <Loaded result={result}>
      {({ groups }) => (
        <List search={search} total={groups.totalCount} isGroups>
          <ul class="entries">
            {groups.nodes.map((group) => (
              <GroupRow key={group.id} group={group} />
            ))}
          </ul>
          <Pager of={pager} page={groups} />
        </List>
      )}
    </Loaded>
  );
}

interface ListProps {
  search: SearchState;
  total: number;
  isGroups?: boolean;
  /** The rows, and the pager last. */
  children: ComponentChildren;
}

function List({ search, total, isGroups = false, children }: ListProps) {
  const { doors } = useTexts();
  const isFiltered = ["search", "place", "managed"].some((key) => search.get(key));
  return (
    <div>
      <p class="quiet small list-count" role="status">
        {doors.found(total, isGroups)}
      </p>
      <Card isFlush>{total === 0 ? <Nothing isFiltered={isFiltered} /> : children}</Card>
    </div>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  const { doors } = useTexts();
  return (
    <EmptyState title={isFiltered ? doors.nothing : doors.empty} icon={isFiltered ? "search" : "doors"}>
      <p class="quiet">{isFiltered ? doors.nothingDetail : doors.emptyDetail}</p>
      {!isFiltered && <PageLink to="/setup">{doors.toSetup}</PageLink>}
    </EmptyState>
  );
}
