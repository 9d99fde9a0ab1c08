// Form fields: a label, a hint and an error, which a screen reader reads with the field.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { useTexts } from "../texts";
import { Icon } from "./icon";

interface Labels {
  label: string;
  hint?: ComponentChildren;
  /** What is wrong with the value. */
  error?: string;
  required?: boolean;
  /** Restricts a list: neither required nor marked as optional. */
  isFilter?: boolean;
}

/** What the control of a field is given. */
export interface ControlProps {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: "true";
  required?: boolean;
}

/** A field around any control: `<Field label="…">{(control) => <input {...control} />}</Field>`. */
export function Field({ label, hint, error, required, isFilter, children }: Labels & { children: (control: ControlProps) => ComponentChildren }) {
  const { common } = useTexts();
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label htmlFor={id}>
        {label} {!required && !isFilter && <span class="quiet small">({common.optional})</span>}
      </label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? "true" : undefined, required })}
      {error && (
        <p class="error" id={`${id}-error`}>
          <Icon name="bad" size={16} />
          {error}
        </p>
      )}
    </div>
  );
}

interface Value {
  value: string;
  onValue: (value: string) => void;
}

interface Typing {
  placeholder?: string;
  autoComplete?: string;
  spellcheck?: boolean;
  autoFocus?: boolean;
  maxLength?: number;
}

interface InputProps extends Typing {
  type?: "text" | "email" | "url" | "search" | "password" | "number" | "date" | "time" | "datetime-local";
  min?: string | number;
  max?: string | number;
  step?: string | number;
}

export function TextField({ label, hint, error, required, isFilter, onValue, ...input }: Labels & Value & InputProps) {
  // Preact's types join each type of an input with its roles; without a role, they are all alike.
  const typed = input as Omit<typeof input, "type"> & { type: "text" };
  return (
    <Field label={label} hint={hint} error={error} required={required} isFilter={isFilter}>
      {(control) => <input {...typed} {...control} onInput={(event) => onValue(event.currentTarget.value)} />}
    </Field>
  );
}

export function TextArea({ label, hint, error, required, onValue, ...area }: Labels & Value & Typing & { rows?: number }) {
  return (
    <Field label={label} hint={hint} error={error} required={required}>
      {(control) => <textarea {...area} {...control} onInput={(event) => onValue(event.currentTarget.value)} />}
    </Field>
  );
}

interface Choices {
  options: { value: string; label: string; disabled?: boolean }[];
}

export function SelectField({ label, hint, error, required, isFilter, value, onValue, options }: Labels & Value & Choices) {
  return (
    <Field label={label} hint={hint} error={error} required={required} isFilter={isFilter}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface CheckProps {
  label: ComponentChildren;
  hint?: ComponentChildren;
  isChecked: boolean;
  onChecked: (isChecked: boolean) => void;
  disabled?: boolean;
}

export function CheckField({ label, hint, isChecked, onChecked, disabled }: CheckProps) {
  const id = useId();
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        checked={isChecked}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChecked(event.currentTarget.checked)}
      />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <p class="quiet small" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}
