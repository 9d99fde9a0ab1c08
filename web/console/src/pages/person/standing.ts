// How an entitlement stands: its status, and whether it is as it should be. Pure.
import type { BlockReason, MembershipStatus, PurchaseStatus, RegistrationStatus } from "../../gql/graphql";

export type Held = { id: string; offering: { id: string; name: string } } & (
  | { __typename: "Membership"; membershipStatus: MembershipStatus; blocked?: { reason: BlockReason } | null }
  | { __typename: "Registration"; registrationStatus: RegistrationStatus }
  | { __typename: "Purchase"; purchaseStatus: PurchaseStatus }
);

export interface Standing {
  status: string;
  isGood: boolean;
  blocked?: BlockReason;
}

export function standingOf(held: Held): Standing {
  switch (held.__typename) {
    case "Membership":
      return {
        status: held.membershipStatus,
        isGood: (held.membershipStatus === "ACTIVE" || held.membershipStatus === "SCHEDULED") && !held.blocked,
        blocked: held.blocked?.reason,
      };
    case "Registration":
      return { status: held.registrationStatus, isGood: held.registrationStatus === "CONFIRMED" };
    case "Purchase":
      return { status: held.purchaseStatus, isGood: held.purchaseStatus === "PAID" };
  }
}
