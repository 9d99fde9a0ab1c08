// The editor of a mapping, with a live preview of what it makes of a delivery or of a pasted body.
import { useEffect, useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Badge } from "../../parts/badge";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { TextArea } from "../../parts/field";
import { useDebounced } from "../../parts/debounced";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, ErrorSummary, Loaded } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useTexts } from "../../texts";
import type { PageProps } from "..";
import { EditSource } from "../sources/operations";
import { MappingPreview } from "./mapping-preview";
import "./mapping.css";
import { Sample, type SampleChoice } from "./mapping-sample";
import { SourceMapping } from "./operations";
import { isSource } from "./page";

const TYPING_MS = 500;

export function Page({ params: { id = "" } }: PageProps) {
  const texts = useTexts();
  const result = useLive(SourceMapping, { id });
  const node = result.data?.node;
  const source = isSource(node) ? node : undefined;
  const name = source?.name ?? "";
  return (
    <>
      <PageHeader
        title={source ? texts.mapping.title(name) : texts.source.mapping}
        lead={texts.mapping.lead}
        back={{ to: `/sources/${id}`, label: name || texts.sources.title }}
        query={{ document: SourceMapping, variables: { id } }}
      />
      <Loaded result={result}>
        {({ deliveries }) =>
          source?.mapping ? (
            <Editor id={id} saved={JSON.stringify(source.mapping, null, 2)} deliveries={deliveries.nodes} refetch={result.refetch} />
          ) : (
            <EmptyState title={texts.source.missing} icon="search" />
          )
        }
      </Loaded>
    </>
  );
}

export type Deliveries = Parameters<typeof Sample>[0]["deliveries"];

interface EditorProps {
  id: string;
  saved: string;
  deliveries: Deliveries;
  refetch: () => unknown;
}

function parsed(text: string): { value?: unknown; fault?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : "" };
  }
}

function Editor({ id, saved, deliveries, refetch }: EditorProps) {
  const { mapping: texts } = useTexts();
  const toast = useToast();
  const [text, setText] = useState(saved);
  const [sample, setSample] = useState<SampleChoice>({ delivery: "", pasted: "" });
  const save = useMutationWithErrors(EditSource);
  const settled = useDebounced(text, TYPING_MS);
  const { fault, value } = parsed(text);
  const isChanged = text !== saved;
  useUnsavedWarning(isChanged);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (fault !== undefined) return;
    if (!(await save.run({ input: { source: id, mapping: value } }))) return;
    setText(JSON.stringify(value, null, 2));
    toast(texts.saved);
    refetch();
  };
  return (
    <form class="mapping" onSubmit={(event) => void submit(event)} noValidate>
      <Card>
        <TextArea
          label={texts.text}
          required
          rows={24}
          spellcheck={false}
          value={text}
          onValue={setText}
          error={fault === undefined ? save.fieldError("mapping") : texts.invalid(fault)}
        />
        <ErrorSummary of={save} />
        <div class="row apart">
          <span>{isChanged && <Badge tone="info">{texts.unsaved}</Badge>}</span>
          <Button type="submit" variant="primary" disabled={!isChanged || fault !== undefined} isBusy={save.isBusy}>
            {texts.save}
          </Button>
        </div>
      </Card>
      <div class="stack">
        <Sample deliveries={deliveries} choice={sample} choose={setSample} />
        <MappingPreview source={id} mapping={parsed(settled).value} sample={sample} />
      </div>
    </form>
  );
}

/** The browser asks before the tab closes over text that is not saved. */
function useUnsavedWarning(isChanged: boolean) {
  useEffect(() => {
    if (!isChanged) return;
    const warn = (event: Event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isChanged]);
}
