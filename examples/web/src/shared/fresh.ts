// When a page asks again: after an event, when the answer it shows runs out, when the page is looked at again or is live
// again, and every minute, in case an event was missed.
import { useEffect, useRef } from "preact/hooks";
import { useLiveState } from "./live";

const EVERY_MS = 60_000;
/** An answer that ends at an instant has ended only after it. */
const AFTER_MS = 500;
/** Browsers take a longer timer for none. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The earliest of some instants that lies ahead. */
export function nextOf(instants: (string | null | undefined)[], now: number): number | null {
  const ahead = instants.flatMap((at) => (at ? [Date.parse(at)] : [])).filter((at) => at > now);
  return ahead.length > 0 ? Math.min(...ahead) : null;
}

/** Calls `refresh` whenever what is shown may have changed; `until` is when it certainly does. */
export function useFreshness(refresh: () => void, until: number | null) {
  const live = useLiveState();
  const latest = useRef(refresh);
  latest.current = refresh;
  const again = () => latest.current();

  useEffect(() => {
    const seen = () => document.visibilityState === "visible" && again();
    const timer = setInterval(again, EVERY_MS);
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, []);

  useEffect(() => {
    if (until === null) return;
    const timer = setTimeout(again, Math.min(until - Date.now() + AFTER_MS, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  }, [until]);

  const lastLive = useRef(live);
  useEffect(() => {
    // Back after a break: what happened meanwhile came to nobody.
    if (live === "live" && lastLive.current === "away") again();
    if (live !== "connecting") lastLive.current = live;
  }, [live]);
}

/** The last value that there was: what is shown stays while a new answer is on its way, or does not come. */
export function useLast<T>(value: T | undefined): T | undefined {
  const last = useRef(value);
  if (value !== undefined) last.current = value;
  return last.current;
}
