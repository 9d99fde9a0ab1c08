// Dates, numbers and durations in the chosen language and the club's time zone: doors stand where the club is.
import { clockTime } from "@shared/times";
import { useMemo } from "preact/hooks";
import { useViewer } from "../session/viewer";
import { LOCALES, useLanguage, useTexts } from "./index";

const UNITS = { W: "week", D: "day", H: "hour", M: "minute", S: "second" } as const;
/** As an end, the year 9999 means no end; as a start, the year 1 means no start. */
const isOpen = (at: string | null | undefined) => !at || at.startsWith("9999") || at.startsWith("0001");

export type Format = ReturnType<typeof useFormat>;

export function useFormat() {
  const { timeZone } = useViewer().club;
  const { language } = useLanguage();
  const { common } = useTexts();
  return useMemo(() => {
    const locale = LOCALES[language];
    const numbers = new Intl.NumberFormat(locale);
    const dates = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: "medium" });
    const full = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: "full", timeStyle: "long" });
    const lists = new Intl.ListFormat(locale, { type: "conjunction" });
    const clock = (at: string) => clockTime(at, timeZone, Date.now(), locale);
    return {
      locale,
      timeZone,
      number: (value: number) => numbers.format(value),
      /** "18:00" today, "Tue 18:00" within a week, else with the date. */
      time: clock,
      date: (at: string) => dates.format(new Date(at)),
      /** With weekday, seconds and time zone. */
      exact: (at: string) => full.format(new Date(at)),
      list: (items: string[]) => lists.format(items),
      duration: (iso: string) => durationText(iso, locale),
      /** "from Tue 09:00", "until 18:00", "always". */
      span: (from: string | null | undefined, until: string | null | undefined) => {
        if (isOpen(from)) return isOpen(until) ? common.always : common.until(clock(until as string));
        if (isOpen(until)) return common.from(clock(from as string));
        return common.fromUntil(clock(from as string), clock(until as string));
      },
    };
  }, [timeZone, language]);
}

/** "PT1H30M" as "1 hour, 30 minutes". */
function durationText(iso: string, locale: string): string {
  const [days = "", times = ""] = iso.replace("P", "").split("T");
  const parts = [...days.matchAll(/([\d.]+)([WD])/g), ...times.matchAll(/([\d.]+)([HMS])/g)];
  const words = parts.map(([, value, unit]) =>
    new Intl.NumberFormat(locale, { style: "unit", unit: UNITS[unit as keyof typeof UNITS], unitDisplay: "long" }).format(Number(value)),
  );
  return new Intl.ListFormat(locale, { type: "unit" }).format(words) || iso;
}

/** An instant, exact for machines and on hover. */
export function Time({ at }: { at: string }) {
  const format = useFormat();
  return (
    <time dateTime={at} title={format.exact(at)}>
      {format.time(at)}
    </time>
  );
}
