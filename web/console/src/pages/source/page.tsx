// One source: its state, what to do about problems, its address, its latest deliveries.
import { useLive } from "../../api/use-live";
import type { OneSourceQuery, SourceActivityQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { LinkButton } from "../../parts/button";
import { Card } from "../../parts/card";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, Loaded, ServerText } from "../../parts/states";
import { Table } from "../../parts/table";
import { Link } from "../../router/router";
import { useViewer } from "../../session/viewer";
import { textFor, useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import type { PageProps } from "..";
import { StatusBadge } from "../delivery/status";
import { Problems } from "../sources/problems";
import { SourceActions } from "./actions";
import { Connection } from "./connection";
import { OneSource, SourceActivity } from "./operations";
import { ConfirmNotice } from "./reading";

type Node = NonNullable<OneSourceQuery["node"]>;
export type Source = Extract<Node, { platform: unknown }>;

export const isSource = <Found extends object>(node: Found | null | undefined): node is Extract<Found, { platform: unknown }> =>
  Boolean(node && "platform" in node);

export function Page({ params: { id = "" } }: PageProps) {
  const texts = useTexts();
  const result = useLive(OneSource, { id });
  const node = result.data?.node;
  const source = isSource(node) ? node : undefined;
  const back = { to: "/sources", label: texts.sources.title };
  return (
    <>
      <PageHeader
        title={source?.name ?? (result.data ? texts.source.missing : texts.sources.title)}
        lead={source && textFor(texts.sources.platforms, source.platform)}
        back={back}
        query={{ document: OneSource, variables: { id } }}
        actions={source && <SourceActions source={source} changed={result.refetch} />}
      />
      <Loaded result={result}>
        {() =>
          source ? (
            <Content source={source} changed={result.refetch} />
          ) : (
            <EmptyState title={texts.source.missing} icon="search">
              <p class="quiet">{texts.source.missingDetail}</p>
            </EmptyState>
          )
        }
      </Loaded>
    </>
  );
}

function Content({ source, changed }: { source: Source; changed: () => unknown }) {
  const activity = useLive(SourceActivity, { id: source.id });
  return (
    <div class="stack">
      <State source={source} changed={changed} />
      <Connection source={source} />
      {source.platform === "MAPPED" && <Mapping id={source.id} />}
      <Loaded result={activity}>
        {({ deliveries, rejectedRequests }) => (
          <>
            <Latest source={source} deliveries={deliveries.nodes} />
            <Rejected rows={rejectedRequests} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function State({ source, changed }: { source: Source; changed: () => unknown }) {
  const texts = useTexts();
  const { common } = texts;
  const isWell = source.problems.length === 0;
  return (
    <Card
      title={texts.source.state}
      actions={<Badge tone={isWell ? "good" : "bad"}>{isWell ? texts.sources.working : texts.sources.problems(source.problems.length)}</Badge>}
    >
      <Problems problems={source.problems} />
      {source.readingNeedsConfirmation && <ConfirmNotice source={source.id} changed={changed} />}
      {isWell && !source.readingNeedsConfirmation && <p>{texts.source.allWell}</p>}
      <dl class="facts">
        <dt>{texts.sources.lastDelivery}</dt>
        <dd>{source.lastDeliveryAt ? <Time at={source.lastDeliveryAt} /> : common.never}</dd>
        {source.readEvery && (
          <>
            <dt>{texts.sources.lastRead}</dt>
            <dd>{source.lastReadAt ? <Time at={source.lastReadAt} /> : common.never}</dd>
          </>
        )}
      </dl>
      {source.failedDeliveries > 0 && (
        <p>
          <Link to={`/deliveries?source=${source.id}&status=FAILED&dismissed=no`}>{texts.sources.failed(source.failedDeliveries)}</Link>
        </p>
      )}
    </Card>
  );
}

function Mapping({ id }: { id: string }) {
  const { source: texts } = useTexts();
  const { may } = useViewer();
  return (
    <Card title={texts.mapping}>
      <p class="row apart">
        <span>{texts.mappingDetail}</span>
        {may("updateSource") && <LinkButton to={`/sources/${id}/mapping`}>{texts.editMapping}</LinkButton>}
      </p>
    </Card>
  );
}

function Latest({ source, deliveries }: { source: Source; deliveries: SourceActivityQuery["deliveries"]["nodes"] }) {
  const { source: texts, deliveries: words } = useTexts();
  const all = (
    <Link to={`/deliveries?source=${source.id}`} class="small">
      {texts.allDeliveries}
    </Link>
  );
  return (
    <Card title={texts.latest} isFlush actions={deliveries.length > 0 && all}>
      {deliveries.length === 0 && <p class="rows-empty quiet">{texts.noDeliveries}</p>}
      <ul class="rows">
        {deliveries.map(({ id, eventType, status, problem, receivedAt, dismissedAt }) => (
          <li key={id}>
            <div class="row apart">
              <Link to={`/deliveries/${id}`}>{eventType ?? words.unreadable}</Link>
              <span class="row">
                <StatusBadge status={status} isDismissed={Boolean(dismissedAt)} />
                <span class="quiet small">
                  <Time at={receivedAt} />
                </span>
              </span>
            </div>
            {problem && (
              <p class="quiet small">
                <ServerText>{problem}</ServerText>
              </p>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Rejected({ rows }: { rows: SourceActivityQuery["rejectedRequests"] }) {
  const { source: texts } = useTexts();
  const format = useFormat();
  return (
    <Card title={texts.rejected} isFlush>
      {rows.length === 0 ? (
        <p class="rows-empty quiet">{texts.noRejected}</p>
      ) : (
        <>
          <p class="rows-empty">{texts.rejectedDetail}</p>
          <Table
            caption={texts.rejected}
            rows={rows}
            keyOf={({ last }) => last.at}
            columns={[
              { header: texts.rejectedAt, cell: ({ last }) => <Time at={last.at} /> },
              { header: texts.rejectedCount, cell: ({ count }) => format.number(count) },
              {
                header: texts.rejectedReason,
                cell: ({ last: { code, reason } }) => (
                  <>
                    {textFor(texts.reasons, code)}
                    <br />
                    <span class="quiet small">
                      <ServerText>{reason}</ServerText>
                    </span>
                  </>
                ),
              },
            ]}
          />
        </>
      )}
    </Card>
  );
}
