// How many of the people concerned have access on each day of the coming weeks, with and without the change.
import { useId } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { TargetNow } from "./changes";
import { type Day, dailyCounts, distinctChanges, haveNow } from "./spans";
import type { Preview } from "./use-preview";

const DAYS = 28;
const WIDTH = 560;
const HEIGHT = 150;
const LEFT = 34;
const TOP = 10;
const BOTTOM = 24;

/** The most at the top of the scale: at least 2, so that one person is no full height. */
const scaleTop = (days: readonly Day[]) => Math.max(2, ...days.flatMap(({ before, after }) => [before, after]));

export function AccessChart({ preview, target }: { preview: Preview; target?: string }) {
  const { ruleEffect } = useTexts();
  const now = Date.now();
  const changes = distinctChanges(preview.gains.nodes, preview.losses.nodes, target);
  if (changes.length === 0) return null;
  const days = dailyCounts(changes, now, DAYS);
  return (
    <figure class="chart">
      <figcaption>
        <strong>{ruleEffect.chartTitle}</strong>
        <span class="quiet small">
          {ruleEffect.chartLead} <Others target={target} now={haveNow(changes, now)} />
        </span>
      </figcaption>
      <ul class="legend small">
        <li data-line="before">{ruleEffect.without}</li>
        <li data-line="after">{ruleEffect.with}</li>
      </ul>
      <Lines days={days} />
      <Numbers days={days} />
    </figure>
  );
}

/** Those who have access whatever becomes of the change. */
function Others({ target, now }: { target?: string; now: number }) {
  const { ruleEffect } = useTexts();
  const { data } = useLive(TargetNow, { id: target ?? "" }, { pause: !target });
  const node = data?.node;
  const total = node && "allowedMembers" in node ? node.allowedMembers.totalCount : null;
  return total === null || total <= now ? null : <>{ruleEffect.chartOthers(total - now)}</>;
}

function Lines({ days }: { days: readonly Day[] }) {
  const { ruleEffect } = useTexts();
  const format = useFormat();
  const id = useId();
  const top = scaleTop(days);
  const x = (day: number) => LEFT + (day / days.length) * (WIDTH - LEFT);
  const y = (people: number) => TOP + (1 - people / top) * (HEIGHT - TOP - BOTTOM);
  const line = (side: "before" | "after") => days.map((day, index) => `${index ? "L" : "M"}${x(index)} ${y(day[side])}H${x(index + 1)}`).join("");
  const dateOf = (at: number) => new Intl.DateTimeFormat(format.locale, { day: "numeric", month: "short", timeZone: format.timeZone }).format(at);
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last) return null;
  const text = [
    ruleEffect.chartText(dateOf(first.at), dateOf(last.at)),
    ruleEffect.chartNow(first.before, first.after),
    ruleEffect.chartEnd(last.before, last.after),
  ];
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={id}>
      <title id={id}>{text.join(" ")}</title>
      {[0, Math.round(top / 2), top].map((people) => (
        <g key={people}>
          <line class="grid-line" x1={LEFT} x2={WIDTH} y1={y(people)} y2={y(people)} />
          <text x={LEFT - 8} y={y(people) + 4} text-anchor="end">
            {format.number(people)}
          </text>
        </g>
      ))}
      {[0, 7, 14, 21].map((day) => (
        <text key={day} x={x(day)} y={HEIGHT - 6}>
          {dateOf(days[day]?.at ?? first.at)}
        </text>
      ))}
      <path class="line" data-line="before" d={line("before")} />
      <path class="line" data-line="after" d={line("after")} />
    </svg>
  );
}

function Numbers({ days }: { days: readonly Day[] }) {
  const { ruleEffect } = useTexts();
  const format = useFormat();
  return (
    <details class="small">
      <summary>{ruleEffect.chartTable}</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{ruleEffect.day}</th>
            <th scope="col" data-align="end">
              {ruleEffect.without}
            </th>
            <th scope="col" data-align="end">
              {ruleEffect.with}
            </th>
          </tr>
        </thead>
        <tbody>
          {days.map(({ at, before, after }) => (
            <tr key={at}>
              <th scope="row">{format.date(new Date(at).toISOString())}</th>
              <td data-align="end">{format.number(before)}</td>
              <td data-align="end">{format.number(after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
