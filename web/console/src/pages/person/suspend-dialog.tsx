// Suspends a person with a reason, and lifts a suspension.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Confirm, Dialog } from "../../parts/dialog";
import { TextArea, TextField } from "../../parts/field";
import { ErrorSummary } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { instantOf } from "../../parts/zone";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { ResumeMember, SuspendMember } from "./mutations";

interface Props {
  member: { id: string; name: string };
  refetch: () => Promise<void>;
  onClose: () => void;
}

export function SuspendDialog({ member, refetch, onClose }: Props) {
  const { suspension, common } = useTexts();
  const { timeZone } = useFormat();
  const toast = useToast();
  const suspend = useMutationWithErrors(SuspendMember);
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const [isTried, setTried] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (!reason.trim()) return;
    const input = { member: member.id, reason: reason.trim(), until: instantOf(until, timeZone) };
    if (!(await suspend.run({ input }))) return;
    toast(suspension.done(member.name));
    onClose();
    await refetch();
  };
  return (
    <Dialog isOpen title={suspension.title(member.name)} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <p>{suspension.lead}</p>
        <TextArea
          label={suspension.reason}
          hint={suspension.reasonHint}
          required
          rows={3}
          maxLength={1000}
          value={reason}
          onValue={setReason}
          error={isTried && !reason.trim() ? suspension.reasonMissing : suspend.fieldError("reason")}
        />
        <TextField
          label={suspension.until}
          hint={suspension.untilHint}
          type="datetime-local"
          value={until}
          onValue={setUntil}
          error={suspend.fieldError("until")}
        />
        <ErrorSummary of={suspend} />
        <div class="dialog-foot">
          <Button onClick={onClose}>{common.cancel}</Button>
          <Button type="submit" variant="danger" isBusy={suspend.isBusy}>
            {suspension.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function ResumeDialog({ member, refetch, onClose }: Props) {
  const { suspension } = useTexts();
  const { role } = useViewer();
  const toast = useToast();
  const resume = useMutationWithErrors(ResumeMember);
  const confirm = async () => {
    if (!(await resume.run({ member: member.id }))) return;
    toast(suspension.resumed(member.name));
    onClose();
    await refetch();
  };
  return (
    <Confirm
      isOpen
      title={suspension.resumeTitle(member.name)}
      confirm={suspension.resume}
      isBusy={resume.isBusy}
      onConfirm={confirm}
      onCancel={onClose}
    >
      <p>{suspension.resumeBody}</p>
      {role === "DESK" && <p class="quiet">{suspension.resumeLimit}</p>}
      <ErrorSummary of={resume} />
    </Confirm>
  );
}
