// The messages to all endpoints, with filters.
import { useEffect } from "preact/hooks";
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import type { EndpointListQuery, MessageListQuery, WebhookEventType, WebhookMessageStatus } from "../../gql/graphql";
import { Badge, type Tone } from "../../parts/badge";
import { Card } from "../../parts/card";
import { SelectField } from "../../parts/field";
import { FilterBox } from "../../parts/filter-box";
import { Pager, usePager } from "../../parts/pager";
import { type SearchState, useSearchState } from "../../parts/search-state";
import { EmptyState, Loaded, ServerText } from "../../parts/states";
import { type Column, Table } from "../../parts/table";
import { Link } from "../../router/router";
import { textFor, useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { EVENTS } from "./form";
import { MessageList } from "./operations";

const STATUSES: WebhookMessageStatus[] = ["WAITING", "DELIVERED", "FAILED", "CANCELLED"];
const TYPES: WebhookEventType[] = [...EVENTS, "ENDPOINT_TEST"];
const TONES: Partial<Record<string, Tone>> = { WAITING: "info", DELIVERED: "good", FAILED: "bad", CANCELLED: "neutral" };

const EVERY_MS = 5000;

type Endpoints = EndpointListQuery["webhookEndpoints"];
type Message = MessageListQuery["webhookMessages"]["nodes"][number];

export function MessageStatus({ status }: { status: WebhookMessageStatus }) {
  const { webhooks } = useTexts();
  return <Badge tone={TONES[status] ?? "neutral"}>{textFor(webhooks.messageStatuses, status)}</Badge>;
}

const one = <Value extends string>(all: Value[], text: string) => {
  const value = all.find((each) => each === text);
  return value ? [value] : undefined;
};

export function Messages({ endpoints }: { endpoints: Endpoints }) {
  const { webhooks } = useTexts();
  const search = useSearchState();
  const pager = usePager(25);
  const filter = {
    endpoint: search.get("endpoint") || undefined,
    statuses: one(STATUSES, search.get("status")),
    events: one(TYPES, search.get("event")),
  };
  const result = useLive(MessageList, { filter, ...pager.variables }, { keepPrevious: true });
  useRefetchWhileVisible(result.refetch);
  const set = (values: Record<string, string>) => {
    pager.reset();
    search.set(values);
  };
  const clear = () => {
    pager.reset();
    search.clear();
  };
  return (
    <Card title={webhooks.messages} isFlush>
      <div class="rows-empty">
        <Filters search={{ ...search, set, clear }} endpoints={endpoints} />
      </div>
      <Loaded result={result}>
        {({ webhookMessages: page }) => (
          <>
            {page.nodes.length === 0 ? (
              <EmptyState title={webhooks.noMessages} icon="search">
                <p class="quiet">{webhooks.noMessagesDetail}</p>
              </EmptyState>
            ) : (
              <Rows rows={page.nodes} />
            )}
            <Pager of={pager} page={page} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

/** Attempts have no event of their own. */
function useRefetchWhileVisible(refetch: () => unknown) {
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && refetch(), EVERY_MS);
    return () => clearInterval(timer);
  }, [refetch]);
}

function Filters({ search, endpoints }: { search: SearchState; endpoints: Endpoints }) {
  const { webhooks, parts } = useTexts();
  const { get, set } = search;
  const any = { value: "", label: parts.all };
  return (
    <FilterBox search={search}>
      <SelectField
        label={webhooks.endpoint}
        isFilter
        value={get("endpoint")}
        onValue={(endpoint) => set({ endpoint })}
        options={[any, ...endpoints.map(({ id, name }) => ({ value: id, label: name }))]}
      />
      <SelectField
        label={webhooks.status}
        isFilter
        value={get("status")}
        onValue={(status) => set({ status })}
        options={[any, ...STATUSES.map((value) => ({ value, label: textFor(webhooks.messageStatuses, value) }))]}
      />
      <SelectField
        label={webhooks.event}
        isFilter
        value={get("event")}
        onValue={(event) => set({ event })}
        options={[any, ...TYPES.map((value) => ({ value, label: textFor(webhooks.eventTypes, value) }))]}
      />
    </FilterBox>
  );
}

function Rows({ rows }: { rows: Message[] }) {
  const { webhooks } = useTexts();
  const format = useFormat();
  const columns: Column<Message>[] = [
    { header: webhooks.event, cell: ({ id, event }) => <Link to={`/webhooks/messages/${id}`}>{textFor(webhooks.eventTypes, event)}</Link> },
    { header: webhooks.endpoint, cell: ({ endpoint }) => endpoint.name },
    {
      header: webhooks.about,
      cell: ({ member }) =>
        member ? (
          <PageLink to={`/people/${member.id}`} otherwise={member.name}>
            {member.name}
          </PageLink>
        ) : (
          "–"
        ),
    },
    {
      header: webhooks.status,
      cell: ({ status, attempts, nextAttemptAt }) => (
        <div class="stack tight">
          <span class="row">
            <MessageStatus status={status} />
            <span class="quiet small">
              {webhooks.attempts(attempts.length)}
              {status === "WAITING" && nextAttemptAt && `, ${webhooks.nextAttempt(format.time(nextAttemptAt))}`}
            </span>
          </span>
          {attempts.at(-1)?.problem && (
            <span class="quiet small">
              <ServerText>{attempts.at(-1)?.problem}</ServerText>
            </span>
          )}
        </div>
      ),
    },
    { header: webhooks.at, cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
  return <Table caption={webhooks.messages} columns={columns} rows={rows} keyOf={({ id }) => id} />;
}
