// The buttons of the page of a person, and the dialogs that they open.
import type { AccessTargetsQuery, PersonQuery } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { ShareDialog } from "./share-dialog";
import { ResumeDialog, SuspendDialog } from "./suspend-dialog";
import { UnlockDialog } from "./unlock-dialog";

type Member = NonNullable<PersonQuery["member"]>;

export type DialogName = "unlock" | "share" | "suspend" | "resume";
/** Opens a dialog. */
export type Opens = (dialog: DialogName) => void;

export function Actions({ member, opens }: { member: Member; opens: Opens }) {
  const { unlocking, personLists, suspension } = useTexts();
  const { may } = useViewer();
  return (
    <>
      {may("unlock") && (
        <Button variant="primary" icon="doors" onClick={() => opens("unlock")}>
          {unlocking.open}
        </Button>
      )}
      {may("shareAccess") && <Button onClick={() => opens("share")}>{personLists.share}</Button>}
      {member.suspension
        ? may("resumeMember") && <Button onClick={() => opens("resume")}>{suspension.resume}</Button>
        : may("suspendMember") && (
            <Button variant="danger" onClick={() => opens("suspend")}>
              {suspension.suspend}
            </Button>
          )}
    </>
  );
}

interface DialogsProps {
  open: DialogName | null;
  member: Member;
  targets?: AccessTargetsQuery;
  refetch: () => Promise<void>;
  onClose: () => void;
}

export function Dialogs({ open, targets, ...props }: DialogsProps) {
  if (open === "suspend") return <SuspendDialog {...props} />;
  if (open === "resume") return <ResumeDialog {...props} />;
  if (!targets) return null;
  if (open === "unlock") return <UnlockDialog member={props.member} targets={targets} onClose={props.onClose} />;
  if (open === "share") return <ShareDialog {...props} targets={targets} />;
  return null;
}
