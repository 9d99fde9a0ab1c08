// Fields that the forms for a new and for an existing source have in common.
import type { Platform } from "../../gql/graphql";
import { CheckField, Field, SelectField, TextField } from "../../parts/field";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { CREDENTIALS, type Draft, isRead } from "./draft";

interface Props {
  platform: Platform;
  draft: Draft;
  set: (changes: Partial<Draft>) => void;
  fieldError: (path: string) => string | undefined;
  isNew: boolean;
}

const INTERVALS = ["PT5M", "PT15M", "PT1H", "PT6H", "P1D"];

export function SourceFields({ platform, draft, set, fieldError, isNew }: Props) {
  const { sources } = useTexts();
  const { club } = useViewer();
  const form = sources.form;
  return (
    <>
      <TextField
        label={form.name}
        hint={form.nameHint}
        required
        value={draft.name}
        onValue={(name) => set({ name })}
        error={fieldError("name")}
      />
      <Field label={form.timeZone} hint={form.timeZoneHint(club.timeZone)} error={fieldError("timeZone")}>
        {(control) => (
          <>
            <input {...control} list="time-zones" autoComplete="off" value={draft.timeZone} onInput={({ currentTarget }) => set({ timeZone: currentTarget.value })} />
            <datalist id="time-zones">
              {Intl.supportedValuesOf("timeZone").map((zone) => (
                <option key={zone} value={zone} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      {platform === "CLUBSPOT" && (
        <CheckField label={form.primaryMembersOnly} isChecked={draft.primaryMembersOnly} onChecked={(primaryMembersOnly) => set({ primaryMembersOnly })} />
      )}
      {platform === "TEAMUP" && <CheckField label={form.checkIn} isChecked={draft.checkIn} onChecked={(checkIn) => set({ checkIn })} />}
      {isRead(platform) && <Reading platform={platform} draft={draft} set={set} fieldError={fieldError} isNew={isNew} />}
    </>
  );
}

function Reading({ platform, draft, set, fieldError, isNew }: Props & { platform: keyof typeof CREDENTIALS }) {
  const { sources } = useTexts();
  const format = useFormat();
  const form = sources.form;
  const { key, required, optional, secret } = CREDENTIALS[platform];
  const names: readonly string[] = [...required, ...optional];
  const secrets: readonly string[] = secret;
  const labels: Record<string, string> = form[key];
  const intervals = draft.readEvery && !INTERVALS.includes(draft.readEvery) ? [draft.readEvery, ...INTERVALS] : INTERVALS;
  return (
    <>
      <fieldset class="plain">
        <legend>{isNew ? form.credentials : form.credentialsNew}</legend>
        <p class="hint">{form.credentialsHint}</p>
        {names.map((name) => (
          <TextField
            key={name}
            label={labels[name] ?? name}
            type={secrets.includes(name) ? "password" : "text"}
            autoComplete="off"
            spellcheck={false}
            value={draft.credentials[name] ?? ""}
            onValue={(value) => set({ credentials: { ...draft.credentials, [name]: value } })}
            error={fieldError(`credentials.${key}.${name}`) ?? (name === names[0] ? fieldError("credentials") : undefined)}
          />
        ))}
      </fieldset>
      <SelectField
        label={form.readEvery}
        value={draft.readEvery}
        onValue={(readEvery) => set({ readEvery })}
        error={fieldError("readEvery")}
        options={[
          ...(isNew ? [{ value: "", label: form.readEveryDefault }] : []),
          ...intervals.map((value) => ({ value, label: form.every(format.duration(value)) })),
        ]}
      />
    </>
  );
}
