// A slider over the hours of the coming seven days.
import { useId } from "preact/hooks";
import { Button } from "../../parts/button";
import { startOfDay } from "../../parts/zone";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";

export const HOUR_MS = 3_600_000;
export const HOURS = 7 * 24;

interface Props {
  /** The full hour that has begun: the slider's start, which means now. */
  start: number;
  /** So many hours after the start; 0 means now. */
  value: number;
  onValue: (value: number) => void;
}

export function Hours({ start, value, onValue }: Props) {
  const { door } = useTexts();
  const { locale, timeZone } = useFormat();
  const id = useId();
  const form = new Intl.DateTimeFormat(locale, {
    timeZone,
    weekday: "long",
    day: "numeric",
    month: "long",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const text = value === 0 ? door.now : form.format(start + value * HOUR_MS);
  const move = (hours: number) => onValue(Math.min(Math.max(value + hours, 0), HOURS));
  return (
    <div class="hours">
      <div class="row apart">
        <output htmlFor={id}>{value === 0 ? door.now : door.at(text)}</output>
        <div class="row">
          <Button size="small" icon="back" disabled={value === 0} onClick={() => move(-1)}>
            {door.earlier}
          </Button>
          <Button size="small" icon="next" disabled={value === HOURS} onClick={() => move(1)}>
            {door.later}
          </Button>
          <Button size="small" disabled={value === 0} onClick={() => onValue(0)}>
            {door.toNow}
          </Button>
        </div>
      </div>
      <label class="unseen" htmlFor={id}>
        {door.slider}
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={HOURS}
        step={1}
        value={value}
        aria-valuetext={text}
        onInput={(event) => onValue(Number(event.currentTarget.value))}
      />
      <Days start={start} />
    </div>
  );
}

function Days({ start }: { start: number }) {
  const { locale, timeZone } = useFormat();
  const label = new Intl.DateTimeFormat(locale, { timeZone, weekday: "short", day: "numeric" });
  const days = Array.from({ length: 7 }, (_, day) => startOfDay(start, timeZone, day + 1));
  return (
    <div class="hours-days" aria-hidden="true">
      {days.map((day) => (
        <span key={day} style={{ left: `${((day - start) / (HOURS * HOUR_MS)) * 100}%` }}>
          {label.format(day)}
        </span>
      ))}
    </div>
  );
}
