// The times of the week of a condition.
import { SelectField, TextField } from "../../parts/field";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import type { FieldsProps } from "./condition-fields";
import { isTime } from "./errors";
import { Fieldset } from "./picker";
import { WEEKDAYS, dayName } from "./sentence";

export function ScheduleFields({ value, onValue, error }: FieldsProps<"ScheduleCondition">) {
  const { fields } = useTexts().rule;
  const { locale } = useFormat();
  const toggle = (day: (typeof WEEKDAYS)[number]) => {
    const days = WEEKDAYS.filter((one) => (one === day ? !value.days.includes(day) : value.days.includes(one)));
    onValue({ ...value, days });
  };
  return (
    <>
      <Fieldset label={fields.days} error={error("days")}>
        <ul class="days">
          {WEEKDAYS.map((day) => (
            <li key={day}>
              <label>
                <input type="checkbox" checked={value.days.includes(day)} onChange={() => toggle(day)} />
                <abbr title={dayName(day, locale, "long")}>{dayName(day, locale, "short")}</abbr>
              </label>
            </li>
          ))}
        </ul>
      </Fieldset>
      <div class="pair">
        <TimeField label={fields.from} error={error("from")} value={value.from} onValue={(from) => onValue({ ...value, from })} />
        <TimeField label={fields.until} error={error("until")} value={value.until} onValue={(until) => onValue({ ...value, until })} />
      </div>
      <p class="quiet small">{fields.untilHint}</p>
      <ZoneField value={value.timeZone} error={error("timeZone")} onValue={(timeZone) => onValue({ ...value, timeZone })} />
      <div class="pair">
        <TextField
          type="date"
          label={fields.startDate}
          hint={fields.dateHint}
          error={error("startDate")}
          value={value.startDate ?? ""}
          onValue={(date) => onValue({ ...value, startDate: date || null })}
        />
        <TextField
          type="date"
          label={fields.endDate}
          hint={fields.dateHint}
          error={error("endDate")}
          value={value.endDate ?? ""}
          onValue={(date) => onValue({ ...value, endDate: date || null })}
        />
      </div>
    </>
  );
}

interface TimeProps {
  label: string;
  error?: string;
  value: string;
  onValue: (time: string) => void;
}

/** A browser's field for times knows no 24:00. */
function TimeField({ label, error, value, onValue }: TimeProps) {
  const { mistakes } = useTexts().rule;
  return (
    <TextField
      label={label}
      required
      maxLength={5}
      placeholder="18:30"
      autoComplete="off"
      error={isTime(value) ? error : mistakes.time}
      value={value}
      onValue={(text) => onValue(/^\d:\d\d$/.test(text) ? `0${text}` : text)}
    />
  );
}

function ZoneField({ value, error, onValue }: { value: string; error?: string; onValue: (zone: string) => void }) {
  const { fields } = useTexts().rule;
  const { timeZone } = useFormat();
  const zones = [...new Set([timeZone, value, ...Intl.supportedValuesOf("timeZone")])];
  return (
    <SelectField
      label={fields.timeZone}
      hint={fields.timeZoneHint}
      error={error}
      required
      value={value}
      onValue={onValue}
      options={zones.map((zone) => ({ value: zone, label: zone }))}
    />
  );
}
