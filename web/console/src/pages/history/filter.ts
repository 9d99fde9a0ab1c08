// The filters of the history in the address, and as the API takes them. Pure.
import type { AccessEventKind, HistoryFilter } from "../../gql/graphql";
import { dayAfter, instantOf } from "../../parts/zone";

export const KINDS = {
  access: ["GRANTED", "ADOPTED", "CHANGED", "REVOKED", "HELD", "REFUSED_BY_KISI", "DRIFT_FOUND"],
  doors: ["UNLOCKED", "UNLOCK_DENIED"],
  manual: ["SHARED", "SHARE_ENDED", "SUSPENDED", "RESUMED"],
  setup: ["RULE_CHANGED", "REVOCATIONS_DECIDED", "CLUB_CHANGED", "KISI_CHANGED", "SOURCE_CHANGED", "TOKEN_CHANGED", "WEBHOOKS_CHANGED"],
} as const satisfies Record<string, AccessEventKind[]>;

const ALL: readonly string[] = Object.values(KINDS).flat();

type Get = (key: string) => string;

export const kindsOf = (get: Get) => get("kinds").split(",").filter((kind) => ALL.includes(kind)) as AccessEventKind[];

/** The days of the filters as instants, in the club's time zone. */
export function periodOf(get: Get, timeZone: string): { from?: string; until?: string } {
  const from = get("from");
  const until = get("until");
  return {
    from: (from && instantOf(from, timeZone)) || undefined,
    until: (until && instantOf(dayAfter(until), timeZone)) || undefined,
  };
}

export function filterOf(get: Get, timeZone: string): HistoryFilter {
  const kinds = kindsOf(get);
  return {
    member: get("member") || undefined,
    target: get("target") || undefined,
    rule: get("rule") || undefined,
    actor: get("actor") || undefined,
    kinds: kinds.length > 0 ? kinds : undefined,
    ...periodOf(get, timeZone),
  };
}
