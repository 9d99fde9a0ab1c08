// Step 3: the platform, its address and secret, and the first event.
import { useState } from "preact/hooks";
import { PageLink } from "..";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Badge } from "../../parts/badge";
import { Button } from "../../parts/button";
import { TextField } from "../../parts/field";
import { CopyText, SecretOnce } from "../../parts/secret";
import { ErrorSummary, Notice, ServerText } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { SetupReadSource, SetupSourceSecret } from "./changes";
import type { StepProps } from "./page";
import { type Source, hasArrived } from "./progress";
import { SourceForm } from "./source-form";
import { TestEvent } from "./test-event";
import { Waiting } from "./waiting";

interface Secret {
  source: string;
  secret: string;
}

export function SourceStep({ data, refetch }: StepProps) {
  const { setupSource: texts } = useTexts();
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState<Secret | null>(null);
  const created = async (source: string, value: string | null) => {
    setAdding(false);
    setSecret(value ? { source, secret: value } : null);
    await refetch();
  };
  return (
    <>
      <p class="quiet">{texts.lead}</p>
      {data.sources.map((source) => (
        <SourceBox key={source.id} source={source} secret={secret?.source === source.id ? secret.secret : null} refetch={refetch} />
      ))}
      {data.sources.length === 0 || isAdding ? (
        <SourceForm onCreated={created} onCancel={data.sources.length > 0 ? () => setAdding(false) : undefined} />
      ) : (
        <div>
          <Button icon="add" size="small" onClick={() => setAdding(true)}>
            {texts.another}
          </Button>
        </div>
      )}
    </>
  );
}

interface BoxProps {
  source: Source;
  secret: string | null;
  refetch: () => Promise<void>;
}

function SourceBox({ source, secret, refetch }: BoxProps) {
  const { setupSource: texts } = useTexts();
  const isWorking = hasArrived(source);
  const isBad = source.problems.length > 0;
  return (
    <section class="box stack" aria-label={source.name}>
      <div class="row apart">
        <h3>
          <PageLink to={`/sources/${source.id}`} otherwise={source.name}>
            {source.name}
          </PageLink>{" "}
          <span class="quiet small">{textFor(texts.platforms, source.platform)}</span>
        </h3>
        <Badge tone={isBad ? "bad" : isWorking ? "good" : "info"}>{isBad ? texts.problem : isWorking ? texts.working : texts.waiting}</Badge>
      </div>
      {source.problems.map(({ kind, message }) => (
        <Notice key={kind} tone="bad">
          <ServerText>{message}</ServerText>
        </Notice>
      ))}
      {(!isWorking || secret) && <Address source={source} secret={secret} />}
      {source.readEvery && <Reading source={source} refetch={refetch} />}
      <Waiting source={source} refetch={refetch} />
      {(!isWorking || secret) && <TestEvent source={source} secret={secret} />}
    </section>
  );
}

function Address({ source, secret }: { source: Source; secret: string | null }) {
  const { setupSource: texts } = useTexts();
  return (
    <div class="stack">
      <div class="stack tight">
        <h4>{texts.address}</h4>
        <p class="quiet small">{source.webhookUrl ? texts.addressHint : texts.noPublicUrl}</p>
        <CopyText label={texts.address} text={source.webhookUrl ?? source.webhookPath} />
      </div>
      {secret && (
        <div class="stack tight">
          <h4>{texts.secret}</h4>
          <SecretOnce label={texts.secret} secret={secret} />
        </div>
      )}
      {!secret && <p class="quiet small">{source.signature === "NUDGE" ? texts.unsigned : texts.secretGone}</p>}
      {source.platform === "SPACEBRING" && <PlatformSecret source={source} />}
    </div>
  );
}

/** The secret of an endpoint that the platform itself generates. */
function PlatformSecret({ source }: { source: Source }) {
  const { setupSource: texts } = useTexts();
  const toast = useToast();
  const mutation = useMutationWithErrors(SetupSourceSecret);
  const [secret, setSecret] = useState("");
  const save = async (event: Event) => {
    event.preventDefault();
    if (!(await mutation.run({ source: source.id, secret: secret.trim() }))) return;
    setSecret("");
    toast(texts.secretSaved);
  };
  return (
    <form class="stack tight" noValidate onSubmit={save}>
      <TextField
        type="password"
        label={texts.platformSecret}
        hint={texts.platformSecretHint}
        required
        autoComplete="off"
        error={mutation.fieldError("secret")}
        value={secret}
        onValue={setSecret}
      />
      <ErrorSummary of={mutation} />
      <div>
        <Button type="submit" size="small" isBusy={mutation.isBusy} disabled={!secret.trim()}>
          {texts.saveSecret}
        </Button>
      </div>
    </form>
  );
}

function Reading({ source, refetch }: { source: Source; refetch: () => Promise<void> }) {
  const { setupSource: texts } = useTexts();
  const format = useFormat();
  const toast = useToast();
  const mutation = useMutationWithErrors(SetupReadSource);
  const read = async () => {
    if (!(await mutation.run({ source: source.id }))) return;
    toast(texts.reading);
    await refetch();
  };
  return (
    <div class="stack tight">
      <div class="row">
        <p>{source.lastReadAt ? texts.read(format.time(source.lastReadAt)) : source.problems.length === 0 && texts.notRead}</p>
        <Button size="small" isBusy={mutation.isBusy} onClick={read}>
          {texts.readNow}
        </Button>
      </div>
      <ErrorSummary of={mutation} />
    </div>
  );
}
