// The drawn timeline: a row for each door or group, a bar for each time with access.
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { type Period, type Row, type Segment, keyOf, percentOf, ticksOf } from "./timeline-rows";
import type { Words } from "./timeline-words";

interface Props {
  rows: Row[];
  period: Period;
  now: number;
  words: Words;
  /** The key of the bar whose cause is shown. */
  chosen: string | null;
  onSegment: (row: Row, segment: Segment) => void;
  onTarget: (id: string) => void;
}

const left = (at: number, period: Period) => ({ left: `${percentOf(at, period)}%` });

export function Chart(props: Props) {
  const { rows, period, now } = props;
  const { timeZone } = useFormat();
  const ticks = ticksOf(period, timeZone);
  const isNowShown = now >= period.from && now < period.until;
  return (
    <div class="timeline">
      <Scale ticks={ticks} period={period} now={isNowShown ? now : null} />
      <ul>
        {rows.map((row) => (
          <li key={row.target.id} class="timeline-row">
            <button type="button" class="timeline-name" onClick={() => props.onTarget(row.target.id)}>
              {row.target.name.trim()}
            </button>
            <div class="timeline-track">
              {ticks.map((tick) => (
                <i key={tick} class="timeline-line" style={left(tick, period)} />
              ))}
              <Bars row={row} {...props} />
              {isNowShown && <i class="timeline-now" style={left(now, period)} />}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Where the label of the present must not be centred, since it would leave the scale. */
const sideOf = (percent: number) => (percent < 6 ? "start" : percent > 94 ? "end" : undefined);

function Scale({ ticks, period, now }: { ticks: number[]; period: Period; now: number | null }) {
  const { personTimeline } = useTexts();
  const { locale, timeZone } = useFormat();
  const form: Intl.DateTimeFormatOptions =
    period.days === 1
      ? { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
      : period.days === 7
        ? { timeZone, weekday: "short", day: "numeric" }
        : { timeZone, day: "numeric", month: "short" };
  const label = new Intl.DateTimeFormat(locale, form);
  return (
    <div class="timeline-row timeline-scale" aria-hidden="true">
      <span />
      <div>
        {ticks.map((tick) => (
          <span key={tick} style={left(tick, period)}>
            {label.format(tick)}
          </span>
        ))}
        {now !== null && (
          <b style={left(now, period)} data-side={sideOf(percentOf(now, period))}>
            {personTimeline.now}
          </b>
        )}
      </div>
    </div>
  );
}

function Bars({ row, period, words, chosen, onSegment }: Props & { row: Row }) {
  const { personTimeline } = useTexts();
  return (
    <>
      {row.segments.map((segment) => {
        const start = percentOf(Date.parse(segment.from), period);
        const end = percentOf(Date.parse(segment.until), period);
        return (
          <button
            key={segment.from}
            type="button"
            class="timeline-bar"
            data-share={segment.rules.length === 0}
            aria-pressed={keyOf(row, segment) === chosen}
            aria-label={personTimeline.bar(row.target.name.trim(), words.time(segment), words.causes(segment))}
            style={{ left: `${start}%`, width: `${end - start}%` }}
            onFocus={() => onSegment(row, segment)}
            onClick={() => onSegment(row, segment)}
            onMouseEnter={() => onSegment(row, segment)}
          />
        );
      })}
    </>
  );
}
