// Waits for the first event of a source, and shows it the moment it arrives; and what was rejected meanwhile.
import { useClient } from "@urql/preact";
import { useEffect } from "preact/hooks";
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import type { FirstDeliveriesQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Notice, ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { FirstDeliveries, SetupDeliveries } from "./operations";
import { type Source, hasArrived } from "./progress";

/** Rejected requests have no event. */
const LOOK_MS = 5000;

export function Waiting({ source, refetch }: { source: Source; refetch: () => Promise<void> }) {
  const { setupSource: texts } = useTexts();
  const client = useClient();
  const result = useLive(FirstDeliveries, { source: source.id });
  const isWaiting = !hasArrived(source);
  useEffect(() => {
    const feed = client.subscription(SetupDeliveries, { source: source.id }).subscribe(({ data }) => {
      if (!data) return;
      void result.refetch();
      void refetch();
    });
    return () => feed.unsubscribe();
  }, [client, source.id]);
  useEffect(() => {
    if (!isWaiting) return;
    const timer = setInterval(() => void result.refetch(), LOOK_MS);
    return () => clearInterval(timer);
  }, [isWaiting, result.refetch]);
  const deliveries = result.data?.deliveries;
  return (
    <div class="stack" aria-live="polite">
      {isWaiting && deliveries?.totalCount === 0 && <Wait />}
      {deliveries && deliveries.totalCount > 0 && <Arrived deliveries={deliveries.nodes} isFirst={deliveries.totalCount === 1} />}
      <Rejected rows={result.data?.rejectedRequests ?? []} />
      {!isWaiting && deliveries?.totalCount === 0 && !source.readEvery && <p class="quiet small">{texts.waiting}</p>}
    </div>
  );
}

function Wait() {
  const { setupSource: texts } = useTexts();
  return (
    <div class="wait">
      <span class="spinner" aria-hidden="true" />
      <div>
        <strong>{texts.wait}</strong>
        <p class="quiet small">{texts.waitHint}</p>
      </div>
    </div>
  );
}

const TONES = { ACCEPTED: "info", SETTLED: "good", HELD: "warn", IGNORED: "neutral", FAILED: "bad" } as const;

type Delivery = FirstDeliveriesQuery["deliveries"]["nodes"][number];

function Arrived({ deliveries, isFirst }: { deliveries: readonly Delivery[]; isFirst: boolean }) {
  const { setupSource: texts } = useTexts();
  const format = useFormat();
  const nameOf = ({ eventType, members }: Pick<Delivery, "eventType" | "members">) =>
    texts.event(eventType ?? texts.unknownType, format.list(members.slice(0, 3).map(({ name }) => name)));
  return (
    <section class="stack tight">
      <h4>{isFirst ? texts.arrived : texts.latest}</h4>
      <ul class="changes">
        {deliveries.map(({ id, status, problem, receivedAt, ...delivery }) => (
          <li key={id}>
            <span>
              <PageLink to={`/deliveries/${id}`} otherwise={nameOf(delivery)}>
                {nameOf(delivery)}
              </PageLink>
              {problem && (
                <span class="quiet small">
                  {" "}
                  <ServerText>{problem}</ServerText>
                </span>
              )}
            </span>
            <span class="row">
              <span class="quiet small">
                <Time at={receivedAt} />
              </span>
              <Badge tone={TONES[status] ?? "neutral"}>{textFor(texts.status, status)}</Badge>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Rejected({ rows }: { rows: FirstDeliveriesQuery["rejectedRequests"] }) {
  const { setupSource: texts } = useTexts();
  const [latest] = rows;
  if (!latest) return null;
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  return (
    <Notice tone="warn" title={texts.rejected(total)}>
      <p>
        <ServerText>{latest.last.reason}</ServerText>
      </p>
      <p class="quiet small">{texts.rejectedHint}</p>
    </Notice>
  );
}
