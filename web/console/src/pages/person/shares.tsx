// Access that staff gave by hand: the list, and the end of a share.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { PersonQuery } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Confirm } from "../../parts/dialog";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { EndShare } from "./mutations";

type Member = NonNullable<PersonQuery["member"]>;
type Share = Member["shares"][number];

const DAY_MS = 86_400_000;

/** The front desk may end a share of at most 24 hours. */
function mayEnd({ from, until, createdAt }: Share, role: string): boolean {
  if (role !== "DESK") return true;
  return until != null && Date.parse(until) - Date.parse(from ?? createdAt) <= DAY_MS;
}

export function Shares({ member, onShare, refetch }: { member: Member; onShare: () => void; refetch: () => Promise<void> }) {
  const { personLists, common } = useTexts();
  const { may, role } = useViewer();
  const format = useFormat();
  const [ending, setEnding] = useState<Share | null>(null);
  return (
    <Card
      title={personLists.shares}
      isFlush
      actions={
        may("shareAccess") && (
          <Button size="small" icon="add" onClick={onShare}>
            {personLists.share}
          </Button>
        )
      }
    >
      {member.shares.length === 0 && <p class="entries-empty quiet">{personLists.sharesNone}</p>}
      <ul class="entries">
        {member.shares.map((share) => (
          <li key={share.id} class="share">
            <div class="row apart">
              <h3>{share.scope.name.trim()}</h3>
              {may("endShare") && mayEnd(share, role) && (
                <Button size="small" aria-label={personLists.endShareLabel(share.scope.name.trim())} onClick={() => setEnding(share)}>
                  {personLists.endShare}
                </Button>
              )}
            </div>
            <p class="quiet small">
              {[format.span(share.from, share.until), personLists.created(format.time(share.createdAt)), share.notify && personLists.notified]
                .filter(Boolean)
                .join(" · ")}
            </p>
            {share.note && <p class="small">{share.note}</p>}
          </li>
        ))}
      </ul>
      {ending && <End share={ending} name={member.name} refetch={refetch} onClose={() => setEnding(null)} />}
      <span class="unseen">{common.total(member.shares.length)}</span>
    </Card>
  );
}

function End({ share, name, refetch, onClose }: { share: Share; name: string; refetch: () => Promise<void>; onClose: () => void }) {
  const { personLists } = useTexts();
  const toast = useToast();
  const end = useMutationWithErrors(EndShare);
  const confirm = async () => {
    if (!(await end.run({ share: share.id }))) return;
    toast(personLists.ended);
    onClose();
    await refetch();
  };
  return (
    <Confirm isOpen title={personLists.endTitle} confirm={personLists.endConfirm} isDanger isBusy={end.isBusy} onConfirm={confirm} onCancel={onClose}>
      <p>{personLists.endBody(name, share.scope.name.trim())}</p>
      <ErrorSummary of={end} />
    </Confirm>
  );
}
