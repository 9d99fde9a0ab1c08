// Dates and times as people type them, in the club's time zone, and instants as the API takes them. Pure.

/** How far the clocks of a zone are ahead of UTC at an instant. */
function offsetMs(at: number, timeZone: string): number {
  const form = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const part = Object.fromEntries(form.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** "2026-03-01" or "2026-03-01T18:00" on the club's clocks as an instant; null for anything else. */
export function instantOf(local: string, timeZone: string): string | null {
  const asUtc = Date.parse(`${local.length === 10 ? `${local}T00:00` : local}Z`);
  if (Number.isNaN(asUtc)) return null;
  const first = asUtc - offsetMs(asUtc, timeZone);
  // Near a change of the clocks, the offset of the first guess may be the wrong one.
  return new Date(asUtc - offsetMs(first, timeZone)).toISOString();
}

/** An instant on the club's clocks, to the minute, for a field of the type datetime-local. */
export const localOf = (at: number, timeZone: string) => new Date(at + offsetMs(at, timeZone)).toISOString().slice(0, 16);

/** Midnight of the day of an instant, or of so many days after it. */
export function startOfDay(at: number, timeZone: string, daysLater = 0): number {
  const day = new Date(`${localOf(at, timeZone).slice(0, 10)}T00:00Z`);
  day.setUTCDate(day.getUTCDate() + daysLater);
  return Date.parse(instantOf(day.toISOString().slice(0, 10), timeZone) ?? "");
}

/** The day after "2026-03-01". */
export function dayAfter(date: string): string {
  const next = new Date(`${date}T00:00Z`);
  if (Number.isNaN(next.getTime())) return date;
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}
