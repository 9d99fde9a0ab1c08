// Replaces the signing secret, and shows the new one, this once.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Confirm, Dialog } from "../../parts/dialog";
import { SelectField, TextField } from "../../parts/field";
import { SecretOnce } from "../../parts/secret";
import { ErrorSummary } from "../../parts/states";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { RotateSecret } from "./operations";

const KEPT = { PT0S: 0, PT1H: 1, P1D: 24, P7D: 168, P30D: 720 };
const HOUR_MS = 3_600_000;

export function RotateDialog({ source, close }: { source: string; close: () => void }) {
  const { source: texts, sources, parts } = useTexts();
  const format = useFormat();
  const rotate = useMutationWithErrors(RotateSecret);
  const [keepOldFor, setKeep] = useState<keyof typeof KEPT>("P1D");
  const [own, setOwn] = useState("");
  const [made, setMade] = useState<{ secret: string; until: string }>();
  const confirm = async () => {
    const payload = await rotate.run({ source, keepOldFor, secret: own.trim() || null });
    if (!payload?.secret) return;
    setMade({ secret: payload.secret, until: new Date(Date.now() + KEPT[keepOldFor] * HOUR_MS).toISOString() });
  };
  if (made) {
    return (
      <Dialog isOpen title={texts.rotated} onClose={close} actions={<Button variant="primary" onClick={close}>{parts.done}</Button>}>
        <p>{KEPT[keepOldFor] === 0 ? texts.rotatedNow : texts.rotatedDetail(format.time(made.until))}</p>
        <SecretOnce label={sources.form.secretName} secret={made.secret} />
      </Dialog>
    );
  }
  return (
    <Confirm isOpen title={texts.rotateTitle} confirm={texts.rotate} isBusy={rotate.isBusy} onConfirm={confirm} onCancel={close}>
      <p>{texts.rotateText}</p>
      <SelectField
        label={texts.keepOld}
        required
        value={keepOldFor}
        onValue={(value) => setKeep(value as keyof typeof KEPT)}
        error={rotate.fieldError("keepOldFor")}
        options={Object.keys(KEPT).map((value) => ({ value, label: value === "PT0S" ? texts.none : format.duration(value) }))}
      />
      <TextField label={texts.ownSecret} hint={texts.ownSecretHint} type="password" autoComplete="off" value={own} onValue={setOwn} error={rotate.fieldError("secret")} />
      <ErrorSummary of={rotate} />
    </Confirm>
  );
}
