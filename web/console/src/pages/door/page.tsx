// A door or a group: its rules, and who has access now or in the coming week.
import { PageLink, type PageProps } from "..";
import { useLive } from "../../api/use-live";
import type { DoorQuery } from "../../gql/graphql";
import { Card } from "../../parts/card";
import "../../parts/lists.css";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, Loaded, Notice, ServerText } from "../../parts/states";
import { Link } from "../../router/router";
import { useTexts } from "../../texts";
import { LockRules, Restrictions, Rules } from "../doors/rules";
import { Allowed } from "./allowed";
import "./door.css";
import { Facts } from "./facts";
import { History } from "./history";
import { Door } from "./operations";
import { Unlisted } from "./unlisted";

type Node = NonNullable<DoorQuery["node"]>;
export type Group = Extract<Node, { __typename: "Group" }>;
export type Lock = Extract<Node, { __typename: "Lock" }>;

export function Page({ params: { id = "" } }: PageProps) {
  const { door } = useTexts();
  const result = useLive(Door, { id });
  const { data } = result;
  const target = targetOf(data);
  const section = target?.__typename === "Group" ? "/doors?section=groups" : "/doors";
  return (
    <>
      <PageHeader
        title={target?.name.trim() ?? (data ? door.notFound : door.title)}
        lead={target?.description}
        back={{ to: section, label: door.back }}
        query={{ document: Door, variables: { id } }}
      />
      <Loaded result={result}>{(found) => <Content target={targetOf(found)} />}</Loaded>
    </>
  );
}

/** An id of anything else is none of a door or group. */
function targetOf(data: DoorQuery | undefined): Group | Lock | null {
  const node = data?.node;
  return node?.__typename === "Group" || node?.__typename === "Lock" ? node : null;
}

function Content({ target }: { target: Group | Lock | null }) {
  const { door } = useTexts();
  if (!target) {
    return (
      <EmptyState title={door.notFoundDetail} icon="search">
        <Link to="/doors">{door.back}</Link>
      </EmptyState>
    );
  }
  const problem = target.__typename === "Group" && target.problem;
  return (
    <div class="stack">
      {problem && (
        <Notice tone="bad" title={door.problem}>
          <p>
            <ServerText>{problem}</ServerText>
          </p>
        </Notice>
      )}
      <div class="grid">
        <Facts target={target} />
        <RuleCard target={target} />
      </div>
      <Allowed id={target.id} />
      <Unlisted of={target.unlistedAccess} />
      <History id={target.id} />
    </div>
  );
}

function RuleCard({ target }: { target: Group | Lock }) {
  const { door, doors } = useTexts();
  const isRuled = target.__typename === "Lock" || target.managed;
  const add = isRuled && (
    <PageLink to={`/rules/new?target=${target.id}`} class="button small">
      {door.addRule}
    </PageLink>
  );
  if (target.__typename === "Lock") {
    return (
      <Card title={door.rules} actions={add}>
        <LockRules rules={target.rules} groups={target.groups} />
        <Restrictions restrictions={target.unlockRestrictions} />
      </Card>
    );
  }
  return (
    <Card title={door.rules} actions={add}>
      {target.rules.length > 0 ? <Rules rules={target.rules} /> : <p class="quiet">{target.managed ? doors.noRules : doors.notManagedDetail}</p>}
    </Card>
  );
}
