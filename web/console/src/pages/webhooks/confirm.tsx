// The questions before an endpoint is removed, or its failed messages are sent again.
import { useMutationWithErrors } from "../../api/use-mutation";
import { Confirm } from "../../parts/dialog";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useTexts } from "../../texts";
import type { EndpointProps } from "./endpoint";
import { RemoveEndpoint, ReplayMessages } from "./operations";

export interface DialogProps extends EndpointProps {
  close: () => void;
}

export function RemoveDialog({ endpoint: { id, name }, changed, close }: DialogProps) {
  const { webhooks } = useTexts();
  const toast = useToast();
  const remove = useMutationWithErrors(RemoveEndpoint);
  const confirm = async () => {
    if (!(await remove.run({ endpoint: id }))) return;
    toast(webhooks.removed(name));
    close();
    changed();
  };
  return (
    <Confirm isOpen title={webhooks.removeTitle(name)} confirm={webhooks.remove} isDanger isBusy={remove.isBusy} onConfirm={confirm} onCancel={close}>
      <p>{webhooks.removeText}</p>
      <ErrorSummary of={remove} />
    </Confirm>
  );
}

export function ReplayFailedDialog({ endpoint: { id, name }, changed, close }: DialogProps) {
  const { webhooks } = useTexts();
  const toast = useToast();
  const replay = useMutationWithErrors(ReplayMessages);
  const confirm = async () => {
    const payload = await replay.run({ input: { endpoint: id } });
    if (!payload) return;
    toast(webhooks.replayed(payload.replayed ?? 0));
    close();
    changed();
  };
  return (
    <Confirm isOpen title={webhooks.replayFailedTitle(name)} confirm={webhooks.replay} isBusy={replay.isBusy} onConfirm={confirm} onCancel={close}>
      <p>{webhooks.replayFailedText}</p>
      <ErrorSummary of={replay} />
    </Confirm>
  );
}
