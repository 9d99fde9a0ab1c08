// A choice of one, each with an explanation.
import { useId } from "preact/hooks";

interface Props<Value extends string> {
  label: string;
  value: Value;
  onValue: (value: Value) => void;
  options: { value: Value; label: string; hint?: string }[];
}

export function Radios<Value extends string>({ label, value, onValue, options }: Props<Value>) {
  const name = useId();
  return (
    <fieldset class="field radios">
      <legend>{label}</legend>
      {options.map((option) => (
        <div key={option.value} class="check">
          <input
            id={`${name}-${option.value}`}
            type="radio"
            name={name}
            checked={option.value === value}
            aria-describedby={option.hint ? `${name}-${option.value}-hint` : undefined}
            onChange={() => onValue(option.value)}
          />
          <div>
            <label htmlFor={`${name}-${option.value}`}>{option.label}</label>
            {option.hint && (
              <p class="quiet small" id={`${name}-${option.value}-hint`}>
                {option.hint}
              </p>
            )}
          </div>
        </div>
      ))}
    </fieldset>
  );
}
