// Who has access, now or at any hour of the coming week, until when, and why.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import type { DoorAllowedQuery } from "../../gql/graphql";
import { Card } from "../../parts/card";
import { useDebounced } from "../../parts/debounced";
import { PlaygroundLink } from "../../parts/page-header";
import { Pager, usePager } from "../../parts/pager";
import { EmptyState, Loaded, ServerText } from "../../parts/states";
import { Table } from "../../parts/table";
import { Link } from "../../router/router";
import { useTexts } from "../../texts";
import { Time } from "../../texts/format";
import { HOUR_MS, Hours } from "./hours";
import { DoorAllowed } from "./operations";

const PAGE_SIZE = 25;

type Node = DoorAllowedQuery["node"];
type Edge = Extract<NonNullable<Node>, { allowedMembers: unknown }>["allowedMembers"]["edges"][number];

const listOf = (node: Node) => (node && "allowedMembers" in node ? node.allowedMembers : null);

export function Allowed({ id }: { id: string }) {
  const { door } = useTexts();
  const [start] = useState(() => Math.floor(Date.now() / HOUR_MS) * HOUR_MS);
  const [hours, setHours] = useState(0);
  const settled = useDebounced(hours);
  const pager = usePager(PAGE_SIZE);
  const at = settled === 0 ? null : new Date(start + settled * HOUR_MS).toISOString();
  const variables = { id, at, ...pager.variables };
  const result = useLive(DoorAllowed, variables, { keepPrevious: true });
  const move = (value: number) => {
    pager.reset();
    setHours(value);
  };
  return (
    <Card title={door.who} isFlush actions={<PlaygroundLink document={DoorAllowed} variables={variables} />}>
      <Hours start={start} value={hours} onValue={move} />
      <div class="allowed compact-list" aria-busy={result.isLoading || hours !== settled}>
        <Loaded result={result}>
          {({ node }) => {
            const list = listOf(node);
            if (!list) return null;
            return (
              <>
                <p class="allowed-count" role="status">
                  {door.people(list.totalCount)}
                </p>
                {list.edges.length === 0 ? <Nobody /> : <People edges={list.edges} />}
                <Pager of={pager} page={list} />
              </>
            );
          }}
        </Loaded>
      </div>
    </Card>
  );
}

function Nobody() {
  const { door } = useTexts();
  return (
    <EmptyState title={door.nobody} icon="people">
      <p class="quiet">{door.nobodyDetail}</p>
    </EmptyState>
  );
}

function People({ edges }: { edges: Edge[] }) {
  const { door } = useTexts();
  return (
    <Table
      caption={door.who}
      keyOf={({ node }) => node.id}
      rows={edges}
      columns={[
        { header: door.person, cell: ({ node }) => <Link to={`/people/${node.id}`}>{node.name}</Link> },
        { header: door.until, cell: ({ until }) => (until ? <Time at={until} /> : <span class="quiet">{door.noEnd}</span>) },
        { header: door.reason, cell: ({ decision }) => decision && <ServerText>{decision.message}</ServerText> },
      ]}
    />
  );
}
