// Instants in words, as the club's clocks show them: doors stand where the club is.

const MINUTE_MS = 60_000;

function dayOf(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(at);
}

/** "18:00" today, "Tue 18:00" within a week, else with the date. */
export function clockTime(instant: string, timeZone: string, now = Date.now(), locale = "en-GB"): string {
  const at = Date.parse(instant);
  const time: Intl.DateTimeFormatOptions = { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const away = Math.abs(at - now) / MINUTE_MS;
  const form: Intl.DateTimeFormatOptions =
    dayOf(at, timeZone) === dayOf(now, timeZone)
      ? time
      : away < 6 * 24 * 60
        ? { ...time, weekday: "short" }
        : { ...time, day: "numeric", month: "short", year: away > 300 * 24 * 60 ? "numeric" : undefined };
  return new Intl.DateTimeFormat(locale, form).format(at);
}

/** A span in words: "until 18:00", "from Tue 09:00", "always". */
export function spanWords(from: string | null, until: string | null, timeZone: string): string {
  if (!from && !until) return "always";
  if (!from) return `until ${clockTime(until ?? "", timeZone)}`;
  if (!until) return `from ${clockTime(from, timeZone)}`;
  return `${clockTime(from, timeZone)} to ${clockTime(until, timeZone)}`;
}
