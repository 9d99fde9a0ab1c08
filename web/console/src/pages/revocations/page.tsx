// The revocations that the brake holds, by cause: what happened, who would lose what, and the decision.
import { useLive } from "../../api/use-live";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, Loaded, Notice } from "../../parts/states";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { BrakeCard } from "./brake";
import { CauseCard } from "./cause";
import { HeldCauses } from "./operations";
import "./revocations.css";

export function Page() {
  const { revocations } = useTexts();
  const { may } = useViewer();
  const result = useLive(HeldCauses, {});
  const canDecide = may("approveRevocations");
  return (
    <>
      <PageHeader title={revocations.title} lead={revocations.lead} query={{ document: HeldCauses }} />
      <Loaded result={result}>
        {({ heldRevocationCauses: causes, club }) => (
          <div class="stack">
            {!canDecide && causes.length > 0 && <Notice tone="info" title={revocations.readOnly} />}
            {causes.length === 0 && (
              <EmptyState title={revocations.none} icon="good">
                <p class="quiet">{revocations.noneDetail}</p>
              </EmptyState>
            )}
            {causes.map((cause) => (
              <CauseCard key={cause.id} cause={cause} brake={club.brake} canDecide={canDecide} decided={result.refetch} />
            ))}
            <BrakeCard brake={club.brake} saved={result.refetch} />
          </div>
        )}
      </Loaded>
    </>
  );
}
