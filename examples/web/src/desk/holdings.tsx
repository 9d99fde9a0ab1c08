// What a person holds by the platforms' word: memberships, bookings, purchases.
import type { PersonQuery } from "../gql/graphql";
import { spanWords } from "../shared/times";

type Entitlement = NonNullable<PersonQuery["member"]>["entitlements"][number];

/** How it stands, in words, and whether that is as it should be. */
function standing(held: Entitlement): { words: string; good: boolean } {
  switch (held.__typename) {
    case "Membership": {
      const status = held.membershipStatus;
      const blocked = held.blocked ? `, blocked: ${held.blocked.reason}` : "";
      return { words: status + blocked, good: status === "ACTIVE" && !held.blocked };
    }
    case "Registration": {
      const status = held.registrationStatus;
      return { words: held.asGuest ? `${status}, as a guest` : status, good: status === "CONFIRMED" };
    }
    case "Purchase":
      return { words: held.purchaseStatus, good: held.purchaseStatus === "PAID" };
  }
}

export function Holdings({ entitlements, zone }: { entitlements: Entitlement[]; zone: string }) {
  return (
    <>
      <h3>Holds</h3>
      {entitlements.length === 0 && <p class="quiet">Nothing.</p>}
      <ul class="holdings">
        {entitlements.map((held) => {
          const { words, good } = standing(held);
          return (
            <li key={held.id}>
              <strong>{held.offering.name}</strong>{" "}
              <span class={good ? "mark good" : "mark bad"}>{words.toLowerCase().replaceAll("_", " ")}</span>
              <div class="quiet">
                {held.source.name}
                {held.company && ` · through ${held.company.name}`}
                {(held.startsAt || held.endsAt) && ` · ${spanWords(held.startsAt ?? null, held.endsAt ?? null, zone)}`}
              </div>
            </li>
          );
        })}
      </ul>
    </>
  );
}
