// Replays or dismisses a delivery.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Confirm, Dialog } from "../../parts/dialog";
import { TextArea } from "../../parts/field";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { Dismiss, Replay } from "./operations";
import type { Delivery } from "./page";

interface Props {
  delivery: Delivery;
  changed: () => unknown;
}

interface DialogProps {
  id: string;
  close: () => void;
  changed: () => unknown;
}

export function DeliveryActions({ delivery: { id, status, dismissedAt, bodyRemoved }, changed }: Props) {
  const { delivery: texts } = useTexts();
  const { may } = useViewer();
  const [open, setOpen] = useState<"replay" | "dismiss">();
  const close = () => setOpen(undefined);
  const canDismiss = may("dismissDeliveries") && status === "FAILED" && !dismissedAt;
  const canReplay = may("replayDelivery") && !bodyRemoved;
  return (
    <>
      {canDismiss && <Button onClick={() => setOpen("dismiss")}>{texts.dismiss}</Button>}
      {canReplay && (
        <Button variant={status === "FAILED" ? "primary" : undefined} onClick={() => setOpen("replay")}>
          {texts.replay}
        </Button>
      )}
      {open === "replay" && <ReplayDialog id={id} close={close} changed={changed} />}
      {open === "dismiss" && <DismissDialog id={id} close={close} changed={changed} />}
    </>
  );
}

function ReplayDialog({ id, close, changed }: DialogProps) {
  const { delivery: texts } = useTexts();
  const toast = useToast();
  const replay = useMutationWithErrors(Replay);
  const confirm = async () => {
    if (!(await replay.run({ delivery: id }))) return;
    toast(texts.replayed);
    changed();
    close();
  };
  return (
    <Confirm isOpen title={texts.replayTitle} confirm={texts.replay} isBusy={replay.isBusy} onConfirm={confirm} onCancel={close}>
      <p>{texts.replayText}</p>
      <ErrorSummary of={replay} />
    </Confirm>
  );
}

function DismissDialog({ id, close, changed }: DialogProps) {
  const { delivery: texts, common } = useTexts();
  const toast = useToast();
  const dismiss = useMutationWithErrors(Dismiss);
  const [reason, setReason] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(await dismiss.run({ ids: [id], reason }))) return;
    toast(texts.dismissed);
    changed();
    close();
  };
  return (
    <Dialog isOpen title={texts.dismissTitle} onClose={close}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <p>{texts.dismissText}</p>
        <TextArea label={texts.reason} required rows={3} maxLength={1000} value={reason} onValue={setReason} error={dismiss.fieldError("reason")} />
        <ErrorSummary of={dismiss} />
        <div class="dialog-foot">
          <Button onClick={close}>{common.cancel}</Button>
          <Button type="submit" variant="primary" isBusy={dismiss.isBusy}>
            {texts.dismiss}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
