// Entries of the history as a list.
import { PageLink } from "..";
import type { AccessEventKind } from "../../gql/graphql";
import { Badge, type Tone } from "../../parts/badge";
import { ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { Time } from "../../texts/format";

export interface ListedEvent {
  id: string;
  at: string;
  kind: AccessEventKind;
  message: string;
  cause: string;
  actor?: string | null;
  member?: { id: string; name: string } | null;
  delivery?: { id: string } | null;
  rule?: { id: string; name: string } | null;
}

const TONES: Partial<Record<string, Tone>> = {
  GRANTED: "good",
  ADOPTED: "good",
  SHARED: "good",
  RESUMED: "good",
  UNLOCKED: "good",
  REVOKED: "warn",
  HELD: "warn",
  SHARE_ENDED: "warn",
  SUSPENDED: "warn",
  UNLOCK_DENIED: "bad",
  REFUSED_BY_KISI: "bad",
  DRIFT_FOUND: "warn",
};

export function EventList({ events }: { events: readonly ListedEvent[] }) {
  return (
    <ol class="rows">
      {events.map((event) => (
        <li key={event.id}>
          <Event event={event} />
        </li>
      ))}
    </ol>
  );
}

function Event({ event: { at, kind, message, cause, actor, member, delivery, rule } }: { event: ListedEvent }) {
  const { history } = useTexts();
  return (
    <>
      <div class="row apart">
        <span class="row">
          <Badge tone={TONES[kind] ?? "neutral"}>{textFor(history.kinds, kind)}</Badge>
          {member && (
            <PageLink to={`/people/${member.id}`} otherwise={member.name}>
              {member.name}
            </PageLink>
          )}
        </span>
        <span class="quiet small">
          <Time at={at} />
        </span>
      </div>
      <p>
        <ServerText>{message}</ServerText>
      </p>
      <p class="quiet small row">
        <ServerText>{cause}</ServerText>
        {actor && <span>{history.by(actor)}</span>}
        {delivery && <PageLink to={`/deliveries/${delivery.id}`}>{history.delivery}</PageLink>}
        {rule && <PageLink to={`/rules/${rule.id}`}>{history.ruleLink(rule.name)}</PageLink>}
      </p>
    </>
  );
}
