// The rows of the lists: a door or group, how it stands, and its rules in words.
import type { DoorsQuery, GroupsQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { ServerText } from "../../parts/states";
import { Link } from "../../router/router";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { LockRules, Restrictions, Rules } from "./rules";

type Lock = DoorsQuery["locks"]["nodes"][number];
type Group = GroupsQuery["groups"]["nodes"][number];

export function LockRow({ lock }: { lock: Lock }) {
  const { doors } = useTexts();
  const format = useFormat();
  const unmanaged = lock.groups.filter(({ managed }) => !managed).map(({ name }) => name.trim());
  return (
    <li>
      <div class="row apart">
        <h2>
          <Link to={`/doors/${lock.id}`}>{lock.name.trim()}</Link>
        </h2>
        {lock.online != null && <Badge tone={lock.online ? "good" : "bad"}>{lock.online ? doors.online : doors.offline}</Badge>}
      </div>
      <p class="quiet small">{[lock.place?.name ?? doors.noPlace, lock.description].filter(Boolean).join(" · ")}</p>
      <LockRules rules={lock.rules} groups={lock.groups} />
      {unmanaged.length > 0 && <p class="quiet small">{doors.unmanagedGroups(format.list(unmanaged))}</p>}
      <Restrictions restrictions={lock.unlockRestrictions} />
    </li>
  );
}

export function GroupRow({ group }: { group: Group }) {
  const { doors } = useTexts();
  const format = useFormat();
  const locks = group.locks.map(({ name }) => name.trim());
  const about = [group.place?.name ?? doors.wholeOrganization, locks.length > 0 ? doors.opens(format.list(locks)) : doors.opensNothing, group.description];
  return (
    <li>
      <div class="row apart">
        <h2>
          <Link to={`/doors/${group.id}`}>{group.name.trim()}</Link>
        </h2>
        <Badge tone={group.managed ? "good" : "neutral"}>{group.managed ? doors.managed : doors.notManaged}</Badge>
      </div>
      <p class="quiet small">{about.filter(Boolean).join(" · ")}</p>
      {group.rules.length > 0 ? <Rules rules={group.rules} /> : <p class="quiet small">{group.managed ? doors.noRules : doors.notManagedDetail}</p>}
      {group.problem && (
        <p data-tone="bad" class="row-problem">
          <Badge tone="bad">
            <ServerText>{group.problem}</ServerText>
          </Badge>
        </p>
      )}
    </li>
  );
}
