// How long an attempt took, in milliseconds where that is short. Pure.

/** "PT0.042S" as "42 ms". */
export function tookText(duration: string, locale: string): string {
  const [, hours = "0", minutes = "0", seconds = "0"] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(duration) ?? [];
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  const [value, unit] = total < 1 ? [Math.round(total * 1000), "millisecond"] : [Math.round(total * 10) / 10, "second"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }).format(value);
}
