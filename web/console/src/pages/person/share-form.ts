// The values of the form that shares access: from when, until when, and whether the role's limit is kept. Pure.
import type { ShareAccessInput } from "../../gql/graphql";
import { instantOf } from "../../parts/zone";

export interface ShareValues {
  scope: string;
  from: string;
  length: string;
  until: string;
  note: string;
  notify: boolean;
}

const HOUR_MS = 3_600_000;
const LENGTHS_MS: Record<string, number> = {
  PT1H: HOUR_MS,
  PT4H: 4 * HOUR_MS,
  PT12H: 12 * HOUR_MS,
  PT24H: 24 * HOUR_MS,
  P7D: 7 * 24 * HOUR_MS,
};

/** The lengths that a role may choose. */
export const lengthsFor = (role: string) =>
  role === "DESK" ? ["PT1H", "PT4H", "PT12H", "PT24H", "custom"] : ["PT1H", "PT4H", "PT12H", "PT24H", "P7D", "custom", "open"];

export function shareInput(member: string, values: ShareValues, timeZone: string, now: number): ShareAccessInput {
  const length = LENGTHS_MS[values.length];
  // With a length, both ends are those of this clock: a clock that is ahead would make a full day longer than the limit.
  const from = instantOf(values.from, timeZone) ?? (length === undefined ? null : new Date(now).toISOString());
  const end = length === undefined || from === null ? null : new Date(Date.parse(from) + length).toISOString();
  return {
    who: { member },
    scope: values.scope,
    from,
    until: values.length === "custom" ? instantOf(values.until, timeZone) : end,
    notify: values.notify,
    note: values.note.trim() || null,
  };
}
