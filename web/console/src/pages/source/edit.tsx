// Changes a source.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useTexts } from "../../texts";
import { type Draft, updateInput } from "../sources/draft";
import { SourceFields } from "../sources/fields";
import { EditSource } from "../sources/operations";
import "../sources/sources.css";
import type { Source } from "./page";

interface Props {
  source: Source;
  close: () => void;
  changed: () => unknown;
}

export function EditDialog({ source, close, changed }: Props) {
  const { sources, common } = useTexts();
  const toast = useToast();
  const edit = useMutationWithErrors(EditSource);
  const [draft, setDraft] = useState<Draft>({
    name: source.name,
    timeZone: source.timeZone,
    readEvery: source.readEvery ?? "",
    credentials: {},
    primaryMembersOnly: source.primaryMembersOnly,
    checkIn: source.checkIn,
  });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(await edit.run({ input: updateInput(source.id, source.platform, draft) }))) return;
    toast(sources.form.saved);
    changed();
    close();
  };
  return (
    <Dialog isOpen title={sources.form.editTitle} onClose={close}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <SourceFields
          platform={source.platform}
          draft={draft}
          set={(changes) => setDraft((before) => ({ ...before, ...changes }))}
          fieldError={edit.fieldError}
          isNew={!source.readEvery}
        />
        <ErrorSummary of={edit} />
        <div class="dialog-foot">
          <Button onClick={close}>{common.cancel}</Button>
          <Button type="submit" variant="primary" isBusy={edit.isBusy}>
            {common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
