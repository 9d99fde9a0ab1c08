// Entries of the history with a choice of their kind: for a person, and for a door or group.
import type { ComponentChildren } from "preact";
import type { AccessEventKind } from "../../gql/graphql";
import { Badge, type Tone } from "../../parts/badge";
import { Choice } from "../../parts/filters";
import { EmptyState, ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { Time } from "../../texts/format";

export const EVENT_GROUPS: Record<string, AccessEventKind[]> = {
  access: ["GRANTED", "ADOPTED", "CHANGED", "REVOKED", "HELD", "REVOCATIONS_DECIDED"],
  unlocks: ["UNLOCKED", "UNLOCK_DENIED"],
  staff: ["SHARED", "SHARE_ENDED", "SUSPENDED", "RESUMED"],
  problems: ["REFUSED_BY_KISI", "DRIFT_FOUND", "UNLOCK_DENIED", "HELD"],
};

const TONES: Partial<Record<AccessEventKind, Tone>> = {
  GRANTED: "good",
  UNLOCKED: "good",
  RESUMED: "good",
  UNLOCK_DENIED: "bad",
  SUSPENDED: "bad",
  REFUSED_BY_KISI: "bad",
  HELD: "warn",
  DRIFT_FOUND: "warn",
};

export interface AccessEntry {
  id: string;
  at: string;
  kind: AccessEventKind;
  message: string;
  cause: string;
  actor?: string | null;
}

export function EventKinds({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const { access } = useTexts();
  const { all, ...groups } = access.eventGroups;
  const options = Object.entries(groups).map(([key, label]) => ({ value: key, label }));
  return <Choice label={access.eventKind} value={value} onValue={onValue} options={[{ value: "", label: all }, ...options]} />;
}

interface Props<Entry> {
  events: Entry[];
  /** Shown before the cause: the member, for a door. */
  about?: (event: Entry) => ComponentChildren;
}

export function Events<Entry extends AccessEntry>({ events, about }: Props<Entry>) {
  const { access } = useTexts();
  if (events.length === 0) {
    return (
      <EmptyState title={access.noEvents} icon="history">
        <p class="quiet">{access.noEventsDetail}</p>
      </EmptyState>
    );
  }
  return (
    <ol class="entries">
      {events.map((event) => (
        <li key={event.id}>
          <p class="row apart">
            <span class="row">
              <Badge tone={TONES[event.kind] ?? "neutral"}>{textFor(access.events, event.kind)}</Badge>
              {about?.(event)}
            </span>
            <span class="quiet small">
              <Time at={event.at} />
            </span>
          </p>
          <p>
            <ServerText>{event.message}</ServerText>
          </p>
          <p class="quiet small">
            <ServerText>{event.cause}</ServerText>
            {event.actor && `, ${access.by(event.actor)}`}
          </p>
        </li>
      ))}
    </ol>
  );
}
