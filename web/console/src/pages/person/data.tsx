// What an admin does when a person asks for their data, or for its erasure.
import { useClient } from "@urql/preact";
import { useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Dialog } from "../../parts/dialog";
import { TextField } from "../../parts/field";
import { ErrorBox, ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { save } from "../../parts/download";
import { useTexts } from "../../texts";
import { EraseMember, ExportMember } from "./mutations";

interface Props {
  member: { id: string; name: string };
  isErased: boolean;
  refetch: () => Promise<void>;
}

export function PersonalData({ member, isErased, refetch }: Props) {
  const { personData } = useTexts();
  const { may, mayRead } = useViewer();
  const [isErasing, setErasing] = useState(false);
  if (!may("eraseMember") && !mayRead("exportMember")) return null;
  return (
    <Card title={personData.title}>
      <p class="quiet">{personData.lead}</p>
      <div class="row">
        {mayRead("exportMember") && <Export member={member} />}
        {may("eraseMember") && !isErased && (
          <Button variant="danger" onClick={() => setErasing(true)}>
            {personData.erase}
          </Button>
        )}
      </div>
      {isErasing && <EraseDialog member={member} refetch={refetch} onClose={() => setErasing(false)} />}
    </Card>
  );
}

const asJson = (data: unknown) => new Blob([JSON.stringify(data, null, 2)], { type: "application/json" });

function Export({ member }: { member: { id: string } }) {
  const { personData } = useTexts();
  const client = useClient();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const run = async () => {
    setBusy(true);
    const { data, error } = await client.query(ExportMember, { member: member.id }).toPromise();
    setBusy(false);
    setFailure(error && failureOf(error));
    if (data) save(asJson(data.exportMember), `member-${member.id}.json`);
  };
  return (
    <>
      <Button isBusy={isBusy} title={personData.exporting} onClick={() => void run()}>
        {personData.exportData}
      </Button>
      {failure && <ErrorBox failure={failure} />}
    </>
  );
}

interface EraseProps {
  member: { id: string; name: string };
  refetch: () => Promise<void>;
  onClose: () => void;
}

function EraseDialog({ member, refetch, onClose }: EraseProps) {
  const { personData, common } = useTexts();
  const toast = useToast();
  const erase = useMutationWithErrors(EraseMember);
  const [typed, setTyped] = useState("");
  const [isTried, setTried] = useState(false);
  const isSame = typed.trim() === member.name.trim();
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!isSame || !(await erase.run({ member: member.id }))) return;
    toast(personData.erasing);
    onClose();
    await refetch();
  };
  return (
    <Dialog isOpen title={personData.eraseTitle(member.name)} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <Notice tone="bad">
          <p>{personData.eraseBody}</p>
          <p>{personData.erasePlatform}</p>
        </Notice>
        <TextField
          label={personData.eraseType(member.name)}
          required
          autoComplete="off"
          spellcheck={false}
          value={typed}
          onValue={setTyped}
          error={isTried && !isSame ? personData.eraseMismatch : undefined}
        />
        <ErrorSummary of={erase} />
        <div class="dialog-foot">
          <Button onClick={onClose}>{common.cancel}</Button>
          <Button type="submit" variant="danger" isBusy={erase.isBusy}>
            {personData.eraseConfirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
