// Small things that both pages show.
import type { ComponentChildren } from "preact";
import { useLiveState } from "./live";
import { clockTime } from "./times";

/** Whether the page hears of changes as they happen. */
export function LiveMark() {
  const live = useLiveState();
  const words = { connecting: "Connecting…", live: "Live", away: "Reconnecting…" }[live];
  return (
    <span class="live" data-state={live} role="status">
      {words}
    </span>
  );
}

export function Fault({ children }: { children: ComponentChildren }) {
  return (
    <p class="fault" role="alert">
      {children}
    </p>
  );
}

/** An instant in words, exact for machines and on hover. */
export function Time({ at, zone }: { at: string; zone: string }) {
  return (
    <time dateTime={at} title={at}>
      {clockTime(at, zone)}
    </time>
  );
}

/** Kinds of events by which somebody gains access, or loses it; others do neither. */
const GAINS = ["GRANTED", "ADOPTED", "SHARED", "RESUMED", "UNLOCKED"];
const LOSSES = ["REVOKED", "SHARE_ENDED", "SUSPENDED", "UNLOCK_DENIED", "REFUSED_BY_KISI"];

/** What happened last, coloured by whether it is a gain or a loss. */
export function News({ kind, children }: { kind: string | undefined; children: ComponentChildren }) {
  const effect = GAINS.includes(kind ?? "") ? "gain" : LOSSES.includes(kind ?? "") ? "loss" : "neither";
  return (
    <p class="news" role="status" data-effect={effect}>
      {children}
    </p>
  );
}
