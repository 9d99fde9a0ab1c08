// A new source: the platform with what it needs.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { CreateSourceInput, SourceCredentialsInput } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { TextArea, TextField } from "../../parts/field";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useTexts } from "../../texts";
import { SetupSource } from "./changes";
import { Radios } from "./radios";

const PLATFORMS = ["CLUBSPOT", "TEAMUP", "SPACEBRING", "EXERCISE_COM", "CANONICAL", "MAPPED"] as const;
type Platform = (typeof PLATFORMS)[number];
const BLANK = { apiKey: "", clubId: "", token: "", providerId: "", clientId: "", clientSecret: "", locationRef: "" };
type Values = typeof BLANK;

/** Null without any, so that only webhooks are used. */
function credentialsOf(platform: Platform, values: Values): SourceCredentialsInput | null {
  const { apiKey, clubId, token, providerId, clientId, clientSecret, locationRef } = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, value.trim()]),
  ) as Values;
  if (platform === "CLUBSPOT" && apiKey + clubId) return { clubspot: { apiKey, clubId } };
  if (platform === "TEAMUP" && token) return { teamUp: { token, providerId: providerId || null } };
  if (platform === "SPACEBRING" && clientId + clientSecret) return { spacebring: { clientId, clientSecret, locationRef: locationRef || null } };
  return null;
}

function parsed(text: string): { value?: unknown; isWrong: boolean } {
  try {
    return { value: JSON.parse(text), isWrong: false };
  } catch {
    return { isWrong: true };
  }
}

interface Props {
  onCreated: (source: string, secret: string | null) => unknown;
  onCancel?: () => void;
}

export function SourceForm({ onCreated, onCancel }: Props) {
  const { setupSource: texts, common } = useTexts();
  const toast = useToast();
  const mutation = useMutationWithErrors(SetupSource);
  const [platform, setPlatform] = useState<Platform>("CANONICAL");
  const [name, setName] = useState("");
  const [values, setValues] = useState(BLANK);
  const [mapping, setMapping] = useState("");
  const [isAttempted, setAttempted] = useState(false);
  const json = parsed(mapping);
  const submit = async (event: Event) => {
    event.preventDefault();
    setAttempted(true);
    if (platform === "MAPPED" && json.isWrong) return;
    const input: CreateSourceInput = { name, platform, credentials: credentialsOf(platform, values) };
    if (platform === "MAPPED") input.mapping = json.value;
    const payload = await mutation.run({ input });
    if (!payload?.source) return;
    toast(texts.created(payload.source.name));
    await onCreated(payload.source.id, payload.secret ?? null);
  };
  return (
    <form class="stack" noValidate onSubmit={submit}>
      <Radios
        label={texts.platform}
        value={platform}
        onValue={(next) => {
          mutation.reset();
          setPlatform(next);
        }}
        options={PLATFORMS.map((value) => ({ value, label: texts.platforms[value], hint: texts.needs[value] }))}
      />
      <TextField label={texts.name} hint={texts.nameHint} required error={mutation.fieldError("name")} value={name} onValue={setName} />
      <Credentials
        platform={platform}
        values={values}
        onValues={(changes) => setValues((all) => ({ ...all, ...changes }))}
        error={(path) => mutation.fieldError(`credentials.${path}`) ?? mutation.fieldError("credentials")}
      />
      {platform === "MAPPED" && (
        <TextArea
          label={texts.fields.mapping}
          hint={texts.fields.mappingHint}
          required
          rows={8}
          spellcheck={false}
          error={isAttempted && json.isWrong ? texts.fields.notJson : mutation.fieldError("mapping")}
          value={mapping}
          onValue={setMapping}
        />
      )}
      <ErrorSummary of={mutation} />
      <div class="row">
        <Button type="submit" variant="primary" isBusy={mutation.isBusy}>
          {texts.create}
        </Button>
        {onCancel && <Button onClick={onCancel}>{common.cancel}</Button>}
      </div>
    </form>
  );
}

interface CredentialsProps {
  platform: Platform;
  values: Values;
  onValues: (changes: Partial<Values>) => void;
  error: (path: string) => string | undefined;
}

function Credentials({ platform, values, onValues, error }: CredentialsProps) {
  const { setupSource } = useTexts();
  const { fields } = setupSource;
  const field = (key: keyof Values, path: string) => ({
    value: values[key],
    onValue: (value: string) => onValues({ [key]: value }),
    error: error(path),
    autoComplete: "off",
  });
  const inputs = {
    CLUBSPOT: (
      <>
        <TextField type="password" label={fields.apiKey} required {...field("apiKey", "clubspot.apiKey")} />
        <TextField label={fields.clubId} required {...field("clubId", "clubspot.clubId")} />
      </>
    ),
    TEAMUP: (
      <>
        <TextField type="password" label={fields.token} required {...field("token", "teamUp.token")} />
        <TextField label={fields.providerId} hint={fields.providerIdHint} {...field("providerId", "teamUp.providerId")} />
      </>
    ),
    SPACEBRING: (
      <>
        <TextField label={fields.clientId} required {...field("clientId", "spacebring.clientId")} />
        <TextField type="password" label={fields.clientSecret} required {...field("clientSecret", "spacebring.clientSecret")} />
        <TextField label={fields.locationRef} hint={fields.locationRefHint} {...field("locationRef", "spacebring.locationRef")} />
      </>
    ),
  };
  if (!(platform in inputs)) return null;
  return (
    <fieldset class="field box stack">
      <legend>{setupSource.credentials}</legend>
      <p class="hint">{setupSource.credentialsHint}</p>
      {inputs[platform as keyof typeof inputs]}
    </fieldset>
  );
}
