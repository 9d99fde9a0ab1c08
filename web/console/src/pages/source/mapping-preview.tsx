// What a mapping makes of a sample, asked again while somebody types.
import { useLive } from "../../api/use-live";
import type { TryMappingQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Card } from "../../parts/card";
import { Json } from "../../parts/json";
import { useDebounced } from "../../parts/debounced";
import { Loaded, Notice, ServerText } from "../../parts/states";
import { useTexts } from "../../texts";
import type { SampleChoice } from "./mapping-sample";
import { TryMapping } from "./operations";

interface Props {
  source: string;
  /** Undefined while the text is not JSON. */
  mapping: unknown;
  sample: SampleChoice;
}

const TYPING_MS = 500;

export function MappingPreview({ source, mapping, sample }: Props) {
  const { mapping: texts } = useTexts();
  const pasted = useDebounced(sample.pasted.trim(), TYPING_MS);
  const hasSample = Boolean(sample.delivery || pasted);
  const body = sample.delivery ? { delivery: sample.delivery, body: null } : { delivery: null, body: pasted };
  const isPaused = mapping === undefined || !hasSample;
  const result = useLive(TryMapping, { mapping: mapping ?? {}, source, ...body }, { pause: isPaused, keepPrevious: true });
  return (
    <Card title={texts.preview}>
      {hasSample ? (
        <div class="stack tight" aria-live="polite">
          <Loaded result={result}>{({ previewMapping }) => <Result preview={previewMapping} />}</Loaded>
        </div>
      ) : (
        <p class="quiet">{texts.noSample}</p>
      )}
    </Card>
  );
}

function Result({ preview: { eventType, events, note, problems } }: { preview: TryMappingQuery["previewMapping"] }) {
  const { mapping: texts } = useTexts();
  return (
    <>
      <p class="row">
        {eventType && <span>{texts.eventType(eventType)}</span>}
        <Badge tone={problems.length > 0 ? "bad" : "good"}>{problems.length > 0 ? texts.problems(problems.length) : texts.understood}</Badge>
      </p>
      {problems.map((problem, at) => (
        <Problem key={at} problem={problem} />
      ))}
      {note && (
        <Notice tone="info">
          <p>
            <ServerText>{note}</ServerText>
          </p>
        </Notice>
      )}
      {events.length === 0 ? (
        <p class="quiet">{texts.noEvents}</p>
      ) : (
        <>
          <h3>{texts.events(events.length)}</h3>
          {events.map((event, at) => (
            <Json key={at} value={event} label={`${texts.preview} ${at + 1}`} />
          ))}
        </>
      )}
    </>
  );
}

function Problem({ problem: { message, mappingPath, field } }: { problem: TryMappingQuery["previewMapping"]["problems"][number] }) {
  const { mapping: texts } = useTexts();
  const place = mappingPath ? `${texts.inMapping}: ${mappingPath.join(" › ")}` : field ? `${texts.inBody}: ${field}` : "";
  return (
    <Notice tone="bad">
      <p>
        <ServerText>{message}</ServerText>
      </p>
      {place && (
        <p class="small">
          <code>{place}</code>
        </p>
      )}
    </Notice>
  );
}
