// Step 1: the Kisi organization, by key or login, and its door events.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Badge } from "../../parts/badge";
import { Button } from "../../parts/button";
import { TextField } from "../../parts/field";
import { ErrorSummary, Notice, ServerText } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { KisiForm } from "./kisi-form";
import { ListenToKisi } from "./changes";
import type { StepProps } from "./page";
import { type Account, usedAccounts } from "./progress";

export function KisiStep({ data, refetch }: StepProps) {
  const { kisi } = useTexts().setup;
  const [isAdding, setAdding] = useState(false);
  const accounts = usedAccounts(data);
  const done = async () => {
    setAdding(false);
    await refetch();
  };
  return (
    <>
      <p class="quiet">{kisi.lead}</p>
      {accounts.map((account) => (
        <AccountBox key={account.id} account={account} refetch={refetch} />
      ))}
      {accounts.length === 0 || isAdding ? (
        <KisiForm onDone={done} onCancel={accounts.length > 0 ? () => setAdding(false) : undefined} />
      ) : (
        <div>
          <Button icon="add" size="small" onClick={() => setAdding(true)}>
            {kisi.connectAnother}
          </Button>
        </div>
      )}
    </>
  );
}

function AccountBox({ account, refetch }: { account: Account; refetch: () => Promise<void> }) {
  const { setup } = useTexts();
  const format = useFormat();
  const [isEditing, setEditing] = useState(false);
  const { name, status, problem, lastReadAt, groups } = account;
  const isConnected = status === "CONNECTED";
  const needsCredentials = status === "UNAUTHORIZED" || isEditing;
  return (
    <section class="box stack" aria-label={name}>
      <div class="row apart">
        <h3>{name}</h3>
        <Badge tone={isConnected ? "good" : "bad"}>{textFor(setup.kisi.status, status)}</Badge>
      </div>
      {problem && (
        <Notice tone="bad">
          <ServerText>{problem}</ServerText>
        </Notice>
      )}
      <p class="quiet small">{[setup.kisi.summary(groups.length), lastReadAt && setup.kisi.lastRead(format.time(lastReadAt))].filter(Boolean).join(" · ")}</p>
      {needsCredentials ? (
        <KisiForm
          account={account.id}
          onCancel={isEditing ? () => setEditing(false) : undefined}
          onDone={async () => {
            setEditing(false);
            await refetch();
          }}
        />
      ) : (
        <div>
          <Button size="small" onClick={() => setEditing(true)}>
            {setup.kisi.newCredentials}
          </Button>
        </div>
      )}
      {isConnected && <Listening account={account} refetch={refetch} />}
    </section>
  );
}

function Listening({ account, refetch }: { account: Account; refetch: () => Promise<void> }) {
  const { kisi } = useTexts().setup;
  const toast = useToast();
  const mutation = useMutationWithErrors(ListenToKisi);
  const [publicUrl, setPublicUrl] = useState(location.protocol === "https:" ? location.origin : "");
  if (account.listening) return <Notice tone="good" title={kisi.listening} />;
  const listen = async (event: Event) => {
    event.preventDefault();
    if (!(await mutation.run({ account: account.id, publicUrl: publicUrl.trim() || null }))) return;
    toast(kisi.listens);
    await refetch();
  };
  return (
    <form class="stack" noValidate onSubmit={listen}>
      <p>{kisi.notListening}</p>
      <TextField
        type="url"
        label={kisi.publicUrl}
        hint={kisi.publicUrlHint}
        placeholder="https://latchkey.example.com"
        error={mutation.fieldError("publicUrl")}
        value={publicUrl}
        onValue={setPublicUrl}
      />
      <ErrorSummary of={mutation} />
      <div>
        <Button type="submit" isBusy={mutation.isBusy}>
          {kisi.listen}
        </Button>
      </div>
    </form>
  );
}
