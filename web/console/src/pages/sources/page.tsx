// The sources: which are well, and what to do about the others.
import { useLive } from "../../api/use-live";
import type { SourceListQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { LinkButton } from "../../parts/button";
import { PageHeader } from "../../parts/page-header";
import { Card } from "../../parts/card";
import { EmptyState, Loaded } from "../../parts/states";
import { Link } from "../../router/router";
import { useViewer } from "../../session/viewer";
import { textFor, useTexts } from "../../texts";
import { Time } from "../../texts/format";
import { SourceList } from "./operations";
import { Problems } from "./problems";

type Listed = SourceListQuery["sources"][number];

export function Page() {
  const { sources } = useTexts();
  const { may } = useViewer();
  const result = useLive(SourceList, {});
  const create = may("createSource") && (
    <LinkButton to="/sources/new" variant="primary" icon="add">
      {sources.create}
    </LinkButton>
  );
  return (
    <>
      <PageHeader
        title={sources.title}
        lead={sources.lead}
        query={{ document: SourceList }}
        actions={
          <>
            <LinkButton to="/deliveries">{sources.deliveries}</LinkButton>
            {create}
          </>
        }
      />
      <Loaded result={result}>
        {({ sources: all }) =>
          all.length === 0 ? (
            <EmptyState title={sources.none} icon="sources">
              <p class="quiet">{sources.noneDetail}</p>
            </EmptyState>
          ) : (
            <div class="stack">
              {all.map((one) => (
                <SourceCard key={one.id} source={one} />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}

function SourceCard({ source }: { source: Listed }) {
  const { sources, common } = useTexts();
  const { id, name, platform, problems, lastDeliveryAt, lastReadAt, failedDeliveries, rejectionsLastDay } = source;
  return (
    <Card
      title={<Link to={`/sources/${id}`}>{name}</Link>}
      actions={
        problems.length === 0 ? <Badge tone="good">{sources.working}</Badge> : <Badge tone="bad">{sources.problems(problems.length)}</Badge>
      }
    >
      <Problems problems={problems} />
      <p class="row quiet small">
        <span>{textFor(sources.platforms, platform)}</span>
        <span>
          {sources.lastDelivery}: {lastDeliveryAt ? <Time at={lastDeliveryAt} /> : common.never}
        </span>
        {lastReadAt && (
          <span>
            {sources.lastRead}: <Time at={lastReadAt} />
          </span>
        )}
        {failedDeliveries > 0 && <Link to={`/deliveries?source=${id}&status=FAILED&dismissed=no`}>{sources.failed(failedDeliveries)}</Link>}
        {rejectionsLastDay > 0 && <span>{sources.rejected(rejectionsLastDay)}</span>}
      </p>
    </Card>
  );
}
