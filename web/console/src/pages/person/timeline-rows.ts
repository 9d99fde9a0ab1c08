// The bars of the timeline: where they stand in the period, in percent. Pure.
import type { PersonTimelineQuery } from "../../gql/graphql";
import { startOfDay } from "../../parts/zone";

export type Row = NonNullable<PersonTimelineQuery["member"]>["timeline"][number];
export type Segment = Row["segments"][number];

export interface Period {
  from: number;
  until: number;
  days: number;
}

export const keyOf = ({ target }: Row, { from }: Segment) => target.id + from;

const HOUR_MS = 3_600_000;

/** The period of so many days that begins so many days after today. */
export function periodOf(now: number, timeZone: string, days: number, daysLater: number): Period {
  return { days, from: startOfDay(now, timeZone, daysLater), until: startOfDay(now, timeZone, daysLater + days) };
}

export const percentOf = (at: number, { from, until }: Period) => ((Math.min(Math.max(at, from), until) - from) / (until - from)) * 100;

/** The lines of the scale: each six hours of a day, each day of a week, each week of a month. */
export function ticksOf({ from, until, days }: Period, timeZone: string): number[] {
  if (days === 1) return [0, 6, 12, 18].map((hours) => from + hours * HOUR_MS);
  const step = days > 7 ? 7 : 1;
  const ticks: number[] = [];
  for (let day = 0; day < days; day += step) ticks.push(startOfDay(from, timeZone, day));
  return ticks.filter((tick) => tick < until);
}

/** The ends of a segment that lie within the period; null for an end that may lie outside of it. */
export function endsOf({ from, until }: Segment, period: Period): { from: string | null; until: string | null } {
  return {
    from: Date.parse(from) > period.from ? from : null,
    until: Date.parse(until) < period.until ? until : null,
  };
}
