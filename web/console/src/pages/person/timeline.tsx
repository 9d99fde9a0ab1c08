// When a person has access to each door and group, over a period that the user steps through.
import { useRef, useState } from "preact/hooks";
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Choice } from "../../parts/filters";
import { Loaded } from "../../parts/states";
import { Table } from "../../parts/table";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { PersonTimeline } from "./time-operations";
import { Chart } from "./timeline-chart";
import { type Period, type Row, type Segment, keyOf, periodOf } from "./timeline-rows";
import { type Words, useWords } from "./timeline-words";
import "./timeline.css";

interface Props {
  member: string;
  onTarget: (id: string) => void;
}

export function Timeline({ member, onTarget }: Props) {
  const { personTimeline } = useTexts();
  const { timeZone } = useFormat();
  const [days, setDays] = useState(7);
  const [daysLater, setDaysLater] = useState(0);
  const period = periodOf(Date.now(), timeZone, days, daysLater);
  const variables = { id: member, from: new Date(period.from).toISOString(), until: new Date(period.until).toISOString() };
  const result = useLive(PersonTimeline, variables, { keepPrevious: true });
  // The bars of the former period stay in their own scale until those of the new one are there.
  const shown = useRef(period);
  if (!result.isLoading || !result.data) shown.current = period;
  return (
    <Card title={personTimeline.title}>
      <div class="row apart timeline-controls">
        <div class="row">
          <Button size="small" icon="back" onClick={() => setDaysLater(daysLater - days)}>
            {personTimeline.earlier}
          </Button>
          <Button size="small" disabled={daysLater === 0} onClick={() => setDaysLater(0)}>
            {personTimeline.today}
          </Button>
          <Button size="small" icon="next" onClick={() => setDaysLater(daysLater + days)}>
            {personTimeline.later}
          </Button>
          <PeriodText period={period} />
        </div>
        <Choice
          label={personTimeline.range}
          value={String(days)}
          onValue={(value) => setDays(Number(value))}
          options={Object.entries(personTimeline.ranges).map(([value, label]) => ({ value, label }))}
        />
      </div>
      <Loaded result={result}>
        {({ member: found }) => <Content key={shown.current.from + shown.current.days} rows={found?.timeline ?? []} period={shown.current} onTarget={onTarget} />}
      </Loaded>
    </Card>
  );
}

const linesOf = (rows: Row[]): { row: Row; segment: Segment }[] => rows.flatMap((row) => row.segments.map((segment) => ({ row, segment })));

function PeriodText({ period }: { period: Period }) {
  const { locale, timeZone } = useFormat();
  const form = new Intl.DateTimeFormat(locale, { timeZone, day: "numeric", month: "short", year: "numeric" });
  return (
    <span class="number" role="status">
      {form.formatRange(period.from, period.until - 1)}
    </span>
  );
}

function Content({ rows, period, onTarget }: { rows: Row[]; period: Period; onTarget: Props["onTarget"] }) {
  const { personTimeline } = useTexts();
  const words = useWords(period);
  const [chosen, setChosen] = useState<string | null>(null);
  const open = rows.filter(({ segments }) => segments.length > 0);
  const shut = rows.filter(({ segments }) => segments.length === 0);
  if (rows.length === 0) return <p class="quiet">{personTimeline.nothing}</p>;
  return (
    <>
      {open.length > 0 && (
        <>
          <Chart
            rows={open}
            period={period}
            now={Date.now()}
            words={words}
            chosen={chosen}
            onSegment={(row, segment) => setChosen(keyOf(row, segment))}
            onTarget={onTarget}
          />
          <Chosen rows={open} chosen={chosen} words={words} />
        </>
      )}
      {shut.length > 0 && <Shut rows={shut} onTarget={onTarget} />}
      {open.length > 0 && <AsTable rows={open} words={words} />}
      {period.from < Date.now() - 86_400_000 && <p class="quiet small">{personTimeline.past}</p>}
    </>
  );
}

/** The time and the cause of the bar that has the focus or the pointer. */
function Chosen({ rows, chosen, words }: { rows: Row[]; chosen: string | null; words: Words }) {
  const { personTimeline } = useTexts();
  const [found] = linesOf(rows).filter(({ row, segment }) => keyOf(row, segment) === chosen);
  if (!found) return <p class="quiet small timeline-chosen">{personTimeline.hint}</p>;
  const { row, segment } = found;
  return (
    <p class="timeline-chosen">
      <strong>{row.target.name.trim()}</strong>: {words.time(segment)}, {personTimeline.because(words.causes(segment))}.
      {segment.rules.map(({ id, name }) => (
        <PageLink key={id} to={`/rules/${id}`} class="small">
          {name}
        </PageLink>
      ))}
    </p>
  );
}

function Shut({ rows, onTarget }: { rows: Row[]; onTarget: Props["onTarget"] }) {
  const { personTimeline } = useTexts();
  return (
    <div class="row timeline-shut">
      <span class="quiet">{personTimeline.nothingInPeriod}:</span>
      {rows.map(({ target }) => (
        <Button key={target.id} size="small" variant="plain" onClick={() => onTarget(target.id)}>
          {target.name.trim()}
        </Button>
      ))}
    </div>
  );
}

function AsTable({ rows, words }: { rows: Row[]; words: Words }) {
  const { personTimeline } = useTexts();
  return (
    <details>
      <summary>{personTimeline.table}</summary>
      <Table
        caption={personTimeline.title}
        rows={linesOf(rows)}
        keyOf={({ row, segment }) => keyOf(row, segment)}
        columns={[
          { header: personTimeline.target, cell: ({ row }) => row.target.name.trim() },
          { header: personTimeline.time, cell: ({ segment }) => words.time(segment) },
          { header: personTimeline.cause, cell: ({ segment }) => words.causes(segment) },
        ]}
      />
    </details>
  );
}
