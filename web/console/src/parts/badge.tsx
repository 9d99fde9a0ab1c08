import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon";

export type Tone = "good" | "warn" | "bad" | "info" | "neutral";

/** A state as text with an icon: colour alone says nothing to many. */
export function Badge({ tone, icon, children }: { tone: Tone; icon?: IconName; children: ComponentChildren }) {
  return (
    <span class="badge" data-tone={tone}>
      <Icon name={icon ?? tone} size={14} />
      {children}
    </span>
  );
}
