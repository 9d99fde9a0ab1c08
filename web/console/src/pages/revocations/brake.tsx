// The club's brake in words, and the dialog that changes it.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { HeldCausesQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Dialog } from "../../parts/dialog";
import { CheckField, SelectField, TextField } from "../../parts/field";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { SaveBrake } from "./operations";

export type Brake = HeldCausesQuery["club"]["brake"];

/** The limits as a sentence. */
export function useBrakeWords({ people, percent, window }: Brake): string {
  const { revocations, common } = useTexts();
  const format = useFormat();
  const duration = format.duration(window);
  if (people === 0 && percent === 0) return revocations.brake.every(duration);
  return revocations.brake.limit(common.people(people), `${format.number(percent)} %`, duration);
}

export function BrakeCard({ brake, saved }: { brake: Brake; saved: () => unknown }) {
  const { revocations } = useTexts();
  const { may } = useViewer();
  const [isOpen, setOpen] = useState(false);
  const words = useBrakeWords(brake);
  const texts = revocations.brake;
  return (
    <Card
      title={texts.title}
      actions={<Badge tone={brake.enabled ? "good" : "warn"}>{brake.enabled ? texts.on : texts.off}</Badge>}
    >
      <p>{brake.enabled ? words : texts.offDetail}</p>
      <p class="quiet small">{texts.detail}</p>
      {may("updateClub") && (
        <div>
          <Button size="small" onClick={() => setOpen(true)}>
            {texts.edit}
          </Button>
        </div>
      )}
      {isOpen && <BrakeDialog brake={brake} close={() => setOpen(false)} saved={saved} />}
    </Card>
  );
}

const WINDOWS = ["PT15M", "PT1H", "PT6H", "PT12H", "P1D", "P7D", "P30D"];
const isWhole = (value: string) => /^\d{1,9}$/.test(value.trim());

function BrakeDialog({ brake, close, saved }: { brake: Brake; close: () => void; saved: () => unknown }) {
  const { revocations, common } = useTexts();
  const format = useFormat();
  const toast = useToast();
  const texts = revocations.brake;
  const save = useMutationWithErrors(SaveBrake);
  const [enabled, setEnabled] = useState(brake.enabled);
  const [people, setPeople] = useState(String(brake.people));
  const [percent, setPercent] = useState(String(brake.percent));
  const [window, setWindow] = useState(brake.window);
  const windows = WINDOWS.includes(brake.window) ? WINDOWS : [brake.window, ...WINDOWS];
  const isValid = isWhole(people) && isWhole(percent);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!isValid) return;
    const payload = await save.run({ brake: { enabled, people: Number(people), percent: Number(percent), window } });
    if (!payload) return;
    toast(texts.saved);
    saved();
    close();
  };
  const errorOf = (value: string, path: string) => (isWhole(value) ? save.fieldError(path) : texts.whole);
  return (
    <Dialog isOpen title={texts.title} onClose={close}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <CheckField label={texts.enabled} hint={texts.enabledHint} isChecked={enabled} onChecked={setEnabled} />
        <TextField label={texts.people} hint={texts.peopleHint} type="number" min={0} required value={people} onValue={setPeople} error={errorOf(people, "brake.people")} />
        <TextField label={texts.percent} hint={texts.percentHint} type="number" min={0} max={100} required value={percent} onValue={setPercent} error={errorOf(percent, "brake.percent")} />
        <SelectField
          label={texts.window}
          hint={texts.windowHint}
          required
          value={window}
          onValue={setWindow}
          error={save.fieldError("brake.window")}
          options={windows.map((value) => ({ value, label: format.duration(value) }))}
        />
        {Number(people) === 0 && Number(percent) === 0 && <Notice tone="warn" title={texts.zero} />}
        {!enabled && <Notice tone="warn" title={texts.offDetail} />}
        <ErrorSummary of={save} />
        <div class="dialog-foot">
          <Button onClick={close}>{common.cancel}</Button>
          <Button type="submit" variant="primary" isBusy={save.isBusy}>
            {common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
