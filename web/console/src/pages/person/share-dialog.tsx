// Gives access by hand, within the limits of the role.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { AccessTargetsQuery } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { CheckField, SelectField, TextField } from "../../parts/field";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { ShareAccess } from "./mutations";
import { type ShareValues, lengthsFor, shareInput } from "./share-form";

interface Props {
  member: { id: string; name: string };
  targets: AccessTargetsQuery;
  refetch: () => Promise<void>;
  onClose: () => void;
}

interface ScopeOption {
  value: string;
  label: string;
}

function useScopes({ groups, places, kisiAccounts }: AccessTargetsQuery): ScopeOption[] {
  const { access } = useTexts();
  const { role } = useViewer();
  const accounts = role === "DESK" ? [] : kisiAccounts.filter(({ status }) => status !== "DISCONNECTED");
  return [
    ...groups.nodes.filter(({ managed }) => managed).map(({ id, name }) => ({ value: id, label: name.trim() })),
    ...places.nodes.map(({ id, name }) => ({ value: id, label: name.trim() })),
    ...accounts.map(({ id, name }) => ({ value: id, label: access.wholeAccount(name) })),
  ];
}

const EMPTY: ShareValues = { scope: "", from: "", length: "PT4H", until: "", note: "", notify: false };

export function ShareDialog({ member, targets, refetch, onClose }: Props) {
  const { shareForm, common } = useTexts();
  const { timeZone } = useFormat();
  const toast = useToast();
  const scopes = useScopes(targets);
  const share = useMutationWithErrors(ShareAccess);
  const [values, setValues] = useState(EMPTY);
  const [isTried, setTried] = useState(false);
  const isMissing = !values.scope || (values.length === "custom" && !values.until);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (isMissing || !(await share.run({ input: shareInput(member.id, values, timeZone, Date.now()) }))) return;
    toast(shareForm.done(scopes.find(({ value }) => value === values.scope)?.label ?? ""));
    onClose();
    await refetch();
  };
  return (
    <Dialog isOpen title={shareForm.title(member.name)} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <Fields values={values} set={(change) => setValues({ ...values, ...change })} scopes={scopes} isTried={isTried} fieldError={share.fieldError} />
        <ErrorSummary of={share} />
        <div class="dialog-foot">
          <Button onClick={onClose}>{common.cancel}</Button>
          <Button type="submit" variant="primary" isBusy={share.isBusy}>
            {shareForm.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  values: ShareValues;
  set: (change: Partial<ShareValues>) => void;
  scopes: ScopeOption[];
  isTried: boolean;
  fieldError: (path: string) => string | undefined;
}

function Fields({ values, set, scopes, isTried, fieldError }: FieldsProps) {
  const { shareForm, personWhy } = useTexts();
  const { role } = useViewer();
  const texts: Record<string, string> = shareForm.lengths;
  return (
    <>
      {role === "DESK" && (
        <Notice tone="info">
          <p>{shareForm.limit}</p>
        </Notice>
      )}
      <SelectField
        label={shareForm.scope}
        hint={shareForm.scopeHint}
        required
        value={values.scope}
        onValue={(scope) => set({ scope })}
        options={[{ value: "", label: personWhy.choose }, ...scopes]}
        error={isTried && !values.scope ? shareForm.chooseScope : fieldError("scope")}
      />
      <SelectField
        label={shareForm.length}
        required
        value={values.length}
        onValue={(length) => set({ length })}
        options={lengthsFor(role).map((value) => ({ value, label: texts[value] ?? value }))}
      />
      {values.length === "custom" && (
        <TextField
          label={shareForm.until}
          required
          type="datetime-local"
          value={values.until}
          onValue={(until) => set({ until })}
          error={isTried && !values.until ? shareForm.chooseUntil : fieldError("until")}
        />
      )}
      <TextField
        label={shareForm.from}
        hint={shareForm.fromHint}
        type="datetime-local"
        value={values.from}
        onValue={(from) => set({ from })}
        error={fieldError("from")}
      />
      <TextField label={shareForm.note} hint={shareForm.noteHint} value={values.note} maxLength={2000} onValue={(note) => set({ note })} error={fieldError("note")} />
      <CheckField label={shareForm.notify} isChecked={values.notify} onChecked={(notify) => set({ notify })} />
    </>
  );
}
