// Removes a source, after its name was typed: it ends access.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { TextField } from "../../parts/field";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { navigate } from "../../router/router";
import { useTexts } from "../../texts";
import { RemoveSource } from "./operations";

export function RemoveDialog({ id, name, close }: { id: string; name: string; close: () => void }) {
  const { source: texts, common } = useTexts();
  const toast = useToast();
  const remove = useMutationWithErrors(RemoveSource);
  const [typed, setTyped] = useState("");
  const isSure = typed.trim() === name.trim();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!isSure || !(await remove.run({ source: id }))) return;
    toast(texts.removed);
    navigate("/sources");
  };
  return (
    <Dialog isOpen title={texts.removeTitle(name)} onClose={close}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Notice tone="warn" title={texts.removeText}>
          <p>{texts.removeBrake}</p>
        </Notice>
        <p>{texts.removeFinal}</p>
        <TextField label={texts.removeName(name)} required autoComplete="off" value={typed} onValue={setTyped} />
        <ErrorSummary of={remove} />
        <div class="dialog-foot">
          <Button onClick={close}>{common.cancel}</Button>
          <Button type="submit" variant="danger" disabled={!isSure} isBusy={remove.isBusy}>
            {texts.removeConfirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
