// The credentials of a Kisi organization: for a new connection, or new ones for a connection that Kisi refuses.
import { useEffect, useRef, useState } from "preact/hooks";
import { type MutationState, type UserError, useMutationWithErrors } from "../../api/use-mutation";
import type { KisiCredentialsInput } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { CheckField, TextField } from "../../parts/field";
import { ErrorBox, Notice, ServerText } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { type Texts, useTexts } from "../../texts";
import { ConnectKisi, UpdateKisiCredentials } from "./changes";
import { Radios } from "./radios";

type Way = "apiKey" | "login";
const BLANK = { name: "", place: "", apiKey: "", email: "", password: "", domain: "", otp: "" };

interface Props {
  /** The connection that gets new credentials; a new connection without it. */
  account?: string;
  onDone: () => unknown;
  onCancel?: () => void;
}

export function KisiForm({ account, onDone, onCancel }: Props) {
  const { setup, common } = useTexts();
  const { kisi } = setup;
  const toast = useToast();
  const connect = useMutationWithErrors(ConnectKisi);
  const update = useMutationWithErrors(UpdateKisiCredentials);
  const mutation = account ? update : connect;
  const [way, setWay] = useState<Way>("apiKey");
  const [values, setValues] = useState(BLANK);
  const [inviteByEmail, setInvite] = useState(true);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [mutation.userErrors]);
  const submit = async (event: Event) => {
    event.preventDefault();
    const credentials = credentialsOf(way, values);
    const input = { name: values.name, credentials, inviteByEmail, place: values.place.trim() || null };
    const payload = account ? await update.run({ input: { account, credentials } }) : await connect.run({ input });
    if (!payload) return;
    if (payload.account) toast(kisi.connected(payload.account.name));
    await onDone();
  };
  const field = (key: keyof typeof BLANK) => ({ value: values[key], onValue: (value: string) => setValues((all) => ({ ...all, [key]: value })) });
  return (
    <form ref={form} class="stack" noValidate onSubmit={submit}>
      {!account && <TextField label={kisi.name} hint={kisi.nameHint} required error={mutation.fieldError("name")} {...field("name")} />}
      <Radios
        label={kisi.way}
        value={way}
        onValue={(next) => {
          mutation.reset();
          setWay(next);
        }}
        options={(["apiKey", "login"] as const).map((value) => ({ value, label: kisi.ways[value] }))}
      />
      {way === "apiKey" ? (
        <TextField type="password" label={kisi.apiKey} hint={kisi.apiKeyHint} required autoComplete="off" error={keyError(mutation, kisi)} {...field("apiKey")} />
      ) : (
        <Login mutation={mutation} field={field} />
      )}
      {!account && (
        <>
          <CheckField label={kisi.invite} hint={kisi.inviteHint} isChecked={inviteByEmail} onChecked={setInvite} />
          <TextField label={kisi.place} hint={kisi.placeHint} error={mutation.fieldError("place")} {...field("place")} />
        </>
      )}
      <Failure of={mutation} way={way} />
      <div class="row">
        <Button type="submit" variant="primary" isBusy={mutation.isBusy}>
          {account ? kisi.saveCredentials : kisi.connect}
        </Button>
        {onCancel && <Button onClick={onCancel}>{common.cancel}</Button>}
      </div>
    </form>
  );
}

function credentialsOf(way: Way, { apiKey, email, password, domain, otp }: typeof BLANK): KisiCredentialsInput {
  return way === "apiKey" ? { apiKey: apiKey.trim() } : { login: { email: email.trim(), password, domain: domain.trim(), otp: otp.trim() || null } };
}

type Errors = Pick<MutationState<unknown, unknown>, "userErrors" | "failure" | "fieldError">;
type KisiTexts = Texts["setup"]["kisi"];

/** What the API says of the credentials as a whole, in words. */
function failureText({ code, message }: UserError, kisi: KisiTexts): string {
  return (kisi.failures as Partial<Record<string, string>>)[code] ?? message;
}

const isOfCredentials = ({ field }: UserError) => field?.join(".") === "input.credentials";

function keyError({ userErrors, fieldError }: Errors, kisi: KisiTexts): string | undefined {
  const refused = userErrors.find(isOfCredentials);
  if (refused?.code === "KISI_UNAUTHORIZED") return kisi.keyRefused;
  return refused ? failureText(refused, kisi) : fieldError("credentials.apiKey");
}

/** The failures of a login that stand beside a field. */
const AT_FIELDS = ["KISI_UNAUTHORIZED", "KISI_DOMAIN_UNKNOWN", "KISI_CODE_NEEDED"];

function Login({ mutation, field }: { mutation: Errors; field: (key: keyof typeof BLANK) => { value: string; onValue: (value: string) => void } }) {
  const { kisi } = useTexts().setup;
  const { userErrors, fieldError } = mutation;
  const has = (code: string) => (userErrors.some((error) => error.code === code) ? (kisi.failures as Partial<Record<string, string>>)[code] : undefined);
  return (
    <>
      <p class="quiet small">{kisi.login}</p>
      <TextField type="email" label={kisi.email} required autoComplete="off" error={fieldError("credentials.login.email")} {...field("email")} />
      <TextField
        type="password"
        label={kisi.password}
        required
        autoComplete="off"
        error={has("KISI_UNAUTHORIZED") ?? fieldError("credentials.login.password")}
        {...field("password")}
      />
      <TextField
        label={kisi.domain}
        hint={kisi.domainHint}
        required
        autoComplete="off"
        error={has("KISI_DOMAIN_UNKNOWN") ?? fieldError("credentials.login.domain")}
        {...field("domain")}
      />
      <TextField
        label={kisi.otp}
        hint={kisi.otpHint}
        autoComplete="one-time-code"
        error={has("KISI_CODE_NEEDED") ?? fieldError("credentials.login.otp")}
        {...field("otp")}
      />
    </>
  );
}

/** The server's words, and ours where no field has them. */
function Failure({ of: { userErrors, failure }, way }: { of: Errors; way: Way }) {
  const { setup, common } = useTexts();
  if (failure) return <ErrorBox failure={failure} />;
  if (userErrors.length === 0) return null;
  const isShown = (error: UserError) => (way === "apiKey" ? isOfCredentials(error) : AT_FIELDS.includes(error.code));
  return (
    <Notice tone="bad" role="alert" title={common.nothingChanged}>
      {userErrors.map((error) => (
        <div key={error.code + error.field?.join()}>
          {!isShown(error) && failureText(error, setup.kisi) !== error.message && <p>{failureText(error, setup.kisi)}</p>}
          <p class="small">
            {setup.kisi.server} <ServerText>{error.message}</ServerText>
          </p>
        </div>
      ))}
    </Notice>
  );
}
