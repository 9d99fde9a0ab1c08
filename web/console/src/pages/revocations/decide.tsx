// The question before a decision: what will happen, and to whom.
import { useMutationWithErrors } from "../../api/use-mutation";
import { Confirm } from "../../parts/dialog";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useTexts } from "../../texts";
import type { Cause, Held } from "./cause";
import { ApproveHeld, DismissHeld } from "./operations";

export interface Decision {
  verb: "approve" | "dismiss";
  /** Those that the question names; with `isAll`, there may be more. */
  held: Held[];
  count: number;
  /** All of the cause, or the chosen ones. */
  isAll: boolean;
}

interface Props {
  cause: Cause;
  decision: Decision;
  close: () => void;
  done: () => void;
}

const NAMED = 20;

export function Decide({ cause, decision: { verb, held, count, isAll }, close, done }: Props) {
  const { revocations } = useTexts();
  const toast = useToast();
  const approve = useMutationWithErrors(ApproveHeld);
  const dismiss = useMutationWithErrors(DismissHeld);
  const isApproval = verb === "approve";
  const mutation = isApproval ? approve : dismiss;
  const named = held.slice(0, NAMED);
  const confirm = async () => {
    // An empty list beside causes decides nothing else.
    const variables = isAll ? { held: [], causes: [cause.id] } : { held: held.map(({ id }) => id) };
    const payload = await (isApproval ? approve.run(variables) : dismiss.run(variables));
    if (!payload) return;
    toast("approved" in payload ? revocations.approved(payload.approved) : revocations.dismissed(payload.dismissed));
    done();
  };
  return (
    <Confirm
      isOpen
      title={isApproval ? revocations.approveTitle(count) : revocations.dismissTitle(count)}
      confirm={isApproval ? revocations.approve : revocations.dismiss}
      isDanger={isApproval}
      isBusy={mutation.isBusy}
      onConfirm={confirm}
      onCancel={close}
    >
      <p>{isApproval ? revocations.approveText : revocations.dismissText}</p>
      {isApproval && cause.outageSuspected && <Notice tone="warn" title={revocations.outage} />}
      <div class="stack tight">
        <h3>{revocations.concerned}</h3>
        <ul class="held-list" tabIndex={0} aria-label={revocations.concerned}>
          {named.map(({ id, member, target }) => (
            <li key={id}>
              {member.name}: {"name" in target ? target.name : ""}
            </li>
          ))}
        </ul>
        {count > named.length && <p class="quiet">{revocations.andMore(count - named.length)}</p>}
      </div>
      <ErrorSummary of={mutation} />
    </Confirm>
  );
}
