// A reading that lacked most of the previous data, and its confirmation.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Confirm } from "../../parts/dialog";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { ConfirmReading } from "./operations";

export function ConfirmNotice({ source, changed }: { source: string; changed: () => unknown }) {
  const { source: texts } = useTexts();
  const { may } = useViewer();
  const toast = useToast();
  const [isOpen, setOpen] = useState(false);
  const confirmReading = useMutationWithErrors(ConfirmReading);
  const confirm = async () => {
    if (!(await confirmReading.run({ source }))) return;
    setOpen(false);
    toast(texts.confirmed);
    changed();
  };
  return (
    <Notice tone="warn" title={texts.confirmNotice}>
      <p>{texts.confirmNoticeAction}</p>
      {may("confirmReading") && (
        <Button size="small" onClick={() => setOpen(true)}>
          {texts.confirm}
        </Button>
      )}
      <Confirm
        isOpen={isOpen}
        title={texts.confirmTitle}
        confirm={texts.confirm}
        isDanger
        isBusy={confirmReading.isBusy}
        onConfirm={confirm}
        onCancel={() => setOpen(false)}
      >
        <p>{texts.confirmText}</p>
        <ErrorSummary of={confirmReading} />
      </Confirm>
    </Notice>
  );
}
