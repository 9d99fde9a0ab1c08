// A duration as a number with a unit; the API's PT90M is 90 minutes.
import { useState } from "preact/hooks";
import { Field } from "../../parts/field";
import { useTexts } from "../../texts";

const UNITS = { M: 60, H: 3600, D: 86_400 } as const;
type Unit = keyof typeof UNITS;
const SECONDS: Record<string, number> = { W: 604_800, D: 86_400, H: 3600, M: 60, S: 1 };

function secondsOf(iso: string | null): number {
  return [...(iso ?? "").matchAll(/(\d+)([WDHMS])/g)].reduce((sum, [, value, unit = ""]) => sum + Number(value) * (SECONDS[unit] ?? 0), 0);
}

/** The largest unit in which it is a whole number. */
function unitOf(seconds: number): Unit {
  if (seconds === 0) return "M";
  return seconds % UNITS.D === 0 ? "D" : seconds % UNITS.H === 0 ? "H" : "M";
}

const isoOf = (value: number, unit: Unit) => (unit === "D" ? `P${value}D` : `PT${value}${unit}`);

interface Props {
  label: string;
  hint: string;
  error?: string;
  value: string | null;
  onValue: (iso: string) => void;
}

export function DurationField({ label, hint, error, value, onValue }: Props) {
  const { rule } = useTexts();
  const seconds = secondsOf(value);
  const [chosen, setUnit] = useState<Unit>(() => unitOf(seconds));
  const unit = seconds % UNITS[chosen] === 0 ? chosen : unitOf(seconds);
  const set = (text: string, of: Unit) => onValue(isoOf(Math.min(99_999, Math.max(0, Math.round(Number(text) || 0))), of));
  return (
    <Field label={label} hint={hint} error={error} required>
      {(control) => (
        <div class="duration">
          <input
            {...control}
            type="number"
            min={0}
            inputMode="numeric"
            value={String(seconds / UNITS[unit])}
            onInput={(event) => set(event.currentTarget.value, unit)}
          />
          <select
            aria-label={`${label}: ${rule.unit}`}
            value={unit}
            onChange={(event) => {
              const next = event.currentTarget.value as Unit;
              setUnit(next);
              set(String(seconds / UNITS[unit]), next);
            }}
          >
            {(Object.keys(UNITS) as Unit[]).map((key) => (
              <option key={key} value={key}>
                {rule.units[key]}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  );
}
