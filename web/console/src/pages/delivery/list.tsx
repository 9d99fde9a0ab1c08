// The deliveries of all sources, by source, status, person, and whether they were dismissed.
import { useLive } from "../../api/use-live";
import type { DeliveryFilter, DeliveryListQuery, DeliveryStatus } from "../../gql/graphql";
import { Card } from "../../parts/card";
import { SelectField } from "../../parts/field";
import { FilterBox } from "../../parts/filter-box";
import { MemberFilter } from "../../parts/member-filter";
import { PageHeader } from "../../parts/page-header";
import { Pager, usePager } from "../../parts/pager";
import { type SearchState, useSearchState } from "../../parts/search-state";
import { EmptyState, Loaded, ServerText } from "../../parts/states";
import { type Column, Table } from "../../parts/table";
import { Link } from "../../router/router";
import { textFor, useTexts } from "../../texts";
import { Time } from "../../texts/format";
import { DeliveryList } from "./operations";
import { StatusBadge } from "./status";

const STATUSES: DeliveryStatus[] = ["ACCEPTED", "SETTLED", "HELD", "IGNORED", "FAILED"];
const isStatus = (text: string): text is DeliveryStatus => (STATUSES as string[]).includes(text);

function filterOf({ get }: SearchState): DeliveryFilter {
  const status = get("status");
  const dismissed = get("dismissed");
  return {
    source: get("source") || undefined,
    member: get("member") || undefined,
    status: isStatus(status) ? status : undefined,
    dismissed: dismissed ? dismissed === "yes" : undefined,
  };
}

export function Page() {
  const { deliveries, sources } = useTexts();
  const search = useSearchState();
  const pager = usePager(50);
  const variables = { filter: filterOf(search), ...pager.variables };
  const result = useLive(DeliveryList, variables, { keepPrevious: true });
  // Another filter starts on its first page.
  const filtered: SearchState = {
    ...search,
    set: (values) => {
      pager.reset();
      search.set(values);
    },
    clear: () => {
      pager.reset();
      search.clear();
    },
  };
  return (
    <>
      <PageHeader
        title={deliveries.title}
        lead={deliveries.lead}
        back={{ to: "/sources", label: sources.title }}
        query={{ document: DeliveryList, variables }}
      />
      <div class="stack">
        <Filters search={filtered} sources={result.data?.sources ?? []} />
        <Loaded result={result}>
          {({ deliveries: page }) => (
            <Card isFlush>
              {page.nodes.length === 0 ? <Empty /> : <Rows rows={page.nodes} />}
              <Pager of={pager} page={page} />
            </Card>
          )}
        </Loaded>
      </div>
    </>
  );
}

function Empty() {
  const { deliveries } = useTexts();
  return (
    <EmptyState title={deliveries.none} icon="search">
      <p class="quiet">{deliveries.noneDetail}</p>
    </EmptyState>
  );
}

function Filters({ search, sources: all }: { search: SearchState; sources: DeliveryListQuery["sources"] }) {
  const { deliveries, sources, parts } = useTexts();
  const any = { value: "", label: parts.all };
  return (
    <FilterBox search={search}>
      <SelectField
        label={deliveries.source}
        isFilter
        value={search.get("source")}
        onValue={(source) => search.set({ source })}
        options={[any, ...all.map(({ id, name }) => ({ value: id, label: name }))]}
      />
      <SelectField
        label={deliveries.status}
        isFilter
        value={search.get("status")}
        onValue={(status) => search.set({ status })}
        options={[any, ...STATUSES.map((value) => ({ value, label: textFor(sources.statuses, value) }))]}
      />
      <SelectField
        label={deliveries.dismissed}
        isFilter
        value={search.get("dismissed")}
        onValue={(dismissed) => search.set({ dismissed })}
        options={[any, { value: "no", label: deliveries.dismissedNo }, { value: "yes", label: deliveries.dismissedYes }]}
      />
      <MemberFilter value={search.get("member")} onValue={(member) => search.set({ member })} />
    </FilterBox>
  );
}

type Row = DeliveryListQuery["deliveries"]["nodes"][number];

function Rows({ rows }: { rows: Row[] }) {
  const { deliveries } = useTexts();
  const columns: Column<Row>[] = [
    {
      header: deliveries.event,
      cell: ({ id, eventType, attempts }) => (
        <>
          <Link to={`/deliveries/${id}`}>{eventType ?? deliveries.unreadable}</Link>
          {attempts > 1 && <span class="quiet small"> ({deliveries.attempts(attempts)})</span>}
        </>
      ),
    },
    { header: deliveries.source, cell: ({ source }) => <Link to={`/sources/${source.id}`}>{source.name}</Link> },
    {
      header: deliveries.status,
      cell: ({ status, dismissedAt, problem }) => (
        <div class="stack tight">
          <span>
            <StatusBadge status={status} isDismissed={Boolean(dismissedAt)} />
          </span>
          {problem && (
            <span class="quiet small">
              <ServerText>{problem}</ServerText>
            </span>
          )}
        </div>
      ),
    },
    { header: deliveries.received, cell: ({ receivedAt }) => <Time at={receivedAt} /> },
  ];
  return <Table caption={deliveries.title} columns={columns} rows={rows} keyOf={({ id }) => id} />;
}
