// The filters of the list, as they stand in the page's address, and as the API takes them. Pure.
import type { MemberFilter, MemberOrder } from "../../gql/graphql";

export const FILTERS = ["target", "allowed", "plan", "company", "suspended", "problem", "changed"] as const;

export type FilterKey = (typeof FILTERS)[number] | "search" | "order";
export type Get = (key: FilterKey) => string;

const SINCE_MS: Record<string, number> = { PT1H: 3_600_000, P1D: 86_400_000, P7D: 7 * 86_400_000, P30D: 30 * 86_400_000 };
const ORDERS: Record<string, MemberOrder> = { NEWEST_FIRST: "NEWEST_FIRST", OLDEST_FIRST: "OLDEST_FIRST" };

const yesNo = (value: string) => (value === "" ? undefined : value === "yes");

/** `now` is to the minute, so that the same filter is the same query for a while. */
export function memberFilter(get: Get, now: number): MemberFilter {
  const target = get("target");
  const since = SINCE_MS[get("changed")];
  return {
    search: get("search") || undefined,
    target: target || undefined,
    allowed: target && get("allowed") === "no" ? false : undefined,
    offering: get("plan") || undefined,
    company: get("company") || undefined,
    suspended: yesNo(get("suspended")),
    hasProblem: yesNo(get("problem")),
    changedSince: since === undefined ? undefined : new Date(now - since).toISOString(),
  };
}

export const memberOrder = (get: Get): MemberOrder => ORDERS[get("order")] ?? "NAME";

export const activeCount = (get: Get) => FILTERS.filter((key) => key !== "allowed" && get(key) !== "").length;
