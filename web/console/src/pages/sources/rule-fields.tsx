// How requests are verified, for senders with a scheme of their own.
import { SelectField, TextField } from "../../parts/field";
import { useTexts } from "../../texts";
import type { RuleDraft } from "./draft";

interface Props {
  signature: string;
  rule: RuleDraft;
  set: (changes: Partial<RuleDraft>) => void;
  fieldError: (path: string) => string | undefined;
}

export function RuleFields({ signature, rule, set, fieldError }: Props) {
  const { sources } = useTexts();
  const form = sources.form;
  return (
    <fieldset class="plain">
      <legend>{form.rule}</legend>
      <TextField label={form.header} required value={rule.header} onValue={(header) => set({ header })} error={fieldError("signatureRule.header") ?? fieldError("signatureRule")} />
      <TextField label={form.prefix} hint={form.prefixHint} value={rule.prefix} onValue={(prefix) => set({ prefix })} error={fieldError("signatureRule.prefix")} />
      {signature === "CUSTOM" && (
        <>
          <SelectField
            label={form.encoding}
            required
            value={rule.encoding}
            onValue={(encoding) => set({ encoding: encoding as RuleDraft["encoding"] })}
            error={fieldError("signatureRule.encoding")}
            options={(["HEX", "BASE64"] as const).map((value) => ({ value, label: form.encodings[value] }))}
          />
          <SelectField
            label={form.algorithm}
            required
            value={rule.algorithm}
            onValue={(algorithm) => set({ algorithm: algorithm as RuleDraft["algorithm"] })}
            options={["SHA256", "SHA512"].map((value) => ({ value, label: value.replace("SHA", "SHA-") }))}
          />
          <TextField label={form.content} hint={form.contentHint} value={rule.content} onValue={(content) => set({ content })} error={fieldError("signatureRule.content")} />
          <TextField label={form.timestampHeader} value={rule.timestampHeader} onValue={(timestampHeader) => set({ timestampHeader })} error={fieldError("signatureRule.timestamp")} />
          <TextField label={form.idHeader} value={rule.idHeader} onValue={(idHeader) => set({ idHeader })} error={fieldError("signatureRule.eventId")} />
        </>
      )}
    </fieldset>
  );
}
