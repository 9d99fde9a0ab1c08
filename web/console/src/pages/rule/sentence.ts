// A rule in words, in the language of the console: of rules, of drafts and of former versions. Pure.
import type { Texts } from "../../texts";
import { textFor } from "../../texts";
import type { Format } from "../../texts/format";
import type { Condition, ConditionOf, Draft, Named } from "./draft";

export interface Words {
  texts: Texts["rule"]["sentence"];
  format: Format;
}

const DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"] as const;
export type Weekday = (typeof DAYS)[number];
export const WEEKDAYS: readonly Weekday[] = DAYS;

/** A weekday's name: 5 January 2026 was a Monday. */
export function dayName(day: Weekday, locale: string, weekday: "short" | "long"): string {
  const at = Date.UTC(2026, 0, 5 + DAYS.indexOf(day));
  return new Intl.DateTimeFormat(locale, { weekday, timeZone: "UTC" }).format(at);
}

/** "Mon–Fri", or "Mon, Wed and Sat". */
export function dayNames(days: readonly Weekday[], { texts, format }: Words): string {
  const at = DAYS.flatMap((day, index) => (days.includes(day) ? [index] : []));
  const short = at.flatMap((index) => dayName(DAYS[index] ?? "MONDAY", format.locale, "short"));
  if (at.length === 7) return texts.daily;
  const isRow = at.length > 2 && at.every((index, position) => index === (at[0] ?? 0) + position);
  return isRow ? `${short[0]}–${short.at(-1)}` : format.list(short);
}

function either(named: readonly (Named | string)[], { texts }: Words): string {
  const names = named.map((one) => texts.quoted(typeof one === "string" ? one : one.name));
  return names.length < 2 ? names.join("") : texts.or(names.slice(0, -1).join(", "), names.at(-1) ?? "");
}

function membership({ offerings, locations, whenBlocked, grace }: ConditionOf<"MembershipCondition">, words: Words): string {
  const { texts, format } = words;
  const blocked = { DENY: "", ALLOW: texts.alsoBlocked, GRACE: texts.grace(grace ? format.duration(grace) : "…") }[whenBlocked] ?? "";
  return texts.membership(either(offerings, words), locations.length ? texts.at(either(locations, words)) : "") + blocked;
}

/** PT0S, P0D and the like. */
const isZero = (duration: string) => !/[1-9]/.test(duration);

function registration(condition: ConditionOf<"RegistrationCondition">, words: Words): string {
  const { texts, format } = words;
  const { offerings, kinds, locations, opensBefore, closesAfter, span, guests } = condition;
  const kindNames = kinds.map((kind) => textFor(texts.booked, kind));
  const what = offerings.length ? either(offerings, words) : kindNames.length ? kindNames.join(" / ") : texts.anything;
  const from = isZero(opensBefore) ? texts.fromStart : texts.before(format.duration(opensBefore));
  const to = isZero(closesAfter) ? texts.toEnd : texts.after(format.duration(closesAfter));
  const margins = (span === "DAY" ? texts.wholeDays : texts.margins)(from, to);
  return texts.registration(what, locations.length ? texts.at(either(locations, words)) : "", guests) + margins;
}

function schedule({ days, from, until, timeZone, startDate, endDate }: ConditionOf<"ScheduleCondition">, words: Words): string {
  const { texts, format } = words;
  const date = (day: string) => new Intl.DateTimeFormat(format.locale, { dateStyle: "medium", timeZone: "UTC" }).format(Date.parse(day));
  const zone = timeZone && timeZone !== format.timeZone ? ` (${timeZone})` : "";
  const start = startDate ? texts.startDate(date(startDate)) : "";
  const end = endDate ? texts.endDate(date(endDate)) : "";
  return texts.schedule(days.length ? dayNames(days, words) : "…", from, until) + zone + start + end;
}

/** One condition: "hold “Full membership”". */
export function clause(condition: Condition, words: Words): string {
  switch (condition.__typename) {
    case "MembershipCondition":
      return membership(condition, words);
    case "RegistrationCondition":
      return registration(condition, words);
    case "PurchaseCondition":
      return words.texts.purchase(
        condition.offerings.length ? either(condition.offerings, words) : "…",
        condition.locations.length ? words.texts.at(either(condition.locations, words)) : "",
      );
    case "TagCondition":
      return words.texts.tag(condition.tags.length ? either(condition.tags, words) : "…");
    case "ScheduleCondition":
      return schedule(condition, words);
  }
}

/** The whole rule as one sentence. Schedules come last. */
export function sentence({ target, conditions }: Pick<Draft, "target" | "conditions">, words: Words): string {
  const { texts } = words;
  const place = texts.target(target ? texts.quoted(target.name) : "…");
  if (conditions.length === 0) return texts.noConditions(place);
  const isTime = (condition: Condition) => condition.__typename === "ScheduleCondition";
  const who = conditions.filter((condition) => !isTime(condition)).map((condition) => clause(condition, words));
  const when = conditions.filter(isTime).map((condition) => clause(condition, words));
  return texts.whole(place, who.join(texts.and), when.join(texts.andAlso));
}
