// One delivery: what became of it, whom it concerns, what it changed, and its body.
import { PageLink, type PageProps } from "..";
import { useLive } from "../../api/use-live";
import type { OneDeliveryQuery } from "../../gql/graphql";
import { Card } from "../../parts/card";
import { JsonText } from "../../parts/json";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, Loaded, Notice, ServerText } from "../../parts/states";
import { Link } from "../../router/router";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { DeliveryActions } from "./actions";
import { Effects } from "./effects";
import { DeliveryBody, OneDelivery } from "./operations";
import { StatusBadge } from "./status";

type Node = NonNullable<OneDeliveryQuery["node"]>;
export type Delivery = Extract<Node, { externalId: unknown }>;

export function Page({ params: { id = "" } }: PageProps) {
  const texts = useTexts();
  const result = useLive(OneDelivery, { id });
  const node = result.data?.node;
  const delivery = node && "externalId" in node ? node : undefined;
  const missing = result.data ? texts.delivery.missing : texts.deliveries.title;
  return (
    <>
      <PageHeader
        title={delivery ? texts.delivery.title(delivery.eventType ?? texts.deliveries.unreadable) : missing}
        back={{ to: "/deliveries", label: texts.deliveries.title }}
        query={{ document: OneDelivery, variables: { id } }}
        actions={delivery && <DeliveryActions delivery={delivery} changed={result.refetch} />}
      />
      <Loaded result={result}>
        {() => (delivery ? <Content delivery={delivery} /> : <EmptyState title={texts.delivery.missing} icon="search" />)}
      </Loaded>
    </>
  );
}

function Content({ delivery }: { delivery: Delivery }) {
  return (
    <div class="stack">
      <Standing delivery={delivery} />
      <Facts delivery={delivery} />
      <People members={delivery.members} />
      <Effects delivery={delivery} />
      <Body delivery={delivery} />
    </div>
  );
}

function Standing({ delivery: { status, problem, warnings, dismissedAt, dismissedBy, dismissedReason } }: { delivery: Delivery }) {
  const { delivery: texts } = useTexts();
  const format = useFormat();
  const isFailed = status === "FAILED";
  return (
    <>
      {problem && (
        <Notice tone={isFailed && !dismissedAt ? "bad" : "info"} title={isFailed ? texts.problem : texts.ignored}>
          <p>
            <ServerText>{problem}</ServerText>
          </p>
          {isFailed && !dismissedAt && <p>{texts.problemAction}</p>}
        </Notice>
      )}
      {dismissedAt && (
        <Notice tone="info" title={texts.dismissedAs(dismissedBy ?? "", format.time(dismissedAt))}>
          <p>{dismissedReason}</p>
        </Notice>
      )}
      {status === "HELD" && (
        <Notice tone="warn" title={texts.held}>
          <PageLink to="/revocations">{texts.toHeld}</PageLink>
        </Notice>
      )}
      {warnings.length > 0 && (
        <Notice tone="warn" title={texts.warnings}>
          <ul>
            {warnings.map((warning) => (
              <li key={warning}>
                <ServerText>{warning}</ServerText>
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}

function Facts({ delivery: { source, status, externalId, occurredAt, receivedAt, settledAt, attempts, dismissedAt } }: { delivery: Delivery }) {
  const { delivery: texts, common } = useTexts();
  return (
    <Card>
      <dl class="facts">
        <dt>{texts.status}</dt>
        <dd>
          <StatusBadge status={status} isDismissed={Boolean(dismissedAt)} />
        </dd>
        <dt>{texts.source}</dt>
        <dd>
          <Link to={`/sources/${source.id}`}>{source.name}</Link>
        </dd>
        <dt>{texts.occurredAt}</dt>
        <dd>{occurredAt ? <Time at={occurredAt} /> : common.unknown}</dd>
        <dt>{texts.receivedAt}</dt>
        <dd>
          <Time at={receivedAt} /> <span class="quiet">({texts.times(attempts)})</span>
        </dd>
        {settledAt && (
          <>
            <dt>{texts.settledAt}</dt>
            <dd>
              <Time at={settledAt} />
            </dd>
          </>
        )}
        <dt>{texts.externalId}</dt>
        <dd>
          <code>{externalId}</code>
        </dd>
      </dl>
    </Card>
  );
}

const MOST_NAMES = 50;

function People({ members }: { members: Delivery["members"] }) {
  const { delivery: texts, common } = useTexts();
  return (
    <Card title={texts.people}>
      {members.length === 0 ? (
        <p class="quiet">{texts.nobody}</p>
      ) : (
        <ul class="row">
          {members.slice(0, MOST_NAMES).map(({ id, name }) => (
            <li key={id}>
              <PageLink to={`/people/${id}`} otherwise={name}>
                {name}
              </PageLink>
            </li>
          ))}
          {members.length > MOST_NAMES && <li class="quiet">+ {common.people(members.length - MOST_NAMES)}</li>}
        </ul>
      )}
    </Card>
  );
}

function Body({ delivery }: { delivery: Delivery }) {
  const { delivery: texts } = useTexts();
  const { role } = useViewer();
  return (
    <Card title={texts.body}>
      {delivery.bodyRemoved ? (
        <p class="quiet">{texts.bodyRemoved[delivery.bodyRemoved]}</p>
      ) : role === "ADMIN" ? (
        <StoredBody id={delivery.id} />
      ) : (
        <p class="quiet">{texts.bodyForAdmins}</p>
      )}
    </Card>
  );
}

function StoredBody({ id }: { id: string }) {
  const { delivery: texts } = useTexts();
  const result = useLive(DeliveryBody, { id });
  return (
    <Loaded result={result}>
      {({ node }) => {
        const body = node && "body" in node ? node.body : null;
        return body ? <JsonText label={texts.body} text={body} /> : <p class="quiet">{texts.noBody}</p>;
      }}
    </Loaded>
  );
}
