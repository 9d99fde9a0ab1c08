// Replaces the secret of an endpoint, and shows the new one, this once.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Confirm, Dialog } from "../../parts/dialog";
import { SelectField } from "../../parts/field";
import { SecretOnce } from "../../parts/secret";
import { ErrorSummary } from "../../parts/states";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import type { DialogProps } from "./confirm";
import { RotateEndpointSecret } from "./operations";

const KEPT = ["PT0S", "PT1H", "PT24H", "P7D", "P30D"];

export function RotateDialog({ endpoint: { id, name }, changed, close }: DialogProps) {
  const { webhooks, parts } = useTexts();
  const format = useFormat();
  const rotate = useMutationWithErrors(RotateEndpointSecret);
  const [keepOldFor, setKeep] = useState("PT24H");
  const [made, setMade] = useState<{ secret: string; until: string | null }>();
  const confirm = async () => {
    const payload = await rotate.run({ input: { endpoint: id, keepOldFor } });
    if (!payload?.secret) return;
    setMade({ secret: payload.secret, until: payload.endpoint?.oldSecretUntil ?? null });
    changed();
  };
  if (made) {
    return (
      <Dialog isOpen title={webhooks.rotated} onClose={close} actions={<Button variant="primary" onClick={close}>{parts.done}</Button>}>
        <p>{made.until ? webhooks.rotatedDetail(format.time(made.until)) : webhooks.rotatedNow}</p>
        <SecretOnce label={webhooks.form.secret} secret={made.secret} />
      </Dialog>
    );
  }
  return (
    <Confirm isOpen title={webhooks.rotateTitle(name)} confirm={webhooks.rotate} isBusy={rotate.isBusy} onConfirm={confirm} onCancel={close}>
      <p>{webhooks.rotateText}</p>
      <SelectField
        label={webhooks.keepOld}
        required
        value={keepOldFor}
        onValue={setKeep}
        error={rotate.fieldError("keepOldFor")}
        options={KEPT.map((value) => ({ value, label: value === "PT0S" ? webhooks.noTime : format.duration(value) }))}
      />
      <ErrorSummary of={rotate} />
    </Confirm>
  );
}
