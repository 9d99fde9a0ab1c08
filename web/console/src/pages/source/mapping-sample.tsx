// The body that a mapping is tried on: a stored delivery, or pasted text.
import { useEffect } from "preact/hooks";
import { useLive } from "../../api/use-live";
import type { SourceMappingQuery } from "../../gql/graphql";
import { Card } from "../../parts/card";
import { SelectField, TextArea } from "../../parts/field";
import { JsonText } from "../../parts/json";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { MappingSample } from "./operations";

export interface SampleChoice {
  /** The id of a delivery; empty for pasted text. */
  delivery: string;
  pasted: string;
}

interface Props {
  deliveries: SourceMappingQuery["deliveries"]["nodes"];
  choice: SampleChoice;
  choose: (choice: SampleChoice) => void;
}

export function Sample({ deliveries, choice, choose }: Props) {
  const { mapping: texts, sources, deliveries: words } = useTexts();
  const format = useFormat();
  const stored = deliveries.filter(({ bodyRemoved }) => !bodyRemoved);
  const first = stored[0]?.id;
  // The latest delivery is what somebody who opens the editor most likely wants to see.
  useEffect(() => {
    if (first && !choice.delivery && !choice.pasted) choose({ ...choice, delivery: first });
  }, []);
  return (
    <Card title={texts.sample}>
      <SelectField
        label={texts.sampleFrom}
        required
        value={choice.delivery}
        onValue={(delivery) => choose({ ...choice, delivery })}
        options={[
          ...stored.map(({ id, eventType, status, receivedAt }) => ({
            value: id,
            label: `${eventType ?? words.unreadable}, ${format.time(receivedAt)}, ${textFor(sources.statuses, status)}`,
          })),
          { value: "", label: texts.paste },
        ]}
      />
      {choice.delivery ? (
        <Body id={choice.delivery} />
      ) : (
        <TextArea
          label={texts.pasted}
          hint={texts.pastedHint}
          required
          rows={8}
          spellcheck={false}
          value={choice.pasted}
          onValue={(pasted) => choose({ ...choice, pasted })}
        />
      )}
    </Card>
  );
}

function Body({ id }: { id: string }) {
  const { mapping: texts } = useTexts();
  const { data } = useLive(MappingSample, { id });
  const body = data?.node && "body" in data.node ? data.node.body : undefined;
  return body ? <JsonText label={texts.pasted} text={body} /> : null;
}
