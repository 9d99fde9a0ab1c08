// What a door or group is: its kind, its place, and what it is connected with in Kisi.
import type { ComponentChildren } from "preact";
import { Badge } from "../../parts/badge";
import { Card } from "../../parts/card";
import { Link } from "../../router/router";
import { textFor, useTexts } from "../../texts";
import type { Group, Lock } from "./page";

export function Facts({ target }: { target: Group | Lock }) {
  const { door, doors } = useTexts();
  const place = target.place?.name ?? (target.__typename === "Group" ? doors.wholeOrganization : doors.noPlace);
  return (
    <Card>
      <div class="row">{target.__typename === "Group" ? <GroupBadges group={target} /> : <LockBadges lock={target} />}</div>
      <dl class="fact-grid">
        <Fact name={door.place}>{place}</Fact>
        {target.__typename === "Group" ? <GroupFacts group={target} /> : <Names name={door.openedBy} nodes={target.groups} />}
      </dl>
    </Card>
  );
}

function GroupBadges({ group }: { group: Group }) {
  const { door, doors } = useTexts();
  return (
    <>
      <Badge tone="neutral" icon="people">
        {door.group}
      </Badge>
      <Badge tone={group.managed ? "good" : "neutral"}>{group.managed ? doors.managed : doors.notManaged}</Badge>
    </>
  );
}

function LockBadges({ lock }: { lock: Lock }) {
  const { door, doors } = useTexts();
  return (
    <>
      <Badge tone="neutral" icon="doors">
        {door.lock}
      </Badge>
      {lock.online != null && <Badge tone={lock.online ? "good" : "bad"}>{lock.online ? doors.online : doors.offline}</Badge>}
    </>
  );
}

function GroupFacts({ group }: { group: Group }) {
  const { door } = useTexts();
  return (
    <>
      <Fact name={door.account}>{group.account.name}</Fact>
      <Names name={door.opens} nodes={group.locks} />
      {group.managed && <Fact name={door.strangers}>{textFor(door.strangerPolicies, group.strangers)}</Fact>}
    </>
  );
}

function Names({ name, nodes }: { name: string; nodes: readonly { id: string; name: string; managed?: boolean }[] }) {
  const { common, doors } = useTexts();
  return (
    <Fact name={name}>
      {nodes.length === 0 && <span class="quiet">{common.none}</span>}
      <ul class="fact-list">
        {nodes.map((node) => (
          <li key={node.id}>
            <Link to={`/doors/${node.id}`}>{node.name.trim()}</Link>
            {node.managed === false && <span class="quiet small"> ({doors.notManaged.toLowerCase()})</span>}
          </li>
        ))}
      </ul>
    </Fact>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
