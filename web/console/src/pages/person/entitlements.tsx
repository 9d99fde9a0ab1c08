// What a person holds by the word of the platforms: what is current or ahead, and what is past behind a button.
import type { PersonQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Card } from "../../parts/card";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { standingOf } from "./standing";

type Entitlement = NonNullable<PersonQuery["member"]>["entitlements"][number];

const PAST_SHOWN = 50;

const isPast = (held: Entitlement) =>
  (held.endsAt && Date.parse(held.endsAt) <= Date.now()) || ["ENDED", "CANCELLED"].includes(standingOf(held).status);

const byEnd = (a: Entitlement, b: Entitlement) => (b.endsAt ?? "9999").localeCompare(a.endsAt ?? "9999");

export function Entitlements({ entitlements }: { entitlements: Entitlement[] }) {
  const { personLists } = useTexts();
  const past = entitlements.filter(isPast).sort(byEnd);
  const current = entitlements.filter((held) => !isPast(held));
  return (
    <Card title={personLists.holds} isFlush>
      {current.length === 0 && past.length === 0 && <p class="entries-empty quiet">{personLists.holdsNothing}</p>}
      <List entitlements={current} />
      {past.length > 0 && (
        <details class="past" open={current.length === 0}>
          <summary>{personLists.past(past.length)}</summary>
          <List entitlements={past.slice(0, PAST_SHOWN)} />
        </details>
      )}
    </Card>
  );
}

function List({ entitlements }: { entitlements: Entitlement[] }) {
  const { access, personLists } = useTexts();
  const format = useFormat();
  return (
    <ul class="entries">
      {entitlements.map((held) => {
        const { status, isGood, blocked } = standingOf(held);
        const details = [
          textFor(access.offerings, held.offering.kind),
          held.source.name,
          held.location?.name,
          held.company && personLists.through(held.company.name),
          held.__typename === "Registration" && held.asGuest && personLists.guest,
          (held.startsAt || held.endsAt) && format.span(held.startsAt, held.endsAt),
        ];
        return (
          <li key={held.id}>
            <div class="row apart">
              <h3>{held.offering.name}</h3>
              <Badge tone={blocked ? "bad" : isGood ? "good" : isPast(held) ? "neutral" : "warn"}>
                {blocked ? textFor(access.blocked, blocked) : textFor(access.status, status)}
              </Badge>
            </div>
            <p class="quiet small">{details.filter(Boolean).join(" · ")}</p>
          </li>
        );
      })}
    </ul>
  );
}
