import type { DeliveryStatus } from "../../gql/graphql";
import { Badge, type Tone } from "../../parts/badge";
import { textFor, useTexts } from "../../texts";

const TONES: Partial<Record<string, Tone>> = { ACCEPTED: "info", SETTLED: "good", HELD: "warn", IGNORED: "neutral", FAILED: "bad" };

/** A dismissed delivery is still failed, but needs nobody. */
export function StatusBadge({ status, isDismissed = false }: { status: DeliveryStatus; isDismissed?: boolean }) {
  const { sources, deliveries } = useTexts();
  const text = textFor(sources.statuses, status);
  return (
    <Badge tone={isDismissed ? "neutral" : (TONES[status] ?? "neutral")}>{isDismissed ? `${text}, ${deliveries.dismissed.toLowerCase()}` : text}</Badge>
  );
}
