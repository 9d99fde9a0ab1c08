// Creates a source, and then shows its address and its secret, this once.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { CreateSourceMutation } from "../../gql/graphql";
import { Button, LinkButton } from "../../parts/button";
import { Card } from "../../parts/card";
import { SelectField, TextArea, TextField } from "../../parts/field";
import { PageHeader } from "../../parts/page-header";
import { CopyText, SecretOnce } from "../../parts/secret";
import { ErrorSummary, Notice } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { EMPTY, type NewDraft, PLATFORMS, createInput, hasRule, schemesOf } from "./draft";
import { SourceFields } from "./fields";
import { CreateSource } from "./operations";
import { RuleFields } from "./rule-fields";
import "./sources.css";

type Created = CreateSourceMutation["createSource"];

export function Page() {
  const { sources } = useTexts();
  const [created, setCreated] = useState<Created>();
  const back = { to: "/sources", label: sources.title };
  return (
    <>
      <PageHeader title={created ? sources.form.created : sources.form.createTitle} lead={created ? sources.form.createdDetail : sources.form.createLead} back={back} />
      <div class="narrow">{created ? <Result created={created} /> : <Form setCreated={setCreated} />}</div>
    </>
  );
}

function Result({ created: { source, secret } }: { created: Created }) {
  const { sources } = useTexts();
  const form = sources.form;
  const address = source?.webhookUrl ?? source?.webhookPath ?? "";
  return (
    <Card>
      <h2>{form.address}</h2>
      {!source?.webhookUrl && <p class="quiet">{form.addressPath}</p>}
      <CopyText text={address} label={form.address} />
      <h2>{form.secretName}</h2>
      {secret ? <SecretOnce label={form.secretName} secret={secret} /> : <p>{form.unsigned}</p>}
      <div>
        <LinkButton to={`/sources/${source?.id}`} variant="primary">
          {form.toSource}
        </LinkButton>
      </div>
    </Card>
  );
}

function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

function Form({ setCreated }: { setCreated: (created: Created) => void }) {
  const { sources, mapping } = useTexts();
  const form = sources.form;
  const [draft, setDraft] = useState<NewDraft>(EMPTY);
  const create = useMutationWithErrors(CreateSource);
  const set = (changes: Partial<NewDraft>) => setDraft((before) => ({ ...before, ...changes }));
  const { platform } = draft;
  const fault = platform === "MAPPED" ? jsonFault(draft.mapping) : undefined;
  const schemes = schemesOf(platform);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (fault !== undefined) return;
    const payload = await create.run({ input: createInput(draft) });
    if (payload) setCreated(payload);
  };
  return (
    <Card>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <SelectField
          label={form.platform}
          hint={textFor(sources.platformHints, platform)}
          required
          value={platform}
          onValue={(value) => set({ platform: value as NewDraft["platform"], signature: "", credentials: {} })}
          error={create.fieldError("platform")}
          options={PLATFORMS.map((value) => ({ value, label: textFor(sources.platforms, value) }))}
        />
        <SourceFields platform={platform} draft={draft} set={set} fieldError={create.fieldError} isNew />
        {schemes.length > 0 && (
          <SelectField
            label={form.signature}
            hint={form.signatureHint}
            required
            value={draft.signature}
            onValue={(signature) => set({ signature: signature as NewDraft["signature"] })}
            error={create.fieldError("signature")}
            options={[{ value: "", label: form.signatureDefault }, ...schemes.map((value) => ({ value, label: textFor(sources.signatures, value) }))]}
          />
        )}
        {hasRule(draft.signature) && (
          <RuleFields signature={draft.signature} rule={draft.rule} set={(changes) => set({ rule: { ...draft.rule, ...changes } })} fieldError={create.fieldError} />
        )}
        {platform !== "TEAMUP" && (
          <TextField
            label={form.secret}
            hint={form.secretHint}
            type="password"
            autoComplete="off"
            value={draft.secret}
            onValue={(secret) => set({ secret })}
            error={create.fieldError("secret")}
          />
        )}
        {platform === "MAPPED" && (
          <TextArea
            label={form.mapping}
            hint={form.mappingLater}
            required
            rows={10}
            spellcheck={false}
            value={draft.mapping}
            onValue={(text) => set({ mapping: text })}
            error={fault === undefined ? create.fieldError("mapping") : mapping.invalid(fault)}
          />
        )}
        {platform === "TEAMUP" && <Notice tone="info" title={form.unsigned} />}
        <ErrorSummary of={create} />
        <div class="row">
          <Button type="submit" variant="primary" isBusy={create.isBusy}>
            {form.submit}
          </Button>
        </div>
      </form>
    </Card>
  );
}
