// Who can open it in Kisi although the rules do not list them: people whom the brake keeps, and unmanaged groups.
import { PageLink } from "..";
import { Card } from "../../parts/card";
import { ServerText } from "../../parts/states";
import { Link } from "../../router/router";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import type { Group } from "./page";

type Access = Group["unlistedAccess"];

export function Unlisted({ of: access }: { of: Access }) {
  const { door } = useTexts();
  if (access.heldCount === 0 && access.unmanagedGroups.length === 0) return null;
  return (
    <Card title={door.unlisted}>
      {access.heldCount > 0 && <Held access={access} />}
      {access.unmanagedGroups.length > 0 && (
        <div class="stack tight">
          <h3>{door.unmanaged}</h3>
          <p class="quiet">{door.unmanagedDetail}</p>
          <ul class="name-list">
            {access.unmanagedGroups.map(({ id, name }) => (
              <li key={id}>
                <Link to={`/doors/${id}`}>{name.trim()}</Link>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}

function Held({ access: { heldCount, heldRevocations } }: { access: Access }) {
  const { door } = useTexts();
  const format = useFormat();
  const more = heldCount - heldRevocations.length;
  return (
    <div class="stack tight">
      <h3>{door.held(heldCount)}</h3>
      <ul class="stack tight">
        {heldRevocations.map(({ id, member, cause, heldAt }) => (
          <li key={id}>
            <Link to={`/people/${member.id}`}>{member.name}</Link>{" "}
            <span class="quiet small">
              {door.heldSince(format.time(heldAt))} · <ServerText>{cause}</ServerText>
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">{door.heldMore(more)}</p>}
      <div>
        <PageLink to="/revocations" class="button small">
          {door.toRevocations}
        </PageLink>
      </div>
    </div>
  );
}
