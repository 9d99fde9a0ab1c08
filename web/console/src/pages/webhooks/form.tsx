// Adds an endpoint, and then shows its secret, this once; or changes one.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { WebhookEventType } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { CheckField, TextField } from "../../parts/field";
import { SecretOnce } from "../../parts/secret";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { textFor, useTexts } from "../../texts";
import type { DialogProps } from "./confirm";
import { CreateEndpoint, UpdateEndpoint } from "./operations";
import "./webhooks.css";

/** Tests are sent to every endpoint, so they are no choice. */
export const EVENTS: WebhookEventType[] = ["ACCESS_CHANGED", "DOOR_UNLOCKED", "DOOR_DENIED", "REVOCATION_HELD", "SOURCE_PROBLEM", "ACCOUNT_PROBLEM"];

interface Draft {
  name: string;
  url: string;
  events: WebhookEventType[];
}

export function CreateDialog({ close, changed }: Omit<DialogProps, "endpoint">) {
  const { webhooks, parts } = useTexts();
  const create = useMutationWithErrors(CreateEndpoint);
  const [secret, setSecret] = useState<string>();
  const submit = async (draft: Draft) => {
    const payload = await create.run({ input: draft });
    if (!payload?.secret) return;
    setSecret(payload.secret);
    changed();
  };
  if (secret) {
    return (
      <Dialog isOpen title={webhooks.form.created} onClose={close} actions={<Button variant="primary" onClick={close}>{parts.done}</Button>}>
        <p>{webhooks.form.createdDetail}</p>
        <SecretOnce label={webhooks.form.secret} secret={secret} />
      </Dialog>
    );
  }
  const first: Draft = { name: "", url: "https://", events: ["ACCESS_CHANGED"] };
  return (
    <Dialog isOpen title={webhooks.create} onClose={close}>
      <EndpointForm first={first} mutation={create} submitText={webhooks.form.submit} submit={submit} close={close} />
    </Dialog>
  );
}

export function EditDialog({ endpoint: { id, name, url, events }, close, changed }: DialogProps) {
  const { webhooks, common } = useTexts();
  const toast = useToast();
  const update = useMutationWithErrors(UpdateEndpoint);
  const submit = async (draft: Draft) => {
    if (!(await update.run({ input: { endpoint: id, ...draft } }))) return;
    toast(webhooks.form.saved);
    changed();
    close();
  };
  return (
    <Dialog isOpen title={name} onClose={close}>
      <EndpointForm first={{ name, url, events }} mutation={update} submitText={common.save} submit={submit} close={close} />
    </Dialog>
  );
}

interface FormProps {
  first: Draft;
  mutation: Pick<ReturnType<typeof useMutationWithErrors>, "userErrors" | "failure" | "fieldError" | "isBusy">;
  submitText: string;
  submit: (draft: Draft) => Promise<void>;
  close: () => void;
}

function EndpointForm({ first, mutation, submitText, submit, close }: FormProps) {
  const { webhooks, common } = useTexts();
  const [draft, setDraft] = useState(first);
  const set = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }));
  const { form } = webhooks;
  const send = (event: Event) => {
    event.preventDefault();
    void submit(draft);
  };
  return (
    <form class="stack" onSubmit={send} noValidate>
      <TextField label={form.name} hint={form.nameHint} required autoComplete="off" value={draft.name} onValue={(name) => set({ name })} error={mutation.fieldError("name")} />
      <TextField label={form.url} hint={form.urlHint} type="url" required autoComplete="off" spellcheck={false} value={draft.url} onValue={(url) => set({ url })} error={mutation.fieldError("url")} />
      <fieldset class="events" aria-describedby={draft.events.length === 0 ? "no-events" : undefined}>
        <legend>{form.events}</legend>
        {EVENTS.map((event) => (
          <CheckField
            key={event}
            label={textFor(webhooks.eventTypes, event)}
            isChecked={draft.events.includes(event)}
            onChecked={(isChosen) => set({ events: isChosen ? [...draft.events, event] : draft.events.filter((one) => one !== event) })}
          />
        ))}
        {draft.events.length === 0 && (
          <p class="quiet small" id="no-events">
            {form.chooseEvents}
          </p>
        )}
      </fieldset>
      <ErrorSummary of={mutation} />
      <div class="dialog-foot">
        <Button onClick={close}>{common.cancel}</Button>
        <Button type="submit" variant="primary" isBusy={mutation.isBusy}>
          {submitText}
        </Button>
      </div>
    </form>
  );
}
