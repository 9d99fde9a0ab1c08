// Periods of access before and after a change: when somebody gains or loses it, and how many have it on each day. Pure.
import type { AccessChangePartsFragment } from "../../gql/graphql";

export type AccessChange = AccessChangePartsFragment;
type Span = AccessChange["before"][number];

const startOf = ({ from }: Span) => (from ? Date.parse(from) : Number.NEGATIVE_INFINITY);
const endOf = ({ until }: Span) => (until ? Date.parse(until) : Number.POSITIVE_INFINITY);
const holds = (spans: readonly Span[], at: number) => spans.some((span) => startOf(span) <= at && at < endOf(span));
const overlaps = (spans: readonly Span[], from: number, until: number) => spans.some((span) => startOf(span) < until && from < endOf(span));

/** The first time from `now` on at which `having` has access and `lacking` has none; null if there is no such time. */
export function firstDifference(having: readonly Span[], lacking: readonly Span[], now: number): number | null {
  const edges = [now, ...having.map(startOf), ...lacking.map(endOf)];
  const ahead = edges.filter((at) => at >= now && Number.isFinite(at)).sort((a, b) => a - b);
  return ahead.find((at) => holds(having, at) && !holds(lacking, at)) ?? null;
}

export interface Day {
  /** Its start. */
  at: number;
  before: number;
  after: number;
}

const DAY_MS = 24 * 3_600_000;

/** For each day from `now` on: how many of these people have access at some time of it. Each counts once. */
export function dailyCounts(changes: readonly AccessChange[], now: number, days: number): Day[] {
  return Array.from({ length: days }, (_, day) => {
    const at = now + day * DAY_MS;
    const count = (side: "before" | "after") =>
      new Set(changes.filter((change) => overlaps(change[side], at, at + DAY_MS)).map(({ member }) => member.id)).size;
    return { at, before: count("before"), after: count("after") };
  });
}

/** Gains and losses together, without those that are in both lists. */
export function distinctChanges(gains: readonly AccessChange[], losses: readonly AccessChange[], target: string | undefined): AccessChange[] {
  const byMember = new Map<string, AccessChange>();
  for (const change of [...gains, ...losses]) {
    if (!target || change.target.id === target) byMember.set(change.member.id, change);
  }
  return [...byMember.values()];
}

/** How many of them have access now, without the change. */
export const haveNow = (changes: readonly AccessChange[], now: number) => changes.filter(({ before }) => holds(before, now)).length;
