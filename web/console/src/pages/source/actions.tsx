// The buttons of a source, and their dialogs.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { EditDialog } from "./edit";
import { ReadSource } from "./operations";
import type { Source } from "./page";
import { RemoveDialog } from "./remove";
import { RotateDialog } from "./rotate";

interface Props {
  source: Source;
  changed: () => unknown;
}

export function SourceActions({ source, changed }: Props) {
  const { source: texts } = useTexts();
  const { may } = useViewer();
  const [open, setOpen] = useState<"edit" | "rotate" | "remove">();
  const close = () => setOpen(undefined);
  if (!may("updateSource")) return null;
  return (
    <>
      {source.readEvery && <ReadNow source={source.id} changed={changed} />}
      <Button onClick={() => setOpen("edit")}>{texts.edit}</Button>
      {source.signature !== "NUDGE" && <Button onClick={() => setOpen("rotate")}>{texts.rotate}</Button>}
      <Button variant="danger" onClick={() => setOpen("remove")}>
        {texts.remove}
      </Button>
      {open === "edit" && <EditDialog source={source} close={close} changed={changed} />}
      {open === "rotate" && <RotateDialog source={source.id} close={close} />}
      {open === "remove" && <RemoveDialog id={source.id} name={source.name} close={close} />}
    </>
  );
}

function ReadNow({ source, changed }: { source: string; changed: () => unknown }) {
  const { source: texts } = useTexts();
  const toast = useToast();
  const read = useMutationWithErrors(ReadSource);
  const run = async () => {
    if (!(await read.run({ source }))) return;
    toast(texts.reading);
    changed();
  };
  return (
    <>
      <Button isBusy={read.isBusy} onClick={() => void run()}>
        {texts.read}
      </Button>
      <Dialog isOpen={read.userErrors.length > 0 || Boolean(read.failure)} title={texts.read} onClose={read.reset}>
        <ErrorSummary of={read} />
      </Dialog>
    </>
  );
}
